"""Rates and quotas: exact, also when everybody comes at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.security import quotas
from api.security.tenants import Limits, Tenant
from api.storage.database import Database
from bridge.errors import QuotaSpent, RateLimited, VfrError
from bridge.registry import Tier
from tests.api.security.gate import app_behind

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc).timestamp()


def tenant(name: str = "lumen", **limits: int) -> Tenant:
    """Return a tenant with these limits."""
    return Tenant(id=name, plan="payg", limits=Limits(**limits))


def take(database: Database, who: Tenant, now: float = NOW, tier: Tier = Tier.BASIC) -> float | None:
    """Ask for one job; return None when it may be, or what ``Retry-After`` would say."""
    try:
        database.run_here(lambda c: quotas.take(c, who, tier, now))
    except RateLimited as error:
        return error.retry_after
    return None


def test_the_bucket_gives_what_it_holds_and_refills(database: Database) -> None:
    """A minute's jobs at once, then one for each part of a minute; who comes when told is served."""
    who = tenant(requests_per_minute=30)
    assert [take(database, who) for _ in range(30)] == [None] * 30
    wait = take(database, who)
    assert wait == pytest.approx(2.0)
    assert take(database, who, NOW + wait / 2) == pytest.approx(1.0)
    assert take(database, who, NOW + wait) is None
    assert take(database, who, NOW + wait) is not None
    assert [take(database, who, NOW + 3600) for _ in range(31)].count(None) == 30


def test_tenants_do_not_share_a_bucket(database: Database) -> None:
    """What one spends, the other keeps."""
    busy = tenant(requests_per_minute=8)
    assert [take(database, busy) for _ in range(9)][-1] is not None
    assert take(database, tenant("atelier", requests_per_minute=8)) is None


def test_dearer_tiers_take_more(database: Database) -> None:
    """An ultra job costs as much as eight basic ones, and even the smallest bucket holds one."""
    who = tenant(requests_per_minute=1)
    assert take(database, who, tier=Tier.ULTRA) is None
    assert take(database, who) == pytest.approx(60.0)
    assert take(database, who, NOW + 480, Tier.PRO) is None
    assert take(database, who, NOW + 480, Tier.PRO) is None
    assert take(database, who, NOW + 480, Tier.PRO) == pytest.approx(240.0)


def test_a_clock_that_lags_gives_nothing(database: Database) -> None:
    """Processes whose clocks differ can't refill the bucket twice for the same minute."""
    who = tenant(requests_per_minute=8)
    for _ in range(8):
        take(database, who, NOW)
    assert [take(database, who, at) for at in (NOW - 60, NOW, NOW - 60)].count(None) == 0
    assert [take(database, who, NOW + 60) for _ in range(9)].count(None) == 8


def test_the_bucket_is_exact_when_all_come_at_once(database: Database) -> None:
    """Of 40 at the same moment, from ten services that share nothing but the database, exactly 20 are served."""
    who = tenant(requests_per_minute=20)
    start = threading.Barrier(10)

    def ask(_: int) -> list[float | None]:
        service = Database(database.url.render_as_string(hide_password=False))
        start.wait()
        answers = [take(service, who) for _ in range(4)]
        service.close()
        return answers

    with ThreadPoolExecutor(10) as pool:
        answers = [answer for four in pool.map(ask, range(10)) for answer in four]
    assert (answers.count(None), len(answers)) == (20, 40)


def test_the_month_ends_exactly(database: Database) -> None:
    """The last job of the quota is accepted, the next one is told when the month is over, the next month is new."""
    who = tenant(jobs_per_month=3)
    for _ in range(3):
        database.run_here(lambda c: quotas.count(c, who, NOW))
    with pytest.raises(QuotaSpent, match="All 3 jobs") as refused:
        database.run_here(lambda c: quotas.count(c, who, NOW))
    december = datetime(2026, 12, 1, tzinfo=timezone.utc).timestamp()
    assert refused.value.retry_after == december - NOW
    database.run_here(lambda c: quotas.count(c, who, december))
    held = [
        database.run_here(lambda c, m=m: quotas.counted(c, who, m)) for m in ("2026-11", "2026-12", "2027-01")
    ]
    assert held == [3, 1, 0]


def test_without_a_quota_the_month_is_only_counted(database: Database) -> None:
    """Usage can be shown although nothing is refused."""
    who = tenant()
    for _ in range(5):
        database.run_here(lambda c: quotas.count(c, who, NOW))
    assert database.run_here(lambda c: quotas.counted(c, who, "2026-11")) == 5


def test_a_job_that_was_refused_later_is_not_counted(database: Database) -> None:
    """The count goes with the transaction that makes the job."""
    who = tenant(jobs_per_month=1)

    def fails(connection: sa.Connection) -> None:
        quotas.count(connection, who, NOW)
        raise VfrError("no")

    with pytest.raises(VfrError, match="no"):
        database.run_here(fails)
    database.run_here(lambda c: quotas.count(c, who, NOW))


@pytest.mark.parametrize(
    ("day", "first"),
    [("2026-11-21", "2026-12-01"), ("2026-12-31", "2027-01-01"), ("2027-01-01", "2027-02-01")],
)
def test_months_follow_the_calendar(day: str, first: str) -> None:
    """Also around the turn of the year."""
    moments = [datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() for text in (day, first)]
    assert quotas.next_month(moments[0]) == moments[1]
    assert quotas.month_of(moments[0]) == day[:7]


@pytest.mark.parametrize(
    ("limits", "seconds", "code"),
    [
        ({"requests_per_minute": 1}, 60, "rate_limited"),
        ({"jobs_per_month": 8}, int(quotas.next_month(NOW) - NOW), "quota_spent"),
    ],
)
def test_a_refusal_says_over_http_when_to_come_again(
    sqlite: Database, limits: dict[str, int], seconds: int, code: str
) -> None:
    """Eight jobs are served, the ninth is answered 429 with ``Retry-After`` in whole seconds."""
    app = app_behind(sqlite)
    who = tenant(**limits)

    @app.post("/jobs")
    async def enter() -> None:
        await sqlite.run(lambda c: (quotas.take(c, who, Tier.BASIC, NOW), quotas.count(c, who, NOW)))

    with TestClient(app) as client:
        replies = [client.post("/jobs") for _ in range(9)]
    assert [reply.status_code for reply in replies] == [200] * 8 + [429]
    assert (replies[-1].json()["code"], replies[-1].headers["Retry-After"]) == (code, str(seconds))
