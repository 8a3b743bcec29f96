"""The whole repository in one process, without a server: for tests, benchmarks and debugging.

It reads the same contracts and runs the same ``model.py`` files, so what it computes is what Triton computes;
what it leaves out is the serving (processes, batching, the wire, answers in parts).
"""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.checkout import REPOSITORY, has
from bridge.contracts import CONTRACTS, KNOWN, LEARNED, Backend, Contract
from bridge.errors import ArtifactMissing
from bridge.triton.model import Array, Arrays, Infer, Model, callees
from bridge.triton.streaming import Place, StreamingModel, Work
from bridge.triton.tensors import checked, complete

if TYPE_CHECKING:
    from bridge.finish.networks import Networks


class LocalModels(Mapping[str, Infer]):
    """Every model by name, loaded when first asked for; the learned scores' networks where they are installed.

    ``seconds`` holds the time of each model's last call [s]; an ensemble's includes its steps'.
    """

    def __init__(self, repository: Path = REPOSITORY) -> None:
        self._repository = repository
        self._loaded: dict[str, Infer] = {}
        self.seconds: dict[str, float] = {}

    def __iter__(self) -> Iterator[str]:
        yield from CONTRACTS
        yield from (name for name in LEARNED if has(self._repository, name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, name: str) -> Infer:
        if name not in self._loaded:
            self._loaded[name] = self._load(KNOWN[name])
        return partial(self._timed, KNOWN[name])

    def _timed(self, contract: Contract, **arrays: Array) -> Arrays:
        start = time.perf_counter()
        outputs = checked(contract, self._loaded[contract.name](**complete(contract, arrays)))
        self.seconds[contract.name] = time.perf_counter() - start
        return outputs

    def _load(self, contract: Contract) -> Infer:
        if contract.backend is Backend.ENSEMBLE:
            return partial(self._run_steps, contract)
        folder = self._repository / contract.name / "1"
        if contract.backend is Backend.ONNXRUNTIME:
            return _open_onnx(folder / "model.onnx")
        model = _import_model(folder / "model.py")
        if isinstance(model, StreamingModel):
            return _to_the_end(model.work(Place(folder, "cpu", {"jobs": "1"}, self, self._networks)))
        return model.load({name: self[name] for name in callees(contract, self._repository)})

    def _networks(self, contracts: Mapping[str, Contract]) -> Networks:
        from bridge.triton import sessions  # brings torch, which only the finisher needs

        return sessions.networks(contracts, self._opened)

    def _opened(self, network: str) -> Infer:
        """Return a network that no constant contract names."""
        if network not in self._loaded:
            self._loaded[network] = _open_onnx(self._repository / network / "1" / "model.onnx")
        return self._loaded[network]

    def _run_steps(self, contract: Contract, **tensors: Array) -> Arrays:
        pending = list(contract.steps)
        while pending:
            step = next(s for s in pending if set(s.inputs.values()) <= tensors.keys())
            pending.remove(step)
            outputs = self[step.model](**{name: tensors[source] for name, source in step.inputs.items()})
            tensors |= {target: outputs[name] for name, target in step.outputs.items()}
        return {tensor.name: tensors[tensor.name] for tensor in contract.outputs}


class _Nobody:
    """Waits for the last part of an answer only."""

    def send(self, arrays: Arrays) -> None:
        """Hear nothing of it."""

    def cancelled(self) -> bool:
        """Wait to the end."""
        return False


def _to_the_end(work: Work) -> Infer:
    """Return what answers with the last part alone."""

    def infer(**arrays: Array) -> Arrays:
        async def answer() -> Arrays:
            return await work(arrays, _Nobody())

        return asyncio.run(answer())

    return infer


def _import_model(path: Path) -> Model:
    spec = importlib.util.spec_from_file_location(f"model_repository_{path.parts[-3]}", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model: Model = module.TritonPythonModel()
    return model


def _open_onnx(path: Path) -> Infer:
    import onnxruntime as ort

    if not path.exists():
        raise ArtifactMissing(f"{path.parts[-3]}/1/model.onnx has not been built; run `make export` first")
    options = ort.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def infer(**arrays: Array) -> Arrays:
        return dict(zip(names, session.run(names, arrays), strict=True))

    return infer
