"""What goes wrong on purpose goes right again."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos import nemesis
from tests.chaos.nemesis import Nemesis


class Database:
    """Notes what is done to it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def kill(self) -> None:
        self.done.append("kill")

    def start(self) -> None:
        self.done.append("start")


@pytest.mark.parametrize("turns", range(4))
def test_a_database_that_was_killed_is_started_again(monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    """Also where the strokes end while it is away, at whatever moment."""
    monkeypatch.setattr(nemesis, "OUTAGE_SECONDS", (0.05, 0.05))
    database = Database()
    house: Any = SimpleNamespace(postgres=database, api=_Member(), workers=[], kling="")

    async def strike() -> int:
        striking = Nemesis(house, seed=1)
        monkeypatch.setattr(striking, "_tell_kling", _heard)
        stroke = asyncio.create_task(striking._database())
        for _ in range(turns):
            await asyncio.sleep(0.02)
        stroke.cancel()
        await asyncio.gather(stroke, return_exceptions=True)
        await striking.end()
        return striking.kills

    assert asyncio.run(strike()) == bool(turns)
    assert database.done == ["kill", "start"] * bool(turns)


class _Member:
    def signal(self, _: object) -> None:
        """Go on."""

    def starve(self, *, hungry: bool) -> None:
        """Eat."""


async def _heard(_: object) -> None:
    """Nobody is there."""
