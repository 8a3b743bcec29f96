"""The installed denoisers in whole numbers of eight bits: weights and what flows between them (ONNX Q/DQ).

A quantized network rounds each activation to 255 values between the largest that were seen; what is seen here are the
rows of real jobs, on drawn pictures, through the installed networks themselves. Weights have a scale per channel
(Nagel et al. 2021, arXiv:2106.08295). Attention's own products stay as they are: the operands of both sides change.
Scales are symmetric, which TensorRT asks of Q/DQ. It pays where the machine multiplies such numbers faster.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bridge.errors import ArtifactMissing, ConfigError, ConversionFailed
from bridge.finish.layout import Layout, bucket_name
from export import files
from export.installation import VERSION
from export.sdxl.calibration import Rows, needed, observed
from export.sdxl.choice import Format
from export.sdxl.tensorrt import read_layout

QUANTIZED = "2"
"""The version under which Triton finds it: of a model it serves the highest, and the exact one stays beside it."""

BOUND = 0.15
"""The largest error of the noise, root of the mean square, over that of the noise itself.

Eight bits alone give a few hundredths through a U-Net; a scale that is wrong, or a range that was not seen, ten times
that. Other than the bounds of :mod:`export.sdxl.proof` it says nothing of single values.
"""

CALIBRATION_JOBS = 3
"""Pictures that are finished for the scales; the steps of one more are kept for the proof."""


@dataclass(frozen=True)
class Quantized:
    """A quantized network beside the exact one: ``error`` is root mean square, relative; sizes are in bytes."""

    model: str
    format: str
    error: float
    bound: float
    largest: float
    calibration_rows: int
    proof_rows: int
    bytes: int
    exact_bytes: int


def quantize(
    repository: Path, form: Format = Format.INT8, progress: Callable[[str], None] = lambda _: None
) -> list[Quantized]:
    """Quantize every installed denoiser, prove it, and put it beside the exact one as its next version.

    Args:
        repository: Triton's, with an exported checkpoint in fp32 for ``onnx``.
        form: int8; fp8 is refused in words.
        progress: is told which network comes next.

    Raises:
        ArtifactMissing: nothing is installed, or fp8 is asked for.
        ConfigError: the checkpoint is of another precision or target.
        ConversionFailed: the quantized network lies further from the exact one than :data:`BOUND`.
    """
    if form is Format.FP8:
        raise ArtifactMissing(
            "fp8 needs NVIDIA's ModelOpt and a card of compute capability 8.9 or more (Ada, Hopper), neither of which "
            "is here; there, `pip install nvidia-modelopt[onnx]` and `python -m modelopt.onnx.quantization "
            "--quantize_mode=fp8` take the exported model.onnx. int8 needs neither."
        )
    layout = read_layout(repository)
    _check(repository, layout)
    made = []
    with tempfile.TemporaryDirectory(dir=repository.parent) as folder:
        for bucket in layout.buckets:
            name = f"denoise_{bucket_name(bucket)}"
            progress(name)
            steps = [observed(repository, layout, bucket, seed) for seed in range(CALIBRATION_JOBS + 1)]
            made.append(quantized(repository / name / VERSION / "model.onnx", Path(folder) / name, steps))
        for found in made:  # nothing is installed before everything is proven
            _install(repository / found.model / QUANTIZED, Path(folder) / found.model, found)
    return made


def _check(repository: Path, layout: Layout) -> None:
    if layout.precision != "fp32":
        raise ConfigError(
            f"the installed networks are in {layout.precision}; scales are found in fp32: export with "
            "--precision fp32 first"
        )
    for name in needed(layout, layout.buckets[0]):
        folder = repository / name / VERSION
        if not (folder / "model.onnx").is_file():
            raise ConfigError(f"{name} is not installed as ONNX; export with --target onnx first")
        if (folder / "model.plan").is_file():
            raise ConfigError(
                f"{name} runs as a TensorRT plan, which its second version would lack; export with --target onnx first"
            )


def quantized(exact: Path, folder: Path, steps: Sequence[Sequence[Rows]]) -> Quantized:
    """Quantize one network into a folder, and prove it on steps that its scales have not seen.

    Args:
        exact: the network, ``.onnx``; large weights lie beside it.
        folder: is made; it has the network's name.
        steps: what each of several jobs gave it; the last job's are for the proof.

    Raises:
        ConversionFailed: it lies too far from the exact one.
    """
    *seen, kept = steps
    folder.mkdir()
    path = folder / "model.onnx"
    calibration = [rows for job in seen for rows in job]
    _write(exact, path, calibration)
    error, largest = _difference(exact, path, kept)
    name = folder.name
    if not error <= BOUND:
        raise ConversionFailed(
            f"{name} in int8 lies {error:.2g} of its noise from the exact one, more than {BOUND:g}; "
            "nothing was installed"
        )
    weights, before = (
        sum(file.stat().st_size for file in each.glob("model.onnx*")) for each in (folder, exact.parent)
    )
    return Quantized(
        name, Format.INT8.value, error, BOUND, largest, _count(calibration), _count(kept), weights, before
    )  # fmt: skip


class _Reader:
    """Gives calibration what onnxruntime asks for, one batch after the other."""

    def __init__(self, batches: Sequence[Rows]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> Rows | None:
        """Return the next batch, None at the end."""
        return next(self._batches, None)


def _write(exact: Path, path: Path, calibration: Sequence[Rows]) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    CalibrationDataReader.register(_Reader)
    options = {"ActivationSymmetric": True, "WeightSymmetric": True, "MatMulConstBOnly": True}
    large = exact.with_name(f"{exact.name}.data").is_file()
    logging.disable(logging.WARNING)  # it advises what export has done already: the graph's shapes are known
    try:
        quantize_static(
            exact, path, _Reader(calibration), QuantFormat.QDQ, ["MatMul", "Gemm", "Conv"], per_channel=True,
            activation_type=QuantType.QInt8, weight_type=QuantType.QInt8, use_external_data_format=large,
            extra_options=options,
        )  # fmt: skip
    finally:
        logging.disable(logging.NOTSET)


def _difference(exact: Path, path: Path, kept: Sequence[Rows]) -> tuple[float, float]:
    """Return the relative error, root mean square, and the largest of any value, over all steps of a job."""
    import onnxruntime

    sessions = [
        onnxruntime.InferenceSession(each, providers=["CPUExecutionProvider"]) for each in (exact, path)
    ]
    noises = [np.concatenate([session.run(["noise"], rows)[0] for rows in kept]) for session in sessions]
    off = np.abs(noises[1] - noises[0])
    return float(np.sqrt((off**2).mean() / (noises[0] ** 2).mean())), float(off.max())


def _count(steps: Sequence[Rows]) -> int:
    return sum(len(rows["latent"]) for rows in steps)


def _install(target: Path, staged: Path, found: Quantized) -> None:
    """Put a proven network where Triton finds it, with its report."""
    text = json.dumps(dataclasses.asdict(found), indent=2) + "\n"
    files.write(staged / "report.json", text.encode())
    shutil.rmtree(target, ignore_errors=True)
    staged.rename(target)
