"""The same request twice at Kling: one task is paid, and everybody is told its id."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.api.jobs.shop import Json, Shop


def test_a_picture_is_paid_once_however_often_it_is_asked_for(shop: Shop) -> None:
    """At once or later, without a key: the others follow the first, and their answers name its task."""
    shop.world.script(delay=0.5)
    height, _ = shop.new()

    def ask(_: int) -> Json:
        reply = shop.post(height, path="/providers/kling/jobs")
        assert reply.status_code == 202, reply.text
        told: Json = reply.json()
        return told

    before = len(shop.world.kling.tasks)
    with ThreadPoolExecutor(3) as crowd:
        told = [*crowd.map(ask, range(3)), ask(3)]
    assert len({one["job"] for one in told}) == 4
    (task,) = {one["external_job_id"] for one in told}
    assert list(shop.world.kling.tasks)[before:] == [task]
    assert {shop.ended(one["job"])["provider"]["external_id"] for one in told} == {task}
    assert {one["provider"] for one in told} == {"kling"}
