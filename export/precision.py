"""The numbers in which an exported network computes, and how exact it must therefore be."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Precision(str, Enum):
    """The numbers in which the networks compute."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"


BOUNDS: Mapping[Precision, float] = {Precision.FP32: 2e-4, Precision.FP16: 2e-2, Precision.BF16: 1e-1}
"""The largest error of any value of an output, over the output's largest magnitude.

A float has 24, 11 or 8 bits; a network's error grows to some tens of its last bit, and these bounds are a few times
that. What a wrong weight, a missing scale or an overflow does is far above each of them.
"""
