"""What a tenant may take: requests in a minute, jobs in a month.

The rate is a token bucket kept as one row, so that it is exact across processes: one ``UPDATE`` refills it by the
time that went by and takes the cost, or changes nothing. The row stays locked until the caller's transaction ends,
so what the same transaction counts afterwards is exact for the tenant too.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def _smaller(one: sa.ColumnElement[float], other: sa.ColumnElement[float]) -> sa.ColumnElement[float]:
    return sa.case((one < other, one), else_=other)  # SQLite's min() of two is PostgreSQL's least()


def _larger(one: sa.ColumnElement[float], other: sa.ColumnElement[float]) -> sa.ColumnElement[float]:
    return sa.case((one > other, one), else_=other)


# To build a statement takes longer than to run it, so these are built once.
# A clock that lags behind the last writer's refills nothing, and never turns the bucket's time back.
_SINCE = _larger(sa.bindparam("now", type_=sa.Float), BUCKETS.c.at)
_FILLED = _smaller(
    sa.bindparam("full", type_=sa.Float),
    BUCKETS.c.tokens + (_SINCE - BUCKETS.c.at) * sa.bindparam("rate", type_=sa.Float),
)
_MINE = BUCKETS.c.tenant == sa.bindparam("whose")
_HELD = sa.select(_FILLED).where(_MINE)
_TAKE = (
    BUCKETS.update()
    .where(_MINE, sa.bindparam("least", type_=sa.Float) <= _FILLED)
    .values(tokens=_FILLED - sa.bindparam("cost", type_=sa.Float), at=_SINCE)
)
_COUNT = (
    MONTHS.update()
    .where(MONTHS.c.tenant == sa.bindparam("whose"), MONTHS.c.month == sa.bindparam("of"))
    .values(jobs=MONTHS.c.jobs + 1)
)
_COUNT_WITHIN = _COUNT.where(MONTHS.c.jobs < sa.bindparam("most"))


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
    cost, full = COSTS[tier], capacity(tenant.limits)
    rate = tenant.limits.requests_per_minute / 60
    told = {"whose": tenant.id, "now": now, "full": full, "rate": rate}
    taking = told | {"cost": cost, "least": cost - _ROUNDING}
    fresh = {"tenant": tenant.id, "tokens": full, "at": now}
    if not _changed(connection, _TAKE, taking, BUCKETS, fresh):
        held = connection.scalars(_HELD, told).one()
        raise _refused(tenant.limits, (cost - held) / rate)


def count(connection: sa.Connection, tenant: Tenant, now: float) -> None:
    """Count a job that is accepted in the tenant's month (UTC).

    Raises:
        QuotaSpent: the month is used up; ``retry_after`` says when the next one begins.
    """
    month, most = month_of(now), tenant.limits.jobs_per_month
    counting = {"whose": tenant.id, "of": month, "most": most or 0}
    fresh = {"tenant": tenant.id, "month": month, "jobs": 0}
    if not _changed(connection, _COUNT if most is None else _COUNT_WITHIN, counting, MONTHS, fresh):
        error = QuotaSpent(f"All {most} jobs of this month are used. The next month begins at midnight UTC.")
        error.retry_after = next_month(now) - now
        raise error


def _changed(
    connection: sa.Connection,
    change: sa.Update,
    told: Mapping[str, object],
    table: sa.Table,
    fresh: Mapping[str, object],
) -> bool:
    """Change a tenant's row, and where there is none yet make it first; return whether it was changed."""
    if connection.execute(change, told).rowcount:
        return True
    insert_new(connection, table, **fresh)  # somebody else may have been quicker
    return bool(connection.execute(change, told).rowcount)


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
