"""Metrics and health as they follow what is open: jobs, providers, database, pictures, workers."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.jobs import health, heartbeat, records
from api.jobs.account import account
from api.jobs.room import Room
from api.providers import budget
from api.providers.base import State
from api.providers.breaker import Breaker, Verdict
from api.storage.database import METADATA, Database
from api.telemetry.metrics import Account
from api.webhooks import delivery
from bridge.errors import NoPerson
from tests.api.scripted import ScriptedTriton, app_on, photo

FILES = {"person": photo(), "garment": photo(180, 200)}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The service's folder."""
    return tmp_path / "data"


@pytest.fixture
def caller(scripted: ScriptedTriton, place: Path) -> Iterator[TestClient]:
    """A caller of a service whose folder is known."""
    with TestClient(app_on(scripted, data=place)) as calling:
        yield calling


@pytest.fixture
def taker(scripted: ScriptedTriton, place: Path) -> Iterator[TestClient]:
    """A caller of a replica that takes jobs and executes none."""
    with TestClient(app_on(scripted, data=place, role="api", most_queued=1)) as calling:
        yield calling


def room_of(caller: TestClient) -> Room:
    """Return the room behind a caller."""
    app: Any = caller.app
    return app.state.service.room


def lines(caller: TestClient) -> list[str]:
    """Return the metrics."""
    return caller.get("/metrics").text.splitlines()


def broken() -> Breaker:
    """Return a breaker that an outage opened."""
    breaker = Breaker("Kling")

    async def fail() -> None:
        raise OSError

    with suppress(OSError):
        asyncio.run(breaker.call(fail, lambda _: Verdict.OUTAGE))
    return breaker


def test_scores_that_were_not_measured_have_no_sample(caller: TestClient) -> None:
    """What the report knows is counted once, also when the same is asked for twice; null is no zero."""
    for _ in range(2):
        assert caller.post("/v1/tryon", files=FILES).status_code == 200
    found = lines(caller)
    assert 'vfr_quality_sum{metric="coverage"} 0.9' in found
    assert 'vfr_quality_count{metric="coverage"} 1.0' in found
    assert 'vfr_qc_score{metric="coverage"} 0.9' in found
    assert not [line for line in found if "hem_visible" in line or "clip_similarity" in line]


def test_failures_are_counted_by_code(caller: TestClient, scripted: ScriptedTriton) -> None:
    """With their latency; their picture has no scores."""

    def act(_: object) -> None:
        raise NoPerson("Nobody is seen.")

    scripted.act = act
    assert caller.post("/v1/tryon", files=FILES).status_code == 422
    found = lines(caller)
    assert 'vfr_job_failures_total{reason="no_person"} 1.0' in found
    assert 'vfr_job_latency_seconds_count{stage="total"} 1.0' in found
    assert not [line for line in found if line.startswith("vfr_quality_")]


def test_what_the_database_says(taker: TestClient) -> None:
    """Jobs that wait, what providers charged and have reserved, and that nobody works."""
    assert taker.post("/v1/jobs", files=FILES).status_code == 202
    room = room_of(taker)

    def spend(connection: Any) -> None:
        for job, units in (("1", 0.5), ("2", 1.0)):
            budget.reserve(connection, "kling", "local", job, units, 9.0, 5, room.clock())
        budget.settle(connection, "kling", "1", "k-1", State.DONE, 0.75, room.clock())

    room.database.run_here(spend)
    found = lines(taker)
    for line in (
        "vfr_jobs_queued 1.0",
        "vfr_jobs_running 0.0",
        "vfr_workers 0.0",
        'vfr_deliveries{state="pending"} 0.0',
        'vfr_provider_spend_units{provider="kling",tenant="local"} 1.75',
        'vfr_breaker_state{name="triton"} 0.0',
    ):
        assert line in found


def test_nobody_works_and_the_queue_is_full(taker: TestClient) -> None:
    """Both are said; each would be a reason for the 503."""
    assert taker.get("/readyz").json()["parts"]["workers"] == "none is alive: jobs wait"
    assert taker.post("/v1/jobs", files=FILES).status_code == 202
    reply = taker.get("/readyz")
    assert reply.status_code == 503
    assert reply.json()["parts"]["queue"] == "full: 1 wait"
    assert taker.get("/healthz").status_code == 200


def test_a_provider_that_is_out_keeps_nobody_from_being_served(caller: TestClient) -> None:
    """It is said, also to Prometheus, and the service is ready."""
    room_of(caller).circuits = {"kling": broken()}
    reply = caller.get("/readyz")
    assert (reply.status_code, reply.json()["ready"]) == (200, True)
    assert "left alone" in reply.json()["parts"]["kling"]
    assert 'vfr_breaker_state{name="kling"} 2.0' in lines(caller)


def test_triton_that_is_left_alone_is_no_use(caller: TestClient) -> None:
    """Until a probe may go: then the service is ready for it."""
    room = room_of(caller)
    room.triton = broken()
    assert caller.get("/readyz").status_code == 503
    room.triton._until = 0.0
    reply = caller.get("/readyz")
    assert (reply.status_code, reply.json()["parts"]["triton"]) == (200, health._CIRCUITS[room.triton.state])


def test_no_place_for_pictures(caller: TestClient, place: Path) -> None:
    """The store's own sentence."""
    shutil.rmtree(place / "blobs")
    (place / "blobs").write_text("a file where the folder was")
    reply = caller.get("/readyz")
    assert reply.status_code == 503
    assert "The store of pictures can't be used now" in reply.json()["parts"]["pictures"]


def test_no_database(caller: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Health answers soon, the metrics go on without what only it knows, and the pulse beats."""
    monkeypatch.setattr(health, "PATIENCE", 0.2)
    METADATA.drop_all(room_of(caller).database.engine)
    reply = caller.get("/readyz")
    assert reply.status_code == 503
    assert reply.json()["parts"]["database"] == "no answer within 0.2 s"
    found = lines(caller)
    assert "vfr_database_up 0.0" in found
    assert not [line for line in found if line.startswith("vfr_jobs_queued")]
    assert caller.get("/healthz").status_code == 200


def test_metrics_have_a_port_of_their_own_where_there_is_one(scripted: ScriptedTriton) -> None:
    """Then callers of REST can't read what tenants spend; health stays."""
    with TestClient(app_on(scripted, metrics_port=_free_port())) as caller:
        assert caller.get("/metrics").status_code == 404
        assert caller.get("/readyz").status_code == 200


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_the_account_is_the_same_on_every_database(database: Database) -> None:
    """Waiting and running jobs, living workers, what did not arrive, what was spent."""

    def fill(connection: sa.Connection) -> None:
        for job in ("1", "2", "3"):
            values = {"tenant": "local", "user": "", "order": {}, "snapshot": "", "deadline": 100.0}
            records.create(connection, job, 50.0, **values)
        records.step(connection, "1", "render", 0.3, 60.0)
        connection.execute(sa.insert(heartbeat.WORKERS).values(name="old", seen=9.0))
        heartbeat.beat(connection, "new")
        budget.reserve(connection, "kling", "local", "1", 0.5, 9.0, 5, 60.0)
        row = {"tenant": "local", "job": "1", "endpoint": "https://a", "body": "", "attempts": 1, "why": ""}
        states = {"a": "pending", "b": "pending", "c": "delivered", "d": "given_up"}
        for name, state in states.items():
            connection.execute(
                sa.insert(delivery.DELIVERIES).values(**row, changed=60.0, id=name, state=state)
            )

    database.run_here(fill)
    assert database.run_here(lambda connection: account(connection, seconds=30.0)) == Account(
        queued=2,
        running=1,
        workers=1,
        deliveries={"pending": 2, "disabled": 0, "refused": 0, "given_up": 1},
        spend={("kling", "local"): 0.5},
    )
