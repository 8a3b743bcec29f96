"""What providers cost: a limit of parallel tasks per account, and a budget per tenant and day, as rows.

A task is reserved before it is handed in, which counts its expected cost and takes a slot, and settled when it
is known what became of it. Both may be repeated. A job that crashed in between gives its slot back at its
deadline; its cost stays counted, since the provider may well have charged it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import sqlalchemy as sa

from api.providers.base import State
from api.storage.database import METADATA, insert_new

TASKS = sa.Table(
    "provider_tasks",
    METADATA,
    sa.Column("provider", sa.String, primary_key=True),
    sa.Column("job", sa.String, primary_key=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("request", sa.String),  # the hash of what the job asks for: the dedupe key
    sa.Column("day", sa.String, nullable=False),  # of the budget, as 2026-11-21
    sa.Column("cost", sa.Float, nullable=False),  # counted in the budget now [units]
    sa.Column("external_id", sa.String),
    sa.Column("state", sa.String),  # of State; NULL: not handed in, as far as we know
    sa.Column("reserved", sa.Float, nullable=False),
    sa.Column("deadline", sa.Float, nullable=False),  # until then it holds a slot
    sa.Column("settled", sa.Float),
    sa.Index("provider_tasks_open", "provider", "settled", "deadline"),
    sa.Index("provider_tasks_by_job", "job"),
)
SPEND = sa.Table(
    "provider_spend",
    METADATA,
    sa.Column("tenant", sa.String, primary_key=True),
    sa.Column("day", sa.String, primary_key=True),
    sa.Column("units", sa.Float, nullable=False, server_default="0"),
)

LATE_SECONDS = 3600.0
"""How long after it was reserved a task that nobody saw the end of may still be taken up [s]: a renderer that is slow
gives its picture to the next who asks for the same; one that hangs keeps nobody for longer."""
SLOT_SECONDS = 600.0
"""How long a task may hold a slot unless it is said otherwise [s]: five times the wait for a picture."""
FULL_SECONDS = 5.0
"""After which it is worth asking for a slot again [s]."""

_LOCK = 0x76_66_72_01  # "vfr", 1: any number that nobody else locks
_TINY = 1e-9  # sums of tenths may miss a budget by less than this


@dataclass(frozen=True)
class Reserved:
    """The task may be handed in."""

    external_id: str | None  # where it was handed in already


@dataclass(frozen=True)
class BudgetSpent:
    """The tenant's budget of the day does not hold this task."""

    retry_after: float  # until the next day begins [s]


@dataclass(frozen=True)
class NoRoom:
    """The account has all its tasks running."""

    retry_after: float = FULL_SECONDS


def reserve(
    connection: sa.Connection,
    provider: str,
    tenant: str,
    job: str,
    cost: float,
    daily_budget: float,
    most_parallel: int,
    now: float,
    seconds: float = SLOT_SECONDS,
    request: str | None = None,
) -> Reserved | BudgetSpent | NoRoom:
    """Take a slot and count the cost, once per job; a task that an earlier job left running is this job's then.

    Args:
        connection: in a transaction.
        provider: whose account it is.
        tenant: whose budget it is.
        job: the name under which the task is handed in.
        cost: what is expected to be charged [units].
        daily_budget: the most that the tenant may spend in a day, with all providers [units].
        most_parallel: the most tasks of the account at the same time.
        now: seconds since 1970.
        seconds: how long the slot is held if nobody settles.
        request: the hash of what is asked for (the dedupe key); None: of nothing that comes again.

    Returns:
        Reserved, also when the job was reserved before; or why not, and then nothing was counted.
    """
    _alone(connection)
    mine = (TASKS.c.provider == provider) & (TASKS.c.job == job)
    given_up = mine & TASKS.c.settled.is_not(None) & TASKS.c.external_id.is_(None)
    connection.execute(sa.delete(TASKS).where(given_up))  # never handed in: it starts afresh
    known = connection.execute(sa.select(TASKS).where(mine)).one_or_none()
    if known is None and _inherited(connection, provider, tenant, job, request, now):
        known = connection.execute(sa.select(TASKS).where(mine)).one()
    holds = known is not None and (known.settled is not None or known.deadline > now)
    if not holds and running(connection, provider, now) >= most_parallel:
        return NoRoom()
    if known is not None:  # a lapsed slot is taken again; the cost is counted already
        connection.execute(sa.update(TASKS).where(mine).values(deadline=max(known.deadline, now + seconds)))
        return Reserved(known.external_id)
    day = day_of(now)
    if spent(connection, tenant, day) + cost > daily_budget + _TINY:
        return BudgetSpent(_until_tomorrow(now))
    _count(connection, tenant, day, cost)
    connection.execute(
        sa.insert(TASKS).values(
            provider=provider,
            job=job,
            tenant=tenant,
            request=request,
            day=day,
            cost=cost,
            reserved=now,
            deadline=now + seconds,
        )
    )
    return Reserved(None)


def _inherited(
    connection: sa.Connection, provider: str, tenant: str, job: str, request: str | None, now: float
) -> bool:
    """Give a job the newest task of the same request that was handed in and not seen to end; return if there is one."""
    left = sa.and_(
        TASKS.c.provider == provider,
        TASKS.c.tenant == tenant,
        TASKS.c.request == request,
        TASKS.c.external_id.is_not(None),
        TASKS.c.settled.is_(None),
        TASKS.c.reserved > now - LATE_SECONDS,
    )
    newest = sa.select(TASKS.c.job).where(left).order_by(TASKS.c.reserved.desc()).limit(1)
    if request is None or (earlier := connection.scalar(newest)) is None:
        return False
    theirs = (TASKS.c.provider == provider) & (TASKS.c.job == earlier)
    connection.execute(sa.update(TASKS).where(theirs).values(job=job))
    return True


def settle(
    connection: sa.Connection,
    provider: str,
    job: str,
    external_id: str | None,
    state: State,
    units: float,
    now: float,
) -> bool:
    """Write down what became of a task.

    Args:
        connection: in a transaction.
        provider: as it was reserved.
        job: as it was reserved.
        external_id: the provider's id, where it is known.
        state: RUNNING keeps slot and cost; DONE and FAILED give the slot back and count what was charged
            instead of what was expected. FAILED without an external id gives up a task that was never
            handed in: it may be reserved again.
        units: what was charged.
        now: seconds since 1970.

    Returns:
        Whether anything was changed: False for a job that is not reserved, or settled already.
    """
    _alone(connection)
    still_open = (TASKS.c.provider == provider) & (TASKS.c.job == job) & TASKS.c.settled.is_(None)
    task = connection.execute(sa.select(TASKS).where(still_open)).one_or_none()
    if task is None:
        return False
    values: dict[str, str | float | None] = {
        "external_id": external_id or task.external_id,
        "state": state.value,
    }
    if state is not State.RUNNING:
        _count(connection, task.tenant, task.day, units - task.cost)
        values |= {"settled": now, "cost": units}
    connection.execute(sa.update(TASKS).where(still_open).values(values))
    return True


def spent(connection: sa.Connection, tenant: str, day: str) -> float:
    """Return what the tenant spent, and has reserved, on a day [units]."""
    query = sa.select(SPEND.c.units).where((SPEND.c.tenant == tenant) & (SPEND.c.day == day))
    return float(connection.scalar(query) or 0.0)


def spent_on(connection: sa.Connection, job: str) -> float:
    """Return what a job spent, and has reserved, with all providers [units]."""
    return float(connection.scalar(sa.select(sa.func.sum(TASKS.c.cost)).where(TASKS.c.job == job)) or 0.0)


def forget(connection: sa.Connection, jobs: sa.Select[tuple[str]]) -> None:
    """Forget what the jobs that a query names asked for; what they cost stays."""
    connection.execute(sa.update(TASKS).where(TASKS.c.job.in_(jobs)).values(request=None))


def spent_by(connection: sa.Connection) -> dict[tuple[str, str], float]:
    """Return what was spent, and is reserved, since ever [units], by provider and tenant."""
    query = sa.select(TASKS.c.provider, TASKS.c.tenant, sa.func.sum(TASKS.c.cost))
    rows = connection.execute(query.group_by(TASKS.c.provider, TASKS.c.tenant))
    return {(provider, tenant): float(units) for provider, tenant, units in rows}


@dataclass(frozen=True)
class Held:
    """A task that a job has, or may have, at a provider."""

    provider: str
    external_id: str | None  # None: it is not known whether it was handed in


def held(connection: sa.Connection, job: str) -> Held | None:
    """Return where a job has a task, or may have one; None where a new one costs nothing twice."""
    given_up = TASKS.c.settled.is_not(None) & TASKS.c.external_id.is_(None)
    query = sa.select(TASKS.c.provider, TASKS.c.external_id).where(TASKS.c.job == job, ~given_up)
    found = connection.execute(query).first()
    return Held(*found) if found else None


def running(connection: sa.Connection, provider: str, now: float) -> int:
    """Return how many tasks hold a slot of the account."""
    holding = (TASKS.c.provider == provider) & TASKS.c.settled.is_(None) & (TASKS.c.deadline > now)
    return int(connection.scalar(sa.select(sa.func.count()).where(holding)) or 0)


def day_of(now: float) -> str:
    """Return the day of a moment, which begins at midnight UTC: ``2026-11-21``."""
    return datetime.fromtimestamp(now, timezone.utc).date().isoformat()


def _until_tomorrow(now: float) -> float:
    today = datetime.fromtimestamp(now, timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=1)).timestamp() - now


def _count(connection: sa.Connection, tenant: str, day: str, units: float) -> None:
    insert_new(connection, SPEND, tenant=tenant, day=day)
    here = (SPEND.c.tenant == tenant) & (SPEND.c.day == day)
    connection.execute(sa.update(SPEND).where(here).values(units=SPEND.c.units + units))


def _alone(connection: sa.Connection) -> None:
    """Let transactions of this module run one after the other, so that what was counted still holds.

    SQLite's writers are alone anyway (``BEGIN IMMEDIATE``). The lock ends with the transaction.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
