"""How often a tenant may look: generously, and no more."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from api.routes import results
from api.security.caller import Calling
from api.security.reads import READS_EACH, Reads
from api.security.tenants import Tenants
from api.storage.blobs import Blobs
from api.storage.database import Database
from api.storage.links import Links
from bridge.errors import RateLimited
from tests.api.security.gate import SECRET, app_behind, key_of

MEAGRE = {"requests_per_minute": 1}
TENANTS = Tenants.model_validate(
    {
        "plans": {"payg": {"prices": {"basic": 0.02}}},
        "tenants": [
            {"id": "lumen", "plan": "payg", "limits": MEAGRE},
            {"id": "local", "plan": "payg", "limits": MEAGRE},
        ],
    }
)


class Clock:
    """Seconds of the test's own."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def taken(reads: Reads, many: int, tenant: str = "lumen") -> list[float | None]:
    """Read so often; return what each was told: None, or when to come again [s]."""
    told: list[float | None] = []
    for _ in range(many):
        try:
            reads.take(tenant)
            told.append(None)
        except RateLimited as refusal:  # noqa: PERF203 - it is the loop's point
            told.append(refusal.retry_after)
    return told


def test_a_minutes_reads_may_come_at_once_and_then_flow_in() -> None:
    """Who is refused is told exactly when the next one is let through; a long silence saves up no more."""
    clock = Clock()
    reads = Reads(TENANTS, clock)
    assert taken(reads, READS_EACH + 2) == [None] * READS_EACH + [pytest.approx(1.0)] * 2
    clock.now += 1.001
    assert taken(reads, 2) == [None, pytest.approx(0.999)]
    clock.now += 1e6
    assert taken(reads, READS_EACH + 1).count(None) == READS_EACH


def test_tenants_do_not_concern_each_other() -> None:
    """One that reads too much leaves the others theirs; one that left has no terms that could be kept."""
    reads = Reads(TENANTS, Clock())
    taken(reads, READS_EACH)
    assert taken(reads, 1, "local") == [None]
    assert taken(reads, 500, "left") == [None] * 500


def test_looks_are_counted_and_what_is_handed_in_is_not(sqlite: Database) -> None:
    """429 with ``Retry-After`` for GET and DELETE; POST has limits of its own."""
    app = app_behind(sqlite)
    app.state.service.reads = Reads(TENANTS, Clock())

    @app.api_route("/jobs", methods=["GET", "DELETE", "POST"])
    async def jobs(caller: Calling) -> str:
        return caller.tenant.id

    with TestClient(app, headers={"X-API-Key": key_of(sqlite, "lumen")}) as client:
        found = [client.get("/jobs").status_code for _ in range(READS_EACH)]
        refused = client.delete("/jobs")
        handed_in = client.post("/jobs")
    assert set(found) == {200}
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (
        429,
        "rate_limited",
        "1",
    )
    assert handed_in.status_code == 200


def test_pictures_are_counted_for_whose_they_are(sqlite: Database, tmp_path: Path) -> None:
    """Their links need no key, and the tenant's rate holds all the same."""
    app, blobs, links = app_behind(sqlite), Blobs(tmp_path.as_uri()), Links(SECRET.encode(), "")
    app.state.service = SimpleNamespace(blobs=blobs, links=links, reads=Reads(TENANTS, Clock()))
    app.include_router(results.router)
    keys = [f"tenants/{tenant}/users/-/jobs/0/result.png" for tenant in ("lumen", "local")]
    for key in keys:
        asyncio.run(blobs.put(key, b"picture"))
    with TestClient(app) as client:
        found = [client.get(links.sign(keys[0], 2.0**40)).status_code for _ in range(READS_EACH + 1)]
        other = client.get(links.sign(keys[1], 2.0**40))
    assert (set(found[:-1]), found[-1], other.status_code) == ({200}, 429, 200)
