"""The same request twice at Kling: one task is paid, and everybody is told its id."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from api.providers import budget
from api.security.usage import USAGE
from tests.api.jobs.shop import Json, Shop


def asked(shop: Shop, height: int) -> Json:
    """Ask for Kling's picture, without a key; return the answer."""
    reply = shop.post(height, path="/providers/kling/jobs")
    assert reply.status_code == 202, reply.text
    told: Json = reply.json()
    return told


def units(shop: Shop, *jobs: Json) -> list[float]:
    """Return what jobs have spent, by their records."""
    return [row.provider_units for job in jobs for row in shop.rows(USAGE, job=job["job"])]


def test_a_picture_is_paid_once_however_often_it_is_asked_for(shop: Shop) -> None:
    """At once or later: the others follow the first, their answers name its task, and nothing is on their bill."""
    shop.world.script(delay=0.5)
    height, _ = shop.new()
    before = len(shop.world.kling.tasks)
    with ThreadPoolExecutor(3) as crowd:
        told = [*crowd.map(lambda _: asked(shop, height), range(3)), asked(shop, height)]
    assert len({one["job"] for one in told}) == 4
    (task,) = {one["external_job_id"] for one in told}
    assert list(shop.world.kling.tasks)[before:] == [task]
    assert {shop.ended(one["job"])["provider"]["external_id"] for one in told} == {task}
    assert {one["provider"] for one in told} == {"kling"}
    assert sorted(units(shop, *told)) == [0, 0, 0, 1]


def test_a_task_that_was_late_is_taken_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job gave it up, Kling goes on: who asks for the same then gets its picture, and it is paid once."""
    monkeypatch.setattr(shop.room.providers["kling"], "timeout", 1.0)
    shop.world.script(delay=3, callbacks="lost")
    height, _ = shop.new()
    first = asked(shop, height)
    assert shop.ended(first["job"])["problem"]["code"] == "render_failed"
    again = asked(shop, height)
    assert again["external_job_id"] == first["external_job_id"]
    assert shop.ended(again["job"])["state"] == "done"
    (row,) = shop.rows(budget.TASKS, external_id=first["external_job_id"])
    assert (row.job, row.cost, row.settled is None) == (again["job"], 1.0, False)
    assert units(shop, first, again) == [1]
