"""Times as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np

from bridge.triton.client import ModelStatistics


class Percentiles(TypedDict):
    """Two points of a distribution of times."""

    p50_ms: float
    p95_ms: float


def percentiles(milliseconds: Sequence[float]) -> Percentiles:
    """Return the median and the 95th percentile, interpolated linearly."""
    p50, p95 = np.percentile(milliseconds, (50, 95))
    return Percentiles(p50_ms=round(float(p50), 2), p95_ms=round(float(p95), 2))


def between(before: Mapping[str, ModelStatistics], after: Mapping[str, ModelStatistics]) -> dict[str, float]:
    """Return the time that each model took between two moments [ms], for those that answered at all.

    It runs from a request's arrival at the model to its answer, queue and copies included. A model that one try-on
    asks several times (``decode``, ``pose_detection``) has its times added up.
    """
    return {
        name: (now.total - then.total) * 1e3
        for name, now in after.items()
        if now.requests > (then := before[name]).requests
    }
