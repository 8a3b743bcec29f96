"""What a tenant may take: requests in a minute, jobs in a month.

The rate is a token bucket kept as one row, so that it is exact across processes: one ``UPDATE`` refills it by the
time that went by and takes the cost, or changes nothing. The row stays locked until the caller's transaction ends,
so what the same transaction counts afterwards is exact for the tenant too.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import MappingProxyType

import sqlalchemy as sa

from api.security.tenants import Limits, Tenant
from api.storage.database import METADATA, insert_new
from bridge.errors import QuotaSpent, RateLimited
from bridge.registry import Tier

COSTS = MappingProxyType({Tier.BASIC: 1, Tier.PRO: 4, Tier.ULTRA: 8})
"""Tokens that a job takes: about how much more of the machines a tier needs."""

_ROUNDING = 1e-6
"""Tokens that may be missing: who comes back exactly when told is not refused for a rounding."""

BUCKETS = sa.Table(
    "rate_buckets",
    METADATA,
    sa.Column("tenant", sa.String(32), primary_key=True),
    sa.Column("tokens", sa.Float(53), nullable=False),
    sa.Column("at", sa.Float(53), nullable=False),  # when there were so many
)

MONTHS = sa.Table(
    "monthly_jobs",
    METADATA,
    sa.Column("tenant", sa.String(32), primary_key=True),
    sa.Column("month", sa.String(7), primary_key=True),
    sa.Column("jobs", sa.Integer, nullable=False),
)


def take(connection: sa.Connection, tenant: Tenant, tier: Tier, now: float) -> None:
    """Take what a job of a tier costs out of the tenant's bucket.

    Args:
        connection: within a transaction.
        tenant: who asks.
        tier: of the job.
        now: seconds since 1970.

    Raises:
        RateLimited: there is not enough in the bucket; nothing was taken, ``retry_after`` says when there will be.
    """
    cost = COSTS[tier]
    rate = tenant.limits.requests_per_minute / 60
    full = capacity(tenant.limits)
    # A clock that lags behind the last writer's refills nothing, and never turns the bucket's time back.
    since = _larger(sa.literal(now, sa.Float), BUCKETS.c.at)
    filled = _smaller(sa.literal(full, sa.Float), BUCKETS.c.tokens + (since - BUCKETS.c.at) * rate)
    mine = BUCKETS.c.tenant == tenant.id
    insert_new(connection, BUCKETS, tenant=tenant.id, tokens=full, at=now)
    taken = BUCKETS.update().where(mine, filled >= cost - _ROUNDING).values(tokens=filled - cost, at=since)
    if not connection.execute(taken).rowcount:
        held = connection.scalars(sa.select(filled).where(mine)).one()
        raise _refused(tenant.limits, (cost - held) / rate)


def count(connection: sa.Connection, tenant: Tenant, now: float) -> None:
    """Count a job that is accepted in the tenant's month (UTC).

    Raises:
        QuotaSpent: the month is used up; ``retry_after`` says when the next one begins.
    """
    key = {"tenant": tenant.id, "month": month_of(now)}
    most = tenant.limits.jobs_per_month
    insert_new(connection, MONTHS, **key, jobs=0)
    counted = MONTHS.update().filter_by(**key).values(jobs=MONTHS.c.jobs + 1)
    if most is not None:
        counted = counted.where(MONTHS.c.jobs < most)
    if not connection.execute(counted).rowcount:
        error = QuotaSpent(f"All {most} jobs of this month are used. The next month begins at midnight UTC.")
        error.retry_after = next_month(now) - now
        raise error


def counted(connection: sa.Connection, tenant: Tenant, month: str) -> int:
    """Return how many jobs were accepted in a month (``2026-11``)."""
    return connection.scalar(sa.select(MONTHS.c.jobs).filter_by(tenant=tenant.id, month=month)) or 0


def capacity(limits: Limits) -> float:
    """Return what the bucket holds [tokens]: a minute's refill, and never less than the dearest job costs."""
    return float(max(limits.requests_per_minute, *COSTS.values()))


def month_of(now: float) -> str:
    """Return the calendar month of a moment (UTC), such as ``2026-11``."""
    return f"{datetime.fromtimestamp(now, timezone.utc):%Y-%m}"


def next_month(now: float) -> float:
    """Return when the next calendar month begins (UTC) [seconds since 1970]."""
    first = datetime.fromtimestamp(now, timezone.utc).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    return (first + timedelta(days=32)).replace(day=1).timestamp()


def _refused(limits: Limits, seconds: float) -> RateLimited:
    error = RateLimited(
        f"More came than {limits.requests_per_minute} basic jobs a minute. Please try again in {seconds:.1f} s."
    )
    error.retry_after = seconds
    return error


def _smaller(one: sa.ColumnElement[float], other: sa.ColumnElement[float]) -> sa.ColumnElement[float]:
    return sa.case((one < other, one), else_=other)  # SQLite's min() of two is PostgreSQL's least()


def _larger(one: sa.ColumnElement[float], other: sa.ColumnElement[float]) -> sa.ColumnElement[float]:
    return sa.case((one > other, one), else_=other)
