"""Proves that a translated network computes what its source does: on a photo and on noise, alone and in a batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import numpy.typing as npt

from bridge.contracts import Contract
from bridge.errors import ConversionFailed
from export.recipes import Bound, Recipe

Floats = npt.NDArray[np.float32]

THREADS = 2
_TIMED_RUNS = 10


@dataclass(frozen=True)
class Difference:
    """How far an output lies from LiteRT's, at worst over all crops.

    ``max_rel`` is ``max_abs`` over the output's largest magnitude; ``error`` is in ``unit`` and must not
    exceed ``bound``.
    """

    max_abs: float
    max_rel: float
    error: float
    unit: str
    bound: float


@dataclass(frozen=True)
class Proof:
    """What was measured: differences by output, and the shortest time of one crop on two threads [ms]."""

    differences: Mapping[str, Difference]
    litert_ms: float
    onnx_ms: float
    versions: Mapping[str, str]


class LiteRtNetwork:
    """The source, run by its own interpreter."""

    def __init__(self, content: bytes, recipe: Recipe) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_content=content, num_threads=THREADS)
        self._interpreter.allocate_tensors()
        self._input: int = self._interpreter.get_input_details()[0]["index"]
        indices = {d["name"]: d["index"] for d in self._interpreter.get_output_details()}
        self._outputs: dict[str, int] = {name: indices[source] for name, source in recipe.sources.items()}

    def __call__(self, crop: Floats) -> dict[str, Floats]:
        """Run one crop ``[1, side, side, 3]``; outputs keep LiteRT's shapes."""
        self._interpreter.set_tensor(self._input, crop)
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(index) for name, index in self._outputs.items()}


class OnnxNetwork:
    """The translation, run by onnxruntime on the CPU."""

    def __init__(self, content: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # as the server runs it
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._names: list[str] = [output.name for output in self._session.get_outputs()]

    def __call__(self, crop: Floats) -> dict[str, Floats]:
        """Run a batch of crops ``[batch, side, side, 3]``."""
        return dict(zip(self._names, self._session.run(self._names, {"crop": crop}), strict=True))


def prove(source: bytes, translation: bytes, contract: Contract, recipe: Recipe) -> Proof:
    """Compare a translation with its source.

    Args:
        source: the LiteRT file.
        translation: the ONNX file.
        contract: the model that it becomes.
        recipe: how it is tried and how exact it must be.

    Raises:
        ConversionFailed: an output's shape is wrong, or it lies further from the source's than its bound.
    """
    crops = example_crops(contract, recipe)
    litert, onnx = LiteRtNetwork(source, recipe), OnnxNetwork(translation)
    expected = _stack([litert(crop[None]) for crop in crops])
    alone, together = _stack([onnx(crop[None]) for crop in crops]), onnx(crops)
    differences = {}
    for tensor in contract.outputs:
        truth = expected[tensor.name].reshape(len(crops), *tensor.shape)
        found = np.stack([alone[tensor.name], together[tensor.name]])
        differences[tensor.name] = _difference(contract, tensor.name, truth, found, recipe)
    return Proof(
        differences,
        litert_ms=_milliseconds(lambda: litert(crops[:1])),
        onnx_ms=_milliseconds(lambda: onnx(crops[:1])),
        versions={name: version(name) for name in ("ai-edge-litert", "onnx", "onnxruntime", "numpy")},
    )


def example_crops(contract: Contract, recipe: Recipe) -> Floats:
    """Return a photo's crop, its mirror image, and noise: ``[3, side, side, 3]`` in the network's range.

    The photo is scikit-image's astronaut (Eileen Collins; NASA, public domain).
    """
    import cv2
    from skimage.data import astronaut

    left, top, side = recipe.photo
    photo = np.asarray(astronaut())[top : top + side, left : left + side]
    size = contract.inputs[0].shape[0]
    crop = cv2.resize(photo, (size, size), interpolation=cv2.INTER_AREA) / 255.0
    noise = np.random.default_rng(0).random(crop.shape)
    crops = np.stack([crop, crop[:, ::-1], noise])
    return (recipe.darkest + (1.0 - recipe.darkest) * crops).astype(np.float32)


def _stack(results: list[dict[str, Floats]]) -> dict[str, Floats]:
    return {name: np.concatenate([result[name] for result in results]) for name in results[0]}


def _difference(contract: Contract, name: str, truth: Floats, found: Floats, recipe: Recipe) -> Difference:
    bound: Bound = recipe.outputs[name][1]
    if found.shape[1:] != truth.shape:
        raise ConversionFailed(
            f"{contract.name}: {name} came out as {found.shape[2:]}, not {truth.shape[1:]}"
        )
    max_abs = float(np.abs(found - truth).max())
    error = float(np.abs(bound.view(found) - bound.view(truth)).max())
    if not error <= bound.limit:
        raise ConversionFailed(
            f"{contract.name}: {name} lies {error:.2g} {bound.unit} from LiteRT's, more than "
            f"{bound.limit:.2g}; the model was not installed"
        )
    return Difference(
        max_abs, max_abs / max(float(np.abs(truth).max()), 1e-12), error, bound.unit, bound.limit
    )


def _milliseconds(run: Callable[[], object]) -> float:
    times = []
    for _ in range(_TIMED_RUNS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times) * 1000
