"""Many callers at once: is every answer right, how many come per second, does memory grow?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np

from benchmarks.server import Server
from benchmarks.times import Percentiles, percentiles
from benchmarks.tryon import Request
from bridge.errors import VfrError
from bridge.triton.model import Infer

SAMPLE_SECONDS = 1.0
"""How often memory is read while the callers run."""

SETTLED = 0.25
"""The first share of the requests, in which buffers still grow to their size, does not count for the growth."""


class Growth(TypedDict):
    """Memory of the server and all of its processes under load [MiB], as proportional set sizes."""

    first_mb: float
    last_mb: float
    growth_mb_per_100: float | None
    """Slope of the line through the readings after the first quarter, per 100 requests; None with fewer than 3."""


class Load(TypedDict):
    """What eight callers saw."""

    callers: int
    requests: int
    wrong: int
    """Answers that differ from the one that the same caller gets when it is alone, by any byte."""

    failures: list[str]
    """What the server answered instead of a picture."""

    per_second: float
    seconds: float
    answer: Percentiles
    """From a request to its answer, waiting for the other callers included."""

    memory: Growth


@dataclass
class _Tally:
    """What all callers together have seen so far."""

    milliseconds: list[float] = field(default_factory=list)
    wrong: int = 0
    failures: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, milliseconds: float, *, right: bool) -> None:
        with self.lock:
            self.milliseconds.append(milliseconds)
            self.wrong += not right

    def fail(self, sentence: str) -> None:
        with self.lock:
            self.failures.append(sentence)

    @property
    def done(self) -> int:
        return len(self.milliseconds) + len(self.failures)


def run(server: Server, requests: Sequence[Request], *, total: int, say: Callable[[str], None]) -> Load:
    """Let one caller per request ask again and again, all at the same time.

    Args:
        server: the running server.
        requests: one per caller, all different, so that an answer that reaches the wrong caller is seen.
        total: how many requests are sent, shared evenly.
        say: hears how far it is.
    """
    tryon_basic, tally = server.models["tryon_basic"], _Tally()
    say("asking for each picture once, alone")
    alone = [_ask(tryon_basic, request) for request in requests]
    rounds = max(1, total // len(requests))
    start = time.perf_counter()
    with ThreadPoolExecutor(len(requests)) as pool:
        callers = [
            pool.submit(_call, tryon_basic, request, expected, rounds, tally)
            for request, expected in zip(requests, alone, strict=True)
        ]
        samples = [(0, server.triton.memory().pss)]
        while wait(callers, timeout=SAMPLE_SECONDS).not_done:
            if tally.done > samples[-1][0]:
                samples.append((tally.done, server.triton.memory().pss))
                say(f"{tally.done} of {rounds * len(requests)} answered")
    seconds = time.perf_counter() - start
    for caller in callers:
        caller.result()
    return Load(
        callers=len(requests),
        requests=rounds * len(requests),
        wrong=tally.wrong,
        failures=tally.failures,
        per_second=round(len(tally.milliseconds) / seconds, 3),
        seconds=round(seconds, 2),
        answer=percentiles(tally.milliseconds or [0.0]),
        memory=growth(samples),
    )


def growth(samples: Sequence[tuple[int, float]]) -> Growth:
    """Fit a line through memory over answered requests, after the first ``SETTLED`` share of them.

    Args:
        samples: how many requests were answered, and the memory at that moment [MiB]; at least one.
    """
    answered = np.array([count for count, _ in samples], float)
    used = np.array([mib for _, mib in samples])
    late = answered >= SETTLED * answered[-1]
    enough = len(set(answered[late])) >= 3
    slope = float(np.polyfit(answered[late], used[late], 1)[0]) if enough else None
    return Growth(
        first_mb=round(float(used[0]), 1),
        last_mb=round(float(used[-1]), 1),
        growth_mb_per_100=None if slope is None else round(100 * slope, 2),
    )


def _call(tryon_basic: Infer, request: Request, expected: bytes, rounds: int, tally: _Tally) -> None:
    for _ in range(rounds):
        start = time.perf_counter()
        try:
            right = _ask(tryon_basic, request) == expected
            tally.note((time.perf_counter() - start) * 1e3, right=right)
        except VfrError as error:
            tally.fail(str(error))


def _ask(tryon_basic: Infer, request: Request) -> bytes:
    return bytes(tryon_basic(**request.arrays())["encoded"][0])
