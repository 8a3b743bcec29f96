"""How long a try-on takes, stage by stage, and what serving adds to it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TypedDict

import numpy as np

from benchmarks.server import Server
from benchmarks.times import Percentiles, between, percentiles
from benchmarks.tryon import Request
from bridge.triton.model import Infer, Models

WARM_UP = 3
"""Requests before the clock counts: the first ones load libraries and grow buffers."""

SETTLE = 0.03
"""How long after an answer the server's statistics are read [s]: Triton counts a request after it answered it."""


class Latency(TypedDict):
    """What was measured; times in ms, one request at a time, warm."""

    stages: Mapping[str, Percentiles]
    """Per model of the graph: from a request's arrival at it to its answer. Models that others call (``pose_landmark``)
    are part of their callers' time too; what ran in parallel overlaps. So the stages do not add up to the whole."""

    end_to_end: Percentiles
    """From the caller's request to its answer, over gRPC."""

    in_process: Percentiles
    """The same functions called one after the other in one process, without a server; the calls alternate."""

    overhead: float
    """Median end to end over median in process, minus 1: 0.1 is 10 % more."""

    ready_seconds: float
    """From starting the server to its being ready [s]."""

    rss_mb: float
    """Memory of the server and all of its processes together, after the runs [MiB]: their proportional set
    sizes, in which a page that processes share counts once."""

    rss_shared_repeatedly_mb: float
    """The sum of their resident set sizes, in which a shared page counts once per process [MiB]."""

    processes: int

    runs: int


def run(server: Server, local: Models, request: Request, *, runs: int, say: Callable[[str], None]) -> Latency:
    """Measure one request, many times, served and in this process in turn.

    Args:
        server: the running server.
        local: the same models in this process.
        request: what is sent each time.
        runs: how often it is sent after ``WARM_UP``.
        say: hears one line per run.
    """
    there, here = server.models["tryon_basic"], local["tryon_basic"]
    for _ in range(WARM_UP):
        say("warming up")
        _milliseconds(there, request)
        _milliseconds(here, request)
    stages, end_to_end, in_process = defaultdict[str, list[float]](list), [], []
    for number in range(runs):
        say(f"run {number + 1} of {runs}")
        before = server.client.statistics()
        end_to_end.append(_milliseconds(there, request))
        time.sleep(SETTLE)
        for name, milliseconds in between(before, server.client.statistics()).items():
            stages[name].append(milliseconds)
        in_process.append(_milliseconds(here, request))
    used = server.triton.memory()
    return Latency(
        stages={name: percentiles(taken) for name, taken in stages.items() if name != "tryon_basic"},
        end_to_end=percentiles(end_to_end),
        in_process=percentiles(in_process),
        overhead=round(float(np.median(end_to_end) / np.median(in_process)) - 1, 4),
        ready_seconds=round(server.triton.ready_seconds, 2),
        rss_mb=round(used.pss, 1),
        rss_shared_repeatedly_mb=round(used.rss, 1),
        processes=used.processes,
        runs=runs,
    )


def _milliseconds(tryon_basic: Infer, request: Request) -> float:
    arrays = request.arrays()
    start = time.perf_counter()
    tryon_basic(**arrays)
    return (time.perf_counter() - start) * 1e3
