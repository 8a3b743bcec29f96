"""How far an exported network lies from its source in float32, and whether that is near enough to be installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from bridge.contracts import ANY, Contract, DType, Tensor
from bridge.errors import ConversionFailed
from export.precision import BOUNDS, Precision

Tensors = Mapping[str, torch.Tensor]
Runner = Callable[[Tensors], Tensors]

DTYPES: Mapping[DType, torch.dtype] = {
    DType.FP32: torch.float32,
    DType.FP16: torch.float16,
    DType.INT64: torch.int64,
}

ROWS = (1, 3)
"""The batches that are tried; neither is the one that export looked at."""

_PACKAGES = ("torch", "diffusers", "transformers", "onnx", "onnxruntime")


@dataclass(frozen=True)
class Difference:
    """How far an output lies from the source's; ``max_rel`` is ``max_abs`` over the output's largest magnitude."""

    max_abs: float
    max_rel: float
    bound: float


@dataclass(frozen=True)
class Proof:
    """What was compared: by output, on which batches, run by what."""

    differences: Mapping[str, Difference]
    rows: tuple[int, ...]
    runner: str
    versions: Mapping[str, str]


def compare(
    run: Runner,
    name: str,
    contract: Contract,
    trials: Sequence[Tensors],
    expected: Sequence[Tensors],
    precision: Precision,
) -> Proof:
    """Compare what a runner computes with what the source does in float32.

    Args:
        run: the exported network.
        name: of what runs it.
        contract: the network's.
        trials: inputs, a batch of each number of :data:`ROWS`.
        expected: the source's outputs for them.
        precision: in which the exported network computes.

    Raises:
        ConversionFailed: an output has another shape or type, isn't finite, or exceeds its bound.
    """
    found = [run(inputs) for inputs in trials]
    differences = {}
    for tensor in contract.outputs:
        pairs = [(a[tensor.name], b[tensor.name]) for a, b in zip(found, expected, strict=True)]
        for one, other in pairs:
            if one.shape != other.shape or not _fulfils(one, tensor):
                wanted = f"{tensor.dtype.value}{[len(other), *tensor.shape]}"
                raise ConversionFailed(
                    f"{contract.name}: {tensor.name} came out as {one.dtype}{list(one.shape)}, not as {wanted}; the "
                    "network's module does not fulfil its contract"
                )
        differences[tensor.name] = _difference(f"{contract.name}: {tensor.name}", pairs, BOUNDS[precision])
    return Proof(differences, ROWS, name, {package: version(package) for package in _PACKAGES})


def onnx_runner(path: Path) -> Runner:
    """Return an ONNX file, run by onnxruntime on the CPU.

    Raises:
        ConversionFailed: onnxruntime can't load it, and, when it is run, that it can't run on such inputs.
    """
    import onnxruntime

    with _in_words():
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(inputs: Tensors) -> Tensors:
        with _in_words():
            arrays = session.run(names, {name: each.numpy() for name, each in inputs.items()})
        return {name: torch.from_numpy(array) for name, array in zip(names, arrays, strict=True)}

    return run


def _fulfils(found: torch.Tensor, tensor: Tensor) -> bool:
    sizes = found.shape[1:]
    known = len(sizes) == len(tensor.shape) and all(
        wanted in {ANY, size} for size, wanted in zip(sizes, tensor.shape, strict=True)
    )
    return known and found.dtype == DTYPES[tensor.dtype]


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # onnxruntime's errors have no class of their own above them
        raise ConversionFailed(
            f"onnxruntime can't run the network; nothing was installed: {error}"
        ) from error


def run_module(module: torch.nn.Module, contract: Contract, inputs: Tensors) -> Tensors:
    """Run a PyTorch module by the contract's names."""
    with torch.no_grad():
        outputs = module(*inputs.values())
    return dict(zip([tensor.name for tensor in contract.outputs], outputs, strict=True))


def _difference(name: str, pairs: list[tuple[torch.Tensor, torch.Tensor]], bound: float) -> Difference:
    max_abs = float(torch.stack([(one.float() - other.float()).abs().max() for one, other in pairs]).max())
    largest = max(float(other.abs().max()) for _, other in pairs)
    difference = Difference(max_abs, max_abs / max(largest, 1e-12), bound)
    if not difference.max_rel <= bound:
        raise ConversionFailed(
            f"{name} lies {difference.max_rel:.2g} of its largest value from its source's in float32, more than the "
            f"{bound:g} that its precision allows; nothing was installed: choose a finer precision"
        )
    return difference
