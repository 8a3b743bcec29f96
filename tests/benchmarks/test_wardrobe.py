"""One person in ten garments, against stand-in servers whose pictures are known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from benchmarks import tables, wardrobe
from bridge.contracts import Expert
from bridge.triton.model import Array, Arrays


class Shop:
    """Answers with the garment's bytes, takes a second for the first garment of a person and less for the others."""

    def __init__(self, clock: list[float], later: float, picture: bytes = b"") -> None:
        self._clock, self._later, self._picture = clock, later, picture
        self._known: set[bytes] = set()
        self.models = {"tryon_basic": self}
        self.triton = SimpleNamespace(memory=lambda: SimpleNamespace(pss=1000.0))

    def __call__(self, **arrays: Any) -> Arrays:
        """Answer as ``tryon_basic``."""
        person = arrays["person"][0]
        self._clock[0] += self._later if person in self._known else 1.0
        self._known.add(person)
        return {"encoded": np.array([self._picture or arrays["garment"][0]], np.object_)}


def flat(kind: str, seed: int) -> tuple[Array, None]:
    """Draw a garment that is one colour, and no other's."""
    return np.full((8, 8, 3), seed, np.uint8), None


@pytest.mark.parametrize(("picture", "different"), [(b"", 0), (b"another's", 60)])
def test_the_ratio_is_that_of_all_ten_garments(
    monkeypatch: pytest.MonkeyPatch, picture: bytes, different: int
) -> None:
    """One second and nine halves over ten seconds; the second expert's people are strangers again."""
    clock = [0.0]
    monkeypatch.setattr("benchmarks.wardrobe.time.perf_counter", lambda: clock[0])
    monkeypatch.setattr("benchmarks.wardrobe.draw_garment", flat)
    remembering: Any = Shop(clock, later=0.5, picture=picture)
    without: Any = Shop(clock, later=1.0)
    said: list[str] = []
    found = wardrobe.run(remembering, without, people=2, say=said.append)
    assert found["different"] == different
    assert [row["expert"] for row in found["tries"]] == [Expert.WARP.value, Expert.DRAPE.value]
    for row in found["tries"]:
        assert (row["without_s"], row["remembering_s"], row["ratio"]) == (10.0, 5.5, 0.55)
        assert row["later_remembering"] == {"p50_ms": 500.0, "p95_ms": 500.0}
    assert len(said) == 6
    Console(quiet=True).print(tables.of_wardrobe(found))
