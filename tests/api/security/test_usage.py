"""Usage: recorded once per job, summed exactly, shown to whom it belongs."""

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.routes import usage as route
from api.security import quotas, usage
from api.security.keys import Scope
from api.security.usage import Sum, Used
from api.storage.database import Database
from bridge.registry import Tier
from tests.api.security.gate import TENANTS, app_behind, key_of
from tests.api.security.signing import Google

NOVEMBER = datetime(2026, 11, 1, tzinfo=timezone.utc).timestamp()
DECEMBER = datetime(2026, 12, 1, tzinfo=timezone.utc).timestamp()


def used(job: str, **changes: object) -> Used:
    """Return what a job has used."""
    fields: dict[str, Any] = {
        "tenant": "lumen",
        "user": "",
        "tier": Tier.BASIC,
        "attempts": 1,
        "provider_units": 0.0,
        "price": Decimal("0.02"),
        "at": NOVEMBER,
    }
    return Used(job, **(fields | changes))


def recorded(database: Database, *records: Used) -> list[bool]:
    """Record what jobs have used."""
    return [database.run_here(lambda c, one=one: usage.record(c, one)) for one in records]


def summed(database: Database, month: str = "2026-11", user: str | None = None) -> list[Sum]:
    """Sum up."""
    return database.run_here(lambda c: usage.sums(c, "lumen", month, user))


def test_a_job_is_billed_once(database: Database) -> None:
    """A step that runs again after a crash changes nothing, whatever it says then."""
    assert recorded(database, used("a"), used("a", attempts=2, price=Decimal(9)), used("b")) == [
        True,
        False,
        True,
    ]
    assert summed(database) == [Sum(Tier.BASIC, 2, 2, 0.0, Decimal("0.04"))]


def test_money_is_exact(database: Database) -> None:
    """A thousand times a tenth of a cent is a whole, to the last digit."""
    database.run_here(
        lambda c: [usage.record(c, used(f"{n}", price=Decimal("0.001001"))) for n in range(1000)]
    )
    assert summed(database)[0].price == Decimal("1.001")


def test_sums_are_by_month_and_tier_and_tenant(database: Database) -> None:
    """A month begins at midnight UTC; tiers come in their order; others' jobs are not in it."""
    recorded(
        database,
        used("first"),
        used(
            "last",
            at=DECEMBER - 0.001,
            tier=Tier.ULTRA,
            attempts=2,
            provider_units=1.5,
            price=Decimal("0.25"),
        ),
        used("early", at=NOVEMBER - 0.001),
        used("late", at=DECEMBER),
        used("other", tenant="operations"),
    )
    assert summed(database) == [
        Sum(Tier.BASIC, 1, 1, 0.0, Decimal("0.02")),
        Sum(Tier.ULTRA, 1, 2, 1.5, Decimal("0.25")),
    ]
    assert [row.jobs for row in summed(database, "2026-12")] == [1]
    assert summed(database, "2027-01") == []


def test_a_forgotten_user_stays_in_the_bill_without_a_name(database: Database) -> None:
    """The sums stay; nothing says whose jobs they were; another tenant's user of that name is not touched."""
    recorded(
        database, used("a", user="ann"), used("b", user="bob"), used("c", user="ann", tenant="operations")
    )
    assert database.run_here(lambda c: usage.forget(c, "lumen", "ann")) == 1
    assert summed(database)[0].jobs == 2
    assert (summed(database, user="ann"), summed(database, user="bob")[0].jobs) == ([], 1)
    assert database.run_here(lambda c: usage.sums(c, "operations", "2026-11", "ann"))[0].jobs == 1


def test_the_route_shows_a_tenant_its_own_month(database: Database) -> None:
    """By key the tenant's, by token the user's; nothing of anybody else."""
    google = Google()
    google_now = google.token(iat=0, auth_time=0, exp=2**40)
    recorded(
        database,
        used("a", user="Ann_1"),
        used("b", tier=Tier.PRO, price=Decimal("0.08")),
        used("c", tenant="operations", price=Decimal(100)),
    )
    lumen = TENANTS["lumen"]
    database.run_here(lambda c: [quotas.count(c, lumen, NOVEMBER) for _ in range(3)])
    app = app_behind(database, google=google)
    app.include_router(route.router)
    key = key_of(database, "lumen", Scope.READ)
    with TestClient(app) as client:
        ours = client.get("/v1/usage?month=2026-11", headers={"X-API-Key": key}).json()
        mine = client.get("/v1/usage?month=2026-11", headers={"Authorization": f"Bearer {google_now}"}).json()
        today = client.get("/v1/usage", headers={"X-API-Key": key}).json()
        stranger = client.get("/v1/usage?month=2026-11")
    assert (ours["jobs_accepted"], ours["jobs_per_month"], Decimal(ours["price"])) == (
        3,
        None,
        Decimal("0.1"),
    )
    assert [(row["tier"], row["jobs"], row["price"]) for row in ours["tiers"]] == [
        ("basic", 1, "0.02"),
        ("pro", 1, "0.08"),
    ]
    assert (mine["jobs_accepted"], Decimal(mine["price"])) == (None, Decimal("0.02"))
    assert len(today["month"]) == 7
    assert stranger.status_code == 401


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "26-11", "2026-11-01", "' or 1=1", "2026-11\n"])
def test_the_route_takes_months_alone(sqlite: Database, month: str) -> None:
    """Anything else is a problem, not a fault."""
    app = app_behind(sqlite)
    app.include_router(route.router)
    key = key_of(sqlite, "lumen", Scope.READ)
    with TestClient(app) as client:
        reply = client.get("/v1/usage", params={"month": month}, headers={"X-API-Key": key})
    assert (reply.status_code, reply.json()["code"]) == (422, "bad_request")
