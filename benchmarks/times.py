"""Times as data: percentiles, and what a Triton server says of its models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import tritonclient.grpc as triton

NANOSECONDS_PER_MS = 1e6


class Percentiles(TypedDict):
    """Two points of a distribution of times."""

    p50_ms: float
    p95_ms: float


def percentiles(milliseconds: Sequence[float]) -> Percentiles:
    """Return the median and the 95th percentile, interpolated linearly."""
    p50, p95 = np.percentile(milliseconds, (50, 95))
    return Percentiles(p50_ms=round(float(p50), 2), p95_ms=round(float(p95), 2))


@dataclass(frozen=True)
class Served:
    """What a model has answered since the server started."""

    count: int
    milliseconds: float
    """From a request's arrival at the model to its answer, queue and copies included, summed over all
    requests."""


def served(client: triton.InferenceServerClient) -> Mapping[str, Served]:
    """Ask the server what every model has answered so far."""
    statistics = client.get_inference_statistics()
    successes = {model.name: model.inference_stats.success for model in statistics.model_stats}
    return {name: Served(int(s.count), s.ns / NANOSECONDS_PER_MS) for name, s in successes.items()}


def between(before: Mapping[str, Served], after: Mapping[str, Served]) -> dict[str, float]:
    """Return the time that each model took between two moments [ms], for those that answered at all.

    A model that one try-on asks several times (``decode``, ``pose_detection``) has its times added up.
    """
    none = Served(0, 0.0)
    return {
        name: now.milliseconds - then.milliseconds
        for name, now in after.items()
        if now.count > (then := before.get(name, none)).count
    }
