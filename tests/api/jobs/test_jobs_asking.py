"""What jobs ask of Triton together: whether it is ready, and what its models took."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from api.jobs.counters import Counters
from api.jobs.readiness import Readiness
from bridge.errors import ServerUnavailable
from bridge.triton.wire import ModelStatistics
from tests.api.scripted import ScriptedTriton


class Asked(ScriptedTriton):
    """Counts how often it is asked, and counts a try-on some readings after it answered it, as Triton does."""

    def __init__(self, late: int = 0) -> None:
        super().__init__()
        self.questions = 0
        self.late = late

    async def ready(self) -> bool:
        self.questions += 1
        return await super().ready()

    async def statistics(self) -> Mapping[str, ModelStatistics]:
        self.questions += 1
        if self.failing:
            raise ServerUnavailable("Nobody answers.")
        self.calls += self.questions == self.late
        return await super().statistics()


def test_many_ask_once_whether_the_server_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its word holds for a moment, until somebody doubts it; that it is not ready is asked anew each time."""

    async def ask() -> None:
        triton = Asked()
        readiness = Readiness(triton)
        assert all(await asyncio.gather(*(readiness.told() for _ in range(9))))
        assert triton.questions == 1
        triton.failing = "It is away."
        assert await readiness.told()
        readiness.doubt()
        assert [await readiness.told() for _ in range(2)] == [False, False]
        assert triton.questions == 3
        triton.failing = ""
        monkeypatch.setattr("api.jobs.readiness.SHARED_SECONDS", -1.0)
        assert not await readiness.told()  # its word is old as soon as it is given
        assert triton.questions == 4

    asyncio.run(ask())


def test_one_reading_of_the_counters_is_for_all() -> None:
    """Seconds of each model per try-on, since the reading before; it waits until the try-on is counted."""

    async def ask() -> None:
        triton = Asked(late=3)
        counters = Counters(triton)
        await counters.begin()
        shares = await asyncio.gather(*(counters.shares() for _ in range(9)))
        assert shares == [{"warp": 0.25, "tryon_basic": 0.5}] * 9
        assert triton.questions == 3

    asyncio.run(ask())


def test_a_server_that_does_not_answer_has_no_counters() -> None:
    """The picture is there all the same."""

    async def ask() -> None:
        triton = Asked()
        triton.failing = "It is away."
        counters = Counters(triton)
        await counters.begin()
        assert await counters.shares() == {}

    asyncio.run(ask())
