"""Latency and load against a stand-in server whose times and answers are known."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from benchmarks import latency, load, tables
from benchmarks.times import between, percentiles
from benchmarks.tryon import Request
from bridge.errors import ServerUnavailable
from bridge.triton.client import ModelStatistics
from bridge.triton.model import Arrays


class Echo:
    """Answers with the person's bytes; ``wrong`` and ``down`` count the answers that go astray."""

    def __init__(self, *, wrong: int = 0, down: int = 0) -> None:
        self._faults = iter([b"another's picture"] * wrong + [None] * down)
        self._lock = threading.Lock()
        self.asked = 0

    def __call__(self, **arrays: Any) -> Arrays:
        """Answer as ``tryon_basic``, rightly the first two times."""
        with self._lock:
            self.asked += 1
            answer = arrays["person"][0] if self.asked <= 2 else next(self._faults, arrays["person"][0])
        if answer is None:
            raise ServerUnavailable("The server is full; try again in a moment.")
        return {"encoded": np.array([answer], np.object_)}


def said(requests: int, seconds: float) -> ModelStatistics:
    """What a server says of one model."""
    return ModelStatistics(requests, requests, 0, seconds, 0.0, seconds)


def statistics() -> Iterator[dict[str, ModelStatistics]]:
    """With every request decode is asked twice in 4 ms, score once in 7, another model never."""
    for n in itertools.count():
        yield {
            "decode": said(2 * n, 0.004 * n),
            "score": said(n, 0.007 * n),
            "tryon_basic": said(n, 0.02 * n),
            "idle": said(0, 0.0),
        }


def server(tryon_basic: Echo) -> Any:
    """A stand-in for the running server."""
    told = statistics()
    used = SimpleNamespace(pss=1000.0, rss=1500.0, processes=20)
    return SimpleNamespace(
        models={"tryon_basic": tryon_basic},
        client=SimpleNamespace(statistics=lambda: next(told)),
        triton=SimpleNamespace(memory=lambda: used, ready_seconds=7.0),
    )


def silent(line: str) -> None:
    """Nobody listens."""


def requests(count: int) -> list[Request]:
    """Callers that each ask for something else."""
    return [Request(str(number).encode(), b"shirt") for number in range(count)]


def test_latency_has_the_agreed_keys_and_the_servers_times() -> None:
    """Stages come from the server's own counts, per request; the whole ensemble is no stage of itself."""
    here, there = Echo(), Echo()
    found = latency.run(server(there), {"tryon_basic": here}, requests(1)[0], runs=4, say=silent)
    assert {"stages", "end_to_end", "in_process", "overhead", "ready_seconds", "rss_mb"} <= found.keys()
    assert found["stages"] == {
        "decode": {"p50_ms": 4.0, "p95_ms": 4.0},
        "score": {"p50_ms": 7.0, "p95_ms": 7.0},
    }
    assert here.asked == there.asked == 4 + latency.WARM_UP
    assert found["rss_mb"] == 1000.0
    assert found["ready_seconds"] == 7.0
    Console(quiet=True).print(tables.of_latency(found))


def test_models_that_were_not_asked_are_no_stages() -> None:
    """Only models that answered between the two moments have a time."""
    before = {"a": said(3, 0.010), "b": said(1, 0.005)}
    after = {"a": said(5, 0.016), "b": said(1, 0.005)}
    assert between(before, after) == {"a": pytest.approx(6.0)}


def test_percentiles_are_interpolated() -> None:
    """Of 1 to 101 ms the median is 51 and the 95th percentile 96."""
    assert percentiles(list(range(1, 102))) == {"p50_ms": 51.0, "p95_ms": 96.0}


@pytest.mark.parametrize(("wrong", "down"), [(0, 0), (2, 0), (0, 3)])
def test_load_counts_wrong_and_missing_answers(wrong: int, down: int) -> None:
    """An answer that belongs to another caller is wrong, one that does not come is a failure in words."""
    found = load.run(server(Echo(wrong=wrong, down=down)), requests(2), total=20, say=silent)
    assert (found["callers"], found["requests"], found["wrong"]) == (2, 20, wrong)
    assert len(found["failures"]) == down
    assert all("server is full" in sentence for sentence in found["failures"])
    Console(quiet=True).print(tables.of_load(found))


@pytest.mark.parametrize("leak", [0.0, 0.5])
def test_growth_is_the_slope_after_warming_up(leak: float) -> None:
    """A rise in the first quarter does not count; half a MiB per request later on is 50 per 100."""
    samples = [(n, 900.0 + min(n, 40) * 5 + leak * n) for n in range(0, 201, 10)]
    found = load.growth(samples)
    assert found["growth_mb_per_100"] == pytest.approx(100 * leak, abs=0.01)


def test_growth_needs_more_than_two_readings() -> None:
    """A line through two points says nothing of a leak."""
    assert load.growth([(0, 900.0), (8, 950.0)])["growth_mb_per_100"] is None
