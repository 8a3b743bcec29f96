"""Slots and budgets, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from api.providers.base import State
from api.providers.budget import (
    BudgetSpent,
    Held,
    NoRoom,
    Reserved,
    day_of,
    held,
    reserve,
    running,
    settle,
    spent,
)
from api.storage.database import Database

NOON = 1_795_262_400.0  # 2026-11-21 12:00 UTC
DAY = "2026-11-21"


def take(database: Database, job: str, now: float = NOON, **other: float | str) -> object:
    """Reserve one unit for a job, from 5 units a day and 2 slots unless told otherwise."""
    given = {"provider": "kling", "tenant": "a", "cost": 1.0, "daily_budget": 5.0, "most_parallel": 2}
    return database.run_here(partial(reserve, job=job, now=now, **{**given, **other}))  # type: ignore[arg-type]


def end(
    database: Database, job: str, state: State = State.DONE, units: float = 1.0, ref: str | None = "x"
) -> bool:
    """Settle a job of Kling's."""
    return database.run_here(lambda c: settle(c, "kling", job, ref, state, units, NOON))


def total(database: Database, tenant: str = "a", day: str = DAY) -> float:
    """Return what a tenant spent."""
    return database.run_here(lambda c: spent(c, tenant, day))


def test_slots(database: Database) -> None:
    """The account's slots are shared by all tenants, and each task gives its own back when it ends."""
    assert take(database, "1") == take(database, "2", tenant="b") == Reserved(None)
    assert take(database, "3") == NoRoom()
    assert take(database, "3", provider="gemini") == Reserved(None)
    assert end(database, "1", State.RUNNING)
    assert take(database, "3") == NoRoom()
    assert end(database, "1")
    assert take(database, "3") == Reserved(None)
    assert database.run_here(lambda c: running(c, "kling", NOON)) == 2


def test_budgets(database: Database) -> None:
    """A tenant's day holds what it holds, over all providers; tomorrow, and other tenants, are not touched."""
    free = {"most_parallel": 100}
    for job in range(4):
        assert take(database, str(job), **free) == Reserved(None)
    assert take(database, "4", provider="gemini", **free) == Reserved(None)
    assert take(database, "5", **free) == BudgetSpent(retry_after=12 * 3600)
    assert take(database, "5", tenant="b", **free) == Reserved(None)
    assert take(database, "6", NOON + 12 * 3600, **free) == Reserved(None)
    assert (total(database), total(database, "b"), total(database, day="2026-11-22")) == (5.0, 1.0, 1.0)


def test_where_a_job_may_have_a_task(database: Database) -> None:
    """From its reservation on, until it is known that nothing was handed in."""

    def where() -> Held | None:
        return database.run_here(partial(held, job="1"))

    assert where() is None
    take(database, "1")
    assert where() == Held("kling", None)
    end(database, "1", State.FAILED, 0.0, ref=None)
    assert where() is None
    take(database, "1", provider="gemini")
    assert where() == Held("gemini", None)


def test_tenths_add_up(database: Database) -> None:
    """Ten times a tenth is one, for budgets too."""
    for job in range(10):
        assert take(database, str(job), cost=0.1, daily_budget=1.0, most_parallel=100) == Reserved(None)
    assert isinstance(take(database, "10", cost=0.1, daily_budget=1.0, most_parallel=100), BudgetSpent)


def test_a_job_reserves_once(database: Database) -> None:
    """Repeating either call changes nothing; a task that was handed in is named to whoever comes again."""
    assert take(database, "1") == take(database, "1") == Reserved(None)
    assert end(database, "1", State.RUNNING, 0.0, "task-7")
    assert take(database, "1") == Reserved("task-7")
    assert [database.run_here(partial(held, job=job)) for job in "12"] == [Held("kling", "task-7"), None]
    assert end(database, "1", units=2.0, ref=None)
    assert not end(database, "1", units=9.0)
    assert take(database, "1") == Reserved("task-7")
    assert total(database) == 2.0
    assert not end(database, "unknown")


@pytest.mark.parametrize(
    ("state", "units", "left"), [(State.DONE, 3.0, 3.0), (State.FAILED, 0.0, 0.0), (State.RUNNING, 0.0, 1.0)]
)
def test_what_was_charged_counts_at_last(database: Database, state: State, units: float, left: float) -> None:
    """The expected cost holds until the end, then what was charged."""
    take(database, "1")
    end(database, "1", state, units)
    assert total(database) == left


def test_a_task_that_was_given_up_may_start_afresh(database: Database) -> None:
    """A refusal at the door gives slot and cost back; the next attempt takes both again."""
    take(database, "1")
    end(database, "1", State.FAILED, 0.0, None)
    assert take(database, "1") == Reserved(None)
    assert (total(database), database.run_here(lambda c: running(c, "kling", NOON))) == (1.0, 1)
    end(database, "1", State.FAILED, 0.0, None)
    assert isinstance(take(database, "1", daily_budget=0.5), BudgetSpent)
    assert total(database) == 0.0


def test_a_crash_keeps_no_slot(database: Database) -> None:
    """A slot that nobody gives back is free at its deadline; its cost stays; its job may come back for it."""
    take(database, "1", seconds=60)
    take(database, "2", seconds=1000)
    assert take(database, "3", NOON + 59) == NoRoom()
    assert take(database, "3", NOON + 61) == Reserved(None)
    assert take(database, "1", NOON + 62) == NoRoom()
    end(database, "3")
    assert take(database, "1", NOON + 62) == Reserved(None)
    assert take(database, "4", NOON + 62) == NoRoom()
    assert total(database) == 3.0


def test_many_at_once(database: Database) -> None:
    """Of forty jobs that come at the same time as many get in as there are slots, and budget."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda job: take(database, str(job % 20), most_parallel=3), range(40)))
    assert set(Counter(map(repr, answers))) == {"Reserved(external_id=None)", "NoRoom(retry_after=5.0)"}
    assert database.run_here(lambda c: running(c, "kling", NOON)) == 3
    assert total(database) == 3.0


def test_days_are_utc() -> None:
    """The day changes at midnight UTC."""
    assert [day_of(NOON + hours * 3600) for hours in (-12.001, -12, 11.999, 12)] == [
        "2026-11-20",
        DAY,
        DAY,
        "2026-11-22",
    ]
