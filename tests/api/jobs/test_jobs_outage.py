"""What happens while Triton or a receiver is away, when a job's time is over, and when a request kills servers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from api.jobs.records import JOBS
from api.providers.breaker import Breaker, Circuit
from api.webhooks.delivery import DELIVERIES
from bridge.errors import ServerUnavailable
from tests.api.jobs.shop import PATIENCE, Shop, World, opened, until
from tests.api.jobs.stage import Stage


@pytest.fixture(scope="module")
def shop(world: World) -> Iterator[Shop]:
    """A service that sweeps often, and sends one message at a time."""
    place = f"sqlite:///{world.folder / 'outage.sqlite'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.jobs.queue.DELIVERIES_AT_ONCE", 1)
        with opened(world, Stage(), place, dead_seconds=1.5) as shop:
            yield shop


@pytest.fixture(autouse=True)
def _fast(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look again soon, and leave with a server that is up and believed to be."""
    monkeypatch.setattr("api.jobs.patience._OUTAGE_SECONDS", 0.1)
    monkeypatch.setattr("api.jobs.records.GRACE_SECONDS", 0.2)
    shop.room.triton = Breaker("The inference server", rest=0.6)
    yield
    shop.stage.down = False
    until(lambda: shop.room.triton.state is not Circuit.OPEN)
    assert shop.ended(shop.accepted())["state"] == "done"
    assert shop.room.triton.state is Circuit.CLOSED
    until(lambda: not shop.room.steps)


def test_jobs_wait_for_triton_and_then_finish(shop: Shop) -> None:
    """While it is away the circuit opens and they wait; one probe closes it and all are done."""
    shop.stage.down = True
    jobs = [shop.accepted() for _ in range(6)]
    until(lambda: shop.room.triton.state is Circuit.OPEN)
    assert {shop.job(job)["state"] for job in jobs} <= {"queued", "running"}
    shop.stage.down = False
    assert {shop.ended(job)["state"] for job in jobs} == {"done"}
    assert shop.room.triton.state is Circuit.CLOSED


def test_who_waits_is_told_of_the_outage_at_once(shop: Shop) -> None:
    """503 with ``Retry-After``, and nothing is rendered afterwards."""
    shop.stage.down = True
    begun = time.monotonic()
    reply = shop.post(path="/v1/tryon")
    assert (reply.status_code, reply.json()["code"]) == (503, "server_unavailable")
    assert "retry-after" in reply.headers
    assert time.monotonic() - begun < PATIENCE / 2


@pytest.mark.parametrize("held", [True, False], ids=["in the model", "in an outage"])
def test_a_deadline_ends_what_runs(shop: Shop, *, held: bool) -> None:
    """Failed as deadline_missed, the model's call is cancelled, and nothing of it goes on."""
    height, act = shop.new()
    act.held, shop.stage.down = held, not held
    job = shop.ended(shop.accepted(height, seconds=0.5))
    assert (job["state"], job["problem"]["code"]) == ("failed", "deadline_missed")
    until(lambda: not shop.room.steps)
    assert act.cancelled == act.calls == held
    (message,) = until(lambda: shop.world.messages(job["id"]))
    assert (message["type"], message["data"]["code"]) == ("job.failed", "deadline_missed")


def test_the_jobs_of_a_tenant_that_left_end_too(shop: Shop) -> None:
    """Nobody is told, and they keep nobody else's from ending."""
    height, act = shop.new()
    act.held = True
    left, other = (shop.accepted(height, tenant, seconds=1) for tenant in ("poor", "lumen"))
    until(lambda: act.calls == 2)
    known = shop.room.tenants
    try:
        still = tuple(tenant for tenant in known.tenants if tenant.id != "poor")
        shop.room.tenants = known.model_copy(update={"tenants": still})
        until(lambda: {row.state for job in (left, other) for row in shop.rows(JOBS, id=job)} == {"failed"})
    finally:
        shop.room.tenants = known
    assert shop.job(left, "poor")["problem"]["code"] == "deadline_missed"


def test_a_job_that_never_got_its_turn_is_ended_too(shop: Shop) -> None:
    """Its deadline is watched while it waits; it is not rendered afterwards."""
    holding = [shop.new() for _ in range(shop.room.settings.workers)]
    for _, act in holding:
        act.held = True
    running = [shop.accepted(height) for height, _ in holding]
    until(lambda: all(act.calls for _, act in holding))
    height, late = shop.new()
    job = shop.accepted(height, seconds=0.3)
    assert shop.ended(job)["problem"]["code"] == "deadline_missed"
    for _, act in holding:
        act.held = False
    assert {shop.ended(one)["state"] for one in running} == {"done"}
    assert not late.calls


def test_a_request_that_kills_the_server_fails_alone(shop: Shop) -> None:
    """After three calls that a ready server did not survive; the jobs beside it are done."""
    height, act = shop.new()
    act.faults = [ServerUnavailable("The connection broke.")] * 10
    poison = shop.accepted(height)
    others = [shop.accepted() for _ in range(8)]
    failed = shop.ended(poison)
    assert (failed["state"], failed["problem"]["code"], act.calls) == ("failed", "job_failed", 3)
    assert {shop.ended(job)["state"] for job in others} == {"done"}


def test_an_open_circuit_speaks_against_nobody(shop: Shop) -> None:
    """A job that is not let through to a server that is ready again waits, however often."""
    shop.stage.down = True
    first = [shop.accepted() for _ in range(4)]
    until(lambda: shop.room.triton.state is Circuit.OPEN)
    shop.stage.down = False  # ready at once, and left alone for a while all the same
    height, act = shop.new()
    assert shop.ended(shop.accepted(height))["state"] == "done"
    assert act.calls == 1
    assert {shop.ended(job)["state"] for job in first} == {"done"}


def test_a_message_that_does_not_arrive_keeps_no_other_waiting(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes no place until its next attempt, which is the same message; the others go before it."""
    monkeypatch.setattr("api.webhooks.delivery.SCHEDULE", (1.5, 1.5))
    receiver = shop.world.receiver
    until(lambda: not [row for row in shop.rows(DELIVERIES) if row.state == "pending"])
    sent = len(receiver.attempts)
    receiver.script = ["500", "ok"]
    first = shop.accepted()
    until(lambda: len(receiver.attempts) > sent)
    second = shop.accepted()
    until(lambda: [row.state for row in shop.rows(DELIVERIES, job=first)] == ["delivered"])
    ids = {job: row.id for job in (first, second) for row in shop.rows(DELIVERIES, job=job)}
    assert receiver.attempts[sent:] == [ids[first], ids[second], ids[first]]
    assert [row.attempts for row in shop.rows(DELIVERIES, job=first)] == [2]


def test_a_secret_that_is_missing_is_waited_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing unsigned is sent; the message goes once the secret is there."""
    monkeypatch.setattr("api.webhooks.delivery.SCHEDULE", (0.3, 0.3, 0.3, 0.3, 0.3))
    secret = os.environ["TEST_HOOK_SECRET"]
    monkeypatch.delenv("TEST_HOOK_SECRET")
    job = shop.accepted()
    until(lambda: [row.attempts for row in shop.rows(DELIVERIES, job=job)] >= [1])
    assert not shop.world.messages(job)
    monkeypatch.setenv("TEST_HOOK_SECRET", secret)
    until(lambda: shop.world.messages(job))


def test_who_waited_for_a_leader_that_is_cancelled_takes_over(shop: Shop) -> None:
    """The next of those that ask for the same renders."""
    height, act = shop.new()
    act.held = True
    leader = shop.accepted(height)
    until(lambda: act.calls)
    followers = [shop.accepted(height) for _ in range(2)]
    until(lambda: all(shop.job(job)["state"] == "running" for job in followers))
    shop.ask("DELETE", f"/v1/jobs/{leader}")
    until(lambda: act.calls == 2)
    act.held = False
    ended = [shop.ended(job) for job in followers]
    assert [sum(one["cached"] for one in ended), act.calls] == [1, 2]


def test_nobody_is_waited_for_without_end(world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no worker runs, ``/v1/tryon`` answers 504 when the job's time is over, and cancels it."""
    monkeypatch.setattr("api.jobs.records.GRACE_SECONDS", 0.1)
    place = f"sqlite:///{world.folder / 'nobody.sqlite'}"
    with opened(world, Stage(), place, role="api", timeout=0.5) as lonely:
        reply = lonely.post(path="/v1/tryon")
        assert (reply.status_code, reply.json()["code"]) == (504, "deadline_missed")
        (row,) = lonely.rows(JOBS)
        assert row.state == "cancelled"
        assert shop.room is not lonely.room
