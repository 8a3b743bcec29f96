"""What the finisher should reach, written down before it was measured; each with where it is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Expected:
    """Of one card. The rates are what published engines of SDXL reach in fp16, unless noted otherwise."""

    matrix: float | None
    """A large matrix product in bf16 [TFLOP/s]."""

    rate: float
    """A denoiser's forward pass of two rows [TFLOP/s]."""

    images: float | None
    """SDXL at MLPerf Inference's setting [1/s]: the record of v5.1, by fp8 and batches, which are not used here."""

    omega: float | None = None
    """A whole job of tier Ω [s]; None: what the rate makes of its operations."""

    full: float | None = None
    """The same with the full schedule [s]."""


CARDS: Mapping[str, Expected] = {
    "h200": Expected(matrix=790, rate=290, images=2.40, omega=1.2, full=3.5),
    "h100": Expected(matrix=790, rate=290, images=2.26),
    "a100": Expected(matrix=None, rate=155, images=None),  # huggingface's diffusion-fast, torch.compile, bf16
    "rtx4090": Expected(matrix=None, rate=180, images=None),  # OneDiff and TensorRT
    "rtx3090": Expected(matrix=None, rate=93, images=None),  # OneDiff
    "a10": Expected(matrix=None, rate=51, images=None),  # Stability's TensorRT card
    "l4": Expected(matrix=None, rate=71, images=0.252),  # MLPerf v5.1, with fp8
}
"""By the card's name in ``configs/gpu``. Records: mlcommons/inference_results_v5.1, per card, offline."""

EAGER_MS = (150, 180)
"""diffusers as it is, one step of a picture with two controls at 1056x1408 on an H200 in bf16 [ms]."""

ORCHESTRATION = 0.03
"""The most of a job's time that may pass outside of the networks."""

STEP_TFLOP = {"denoise_1024x1344": 27.6, "denoise_1056x1408": 30.1}
"""One step of a picture: two rows through denoiser and ControlNet-Union with two controls. Hoisting the controls'
embedding out of the loop saves up to 4 % of it."""
