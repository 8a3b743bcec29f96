"""The judge of the chaos suite sees every kind of fault, and a tiny run of the suite itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.run import Plan, run
from tests.chaos.shop import orders
from tests.chaos.verdict import Counts, Seen, judge

ONE = frozenset({"msg_1"})
GOOD = Seen("a", "plain", "done", "", -5.0, 1, ONE, ONE, ONE, 1)
FAILED = replace(GOOD, state="failed", code="deadline_missed", overtime=3.0, uses=0)

CASES = {
    "all is well": (GOOD, "right"),
    "it failed with a reason": (FAILED, "right"),
    "it failed without one": (replace(FAILED, code=""), "lost"),
    "its picture is not there": (replace(GOOD, has_picture=False), "lost"),
    "nobody was told": (replace(GOOD, messages=frozenset(), delivered=frozenset()), "lost"),
    "a message is believed to have arrived": (replace(GOOD, received=frozenset()), "lost"),
    "it has no last event": (replace(GOOD, endings=0), "lost"),
    "it was not counted": (replace(GOOD, uses=0), "lost"),
    "it ended twice": (replace(GOOD, endings=2), "duplicated"),
    "a failure was charged": (replace(FAILED, uses=1), "duplicated"),
    "two messages came": (replace(GOOD, received=frozenset({"msg_1", "msg_2"})), "duplicated"),
    "it still runs": (replace(GOOD, state="running", endings=0, uses=0), "stuck"),
    "it ended too late": (replace(FAILED, overtime=31.0), "stuck"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_of_one_job_is_counted(case: str) -> None:
    """Each under its own name and no other, with a sentence."""
    seen, name = CASES[case]
    found = judge([seen], {"key": {"a"}}, 0, 1, 0, 0)
    wrong = {what for what in ("lost", "duplicated", "stuck") if getattr(found.counts, what)}
    assert wrong == {name} - {"right"}
    assert found.counts.right == (name == "right") == (not found.faults)


def test_what_the_customer_knows_is_held_against_the_database() -> None:
    """A job that is not there any more, two jobs of one key, a job of nobody, an order that was never taken."""
    twin = replace(GOOD, job="b")
    assert judge([], {"key": {"a"}}, 0, 1, 0, 0).counts.lost == 1
    assert judge([GOOD, twin], {"key": {"a", "b"}}, 0, 2, 0, 0).counts.duplicated == 1
    assert judge([GOOD, twin], {"key": {"a"}}, 0, 1, 0, 0).counts.duplicated == 1
    assert judge([GOOD], {"key": {"a"}}, 0, 2, 0, 0).counts.lost == 1
    assert judge([GOOD], {"key": {"a"}}, 1, 2, 0, 0).counts.lost == 0
    assert not judge([GOOD], {"key": {"a"}}, 0, 1, 1, 0).counts.right


def test_the_last_line_is_json() -> None:
    """With the words that the issue names."""
    line = '{"jobs": 1, "done": 2, "failed": 3, "lost": 4, "duplicated": 5, "stuck": 6, "paid_twice": 7, "kills": 8}'
    assert str(Counts(*range(1, 9))) == line


def test_a_seed_orders_the_same_again() -> None:
    """Every kind of order occurs, and equal orders differ by their key alone."""
    first, second = orders(200, 4, 60.0), orders(200, 4, 60.0)
    assert first == second
    assert len({order.key for order in first}) == 200
    assert len({replace(order, key="") for order in first}) < 190
    assert {order.path for order in first} == {"/v1/jobs", "/providers/kling/jobs"}


@pytest.mark.slow
def test_a_tiny_run_loses_nothing(tmp_path: Path) -> None:
    """Twenty jobs on SQLite and the stub, while processes are killed."""
    said: list[str] = []
    plan = Plan(jobs=20, seed=4, seconds=15.0, job_seconds=60.0, stub=True)
    found = asyncio.run(run(plan, tmp_path, None, said.append))
    assert found.counts.right, [*said, *found.faults]
    assert found.counts.jobs == 20
    assert found.counts.kills >= 1
