"""What was used: one record for every job that gave a picture, and its sums by month."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from decimal import Decimal

import sqlalchemy as sa

from api.security.quotas import next_month
from api.storage.database import METADATA, insert_new
from bridge.registry import Tier

_MILLIONTHS = 1_000_000

USAGE = sa.Table(
    "usage",
    METADATA,
    sa.Column("job", sa.String(32), primary_key=True),
    sa.Column("tenant", sa.String(32), nullable=False),
    sa.Column("user", sa.String(128), nullable=False),  # empty: nobody's
    sa.Column("tier", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("provider_units", sa.Float(53), nullable=False),
    sa.Column("price", sa.BigInteger, nullable=False),  # in millionths: sums of money are exact
    sa.Column("at", sa.Float(53), nullable=False),
    sa.Index("usage_by_month", "tenant", "at"),
)


@dataclass(frozen=True)
class Used:
    """What one job has used.

    Attributes:
        job: its id.
        tenant: who pays.
        user: whose picture it is; empty: nobody's in particular.
        tier: what was sold.
        attempts: how many pictures were made until one was good enough.
        provider_units: what was spent at a provider outside [units of the provider].
        price: what the plan says, in the currency of the contract; exact to a millionth.
        at: when the job ended [seconds since 1970].
    """

    job: str
    tenant: str
    user: str
    tier: Tier
    attempts: int
    provider_units: float
    price: Decimal
    at: float


@dataclass(frozen=True)
class Sum:
    """What the jobs of one tier have used together; fields as in :class:`Used`."""

    tier: Tier
    jobs: int
    attempts: int
    provider_units: float
    price: Decimal


def record(connection: sa.Connection, used: Used) -> bool:
    """Keep a record; return False, and change nothing, when the job has one already."""
    row = asdict(used) | {"tier": used.tier.value, "price": int(used.price * _MILLIONTHS)}
    return insert_new(connection, USAGE, **row)


def sums(connection: sa.Connection, tenant: str, month: str, user: str | None = None) -> list[Sum]:
    """Return what was used in a calendar month (UTC), by tier.

    Args:
        connection: within a transaction.
        tenant: whose.
        month: such as ``2026-11``.
        user: of this user alone; None: of all.
    """
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=timezone.utc).timestamp()
    columns = [sa.func.sum(USAGE.c[name]) for name in ("attempts", "provider_units", "price")]
    query = sa.select(USAGE.c.tier, sa.func.count(), *columns).group_by(USAGE.c.tier)
    query = query.where(USAGE.c.tenant == tenant, USAGE.c.at >= first, USAGE.c.at < next_month(first))
    if user is not None:
        query = query.where(USAGE.c.user == user)
    found = {Tier(row[0]): row[1:] for row in connection.execute(query)}
    return [_sum(tier, *found[tier]) for tier in Tier if tier in found]


def forget(connection: sa.Connection, tenant: str, user: str) -> int:
    """Take a user's name out of the records, which stay for the bill; return how many there were."""
    mine = USAGE.update().where(USAGE.c.tenant == tenant, USAGE.c.user == user)
    return connection.execute(mine.values(user="")).rowcount


def _sum(tier: Tier, jobs: int, attempts: int, units: float, millionths: int) -> Sum:
    return Sum(tier, jobs, int(attempts), units, Decimal(int(millionths)) / _MILLIONTHS)
