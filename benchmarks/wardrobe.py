"""One person tries ten garments on: what it saves that the models remember the person."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

import numpy as np

from benchmarks import origin
from benchmarks.inputs import person
from benchmarks.server import Server
from benchmarks.times import Percentiles, percentiles
from benchmarks.tryon import Request
from bridge.contracts import Expert
from bridge.garment.drawing.wardrobe import Kind
from bridge.garment.drawn import draw_garment
from bridge.imaging.encode import Format, encode_image
from bridge.triton.model import Arrays

GARMENTS: tuple[Kind, ...] = (
    "tee", "sweater", "blouse", "shirt", "tee", "hoodie", "tank", "camisole", "dress", "long_dress",
)  # fmt: skip
"""What is tried on; their folds differ, so that the second tee is another garment."""

WARM_UP = -1
"""The number of the person who tries everything on before the clock counts."""

EXPECTED: Mapping[Expert, float] = {Expert.WARP: 0.78, Expert.DRAPE: 0.74}
"""The most that ten garments were hoped to take with a memory, as a share of the time without.

By the stages of ``results/latency.json`` [ms]: of 1318, pose 81, silhouette 129 (beside face and hand) and parse 145
depend on the person alone; recognising the inputs costs some 30; nine times out of ten that leaves 0.78. By drape a
try-on takes 2916, and fit_body, 527 of them, depends on the person alone too."""


class Trying(TypedDict):
    """How long one person's ten garments took with one expert; medians over the people."""

    expert: str
    without_s: float
    """All ten, by models that remember nothing [s]."""

    remembering_s: float
    """All ten, by models that do [s]; the first garment finds nothing yet."""

    ratio: float
    """Median over the people of the one over the other."""

    expected: float

    later_without: Percentiles
    """One garment after the first."""

    later_remembering: Percentiles


class Wardrobe(TypedDict):
    """What was measured."""

    machine: origin.Machine
    commit: str
    garments: int
    people: int
    tries: list[Trying]
    different: int
    """How many answers were not the same to the last byte; there should be none."""

    memory_without_mb: float
    """Proportional set sizes of all processes, at the end [MiB]."""

    memory_remembering_mb: float


def run(remembering: Server, without: Server, *, people: int, say: Callable[[str], None]) -> Wardrobe:
    """Let people try everything on, each garment at both servers in turn.

    Args:
        remembering: a server whose models remember.
        without: one whose models don't.
        people: how many do so; one more goes first and is not counted.
        say: hears one line per person.

    Raises:
        VfrError: a garment could not be put on.
    """
    machine, servers = origin.machine(), (without, remembering)
    clothes = [encode_image(draw_garment(kind, seed)[0]) for seed, kind in enumerate(GARMENTS)]
    different, tries = 0, []
    for expert, expected in EXPECTED.items():
        taken = []
        for number in range(WARM_UP, people):
            say(f"{expert.value}: person {number + 1} of {people}")
            times, unlike = _try_on(servers, expert, _somebody(expert, number), clothes)
            different += unlike
            if number != WARM_UP:
                taken.append(times)
        tries.append(_trying(expert, expected, np.array(taken)))
    return Wardrobe(
        machine=machine, commit=origin.commit(), garments=len(clothes), people=people, tries=tries,
        different=different, memory_without_mb=round(without.triton.memory().pss, 1),
        memory_remembering_mb=round(remembering.triton.memory().pss, 1),
    )  # fmt: skip


def _somebody(expert: Expert, number: int) -> bytes:
    """Return a photo that no model has seen: always the same person, with another corner."""
    photo = person()
    photo[:8, :8] = 20 * (number + 1) + 10 * list(EXPECTED).index(expert)
    return encode_image(photo, Format.JPEG)


def _try_on(
    servers: Sequence[Server], expert: Expert, photo: bytes, clothes: Sequence[bytes]
) -> tuple[list[list[float]], int]:
    """Return each garment's time at each server [s], and how many answers differ between them."""
    times, different = [], 0
    for number, garment in enumerate(clothes):
        arrays = Request(photo, garment, expert=expert).arrays()
        order = (0, 1) if number % 2 else (1, 0)  # whoever comes second finds warmer caches
        found = {which: _timed(servers[which], arrays) for which in order}
        times.append([found[0][0], found[1][0]])
        different += not _equal(found[0][1], found[1][1])
    return times, different


def _timed(server: Server, arrays: Arrays) -> tuple[float, Arrays]:
    start = time.perf_counter()
    answer = server.models["tryon_basic"](**arrays)
    return time.perf_counter() - start, answer


def _equal(one: Arrays, other: Arrays) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one)


def _trying(
    expert: Expert, expected: float, taken: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> Trying:
    """Summarise times [people, garments, (without, remembering)] [s]."""
    whole, later = taken.sum(axis=1), 1e3 * taken[:, 1:].reshape(-1, 2)
    return Trying(
        expert=expert.value,
        without_s=round(statistics.median(whole[:, 0]), 2),
        remembering_s=round(statistics.median(whole[:, 1]), 2),
        ratio=round(statistics.median(whole[:, 1] / whole[:, 0]), 3),
        expected=expected,
        later_without=percentiles(later[:, 0].tolist()),
        later_remembering=percentiles(later[:, 1].tolist()),
    )
