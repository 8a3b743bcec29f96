"""The rows of jobs and of what happened to them. Every function works within its caller's transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa

from api.jobs.envelope import Json
from api.storage.database import METADATA


class State(str, Enum):
    """Where a job is. The last three are for good."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self not in ACTIVE


ACTIVE = (State.QUEUED, State.RUNNING)

JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("user", sa.String, nullable=False),  # the tenant's own name of its customer; empty: nobody's
    sa.Column("state", sa.String, nullable=False),
    sa.Column("stage", sa.String, nullable=False),
    sa.Column("progress", sa.Float, nullable=False),  # 0 to 1
    sa.Column("order", sa.JSON, nullable=False),
    sa.Column("snapshot", sa.Text, nullable=False),  # the settings that it runs by, as YAML
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("started", sa.Float),
    sa.Column("ended", sa.Float),
    sa.Column("deadline", sa.Float, nullable=False),
    sa.Column("inputs_until", sa.Float),  # when the photos are deleted
    sa.Column("results_until", sa.Float),  # when the result is
    sa.Column("result", sa.JSON),
    sa.Column("problem", sa.JSON),  # {code, detail}
    sa.Column("traceparent", sa.String),  # of the request that handed it in
    sa.Index("jobs_by_state", "state", "created"),
    sa.Index("jobs_by_user", "tenant", "user"),
    sa.Index("jobs_by_tenant", "tenant", "state"),
)

EVENTS = sa.Table(
    "job_events",
    METADATA,
    sa.Column(
        "number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    sa.Column("job", sa.String, sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("stage", sa.String, nullable=False),
    sa.Column("progress", sa.Float, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)

GRACE_SECONDS = 5.0
"""After its deadline a job has so long to end by itself [s]."""
_PUBLISHED = 0.95
"""How far a job is when its result is published."""

ID = re.compile(r"[0-9a-f]{32}")
"""The form of the ids that we choose, of jobs and of erasures."""

UNFINISHED = JOBS.c.state.in_([state.value for state in ACTIVE])
"""A condition on jobs: they wait or run."""

# To build a statement takes longer than to run it, so those that every job needs are built once.
_CREATE, _HAPPENED = sa.insert(JOBS), sa.insert(EVENTS)
_READ = sa.select(JOBS).where(JOBS.c.id == sa.bindparam("key"))
_IS_ACTIVE = sa.select(JOBS.c.id).where(JOBS.c.id == sa.bindparam("key"), UNFINISHED)
_COUNTS = sa.select(JOBS.c.state, sa.func.count()).where(UNFINISHED).group_by(JOBS.c.state)
_QUEUED = sa.select(sa.func.count()).select_from(JOBS).where(JOBS.c.state == State.QUEUED.value)
_WAITING = sa.select(
    _QUEUED.where(JOBS.c.tenant == sa.bindparam("whose")).scalar_subquery(), _QUEUED.scalar_subquery()
)
_BEFORE = _QUEUED.where(JOBS.c.created < sa.bindparam("created"))
_EVENTS = (
    sa.select(EVENTS)
    .where(EVENTS.c.job == sa.bindparam("key"), EVENTS.c.number > sa.bindparam("after"))
    .order_by(EVENTS.c.number)
)
_STEP = (
    sa.update(JOBS)
    .where(JOBS.c.id == sa.bindparam("key"), UNFINISHED)
    .values(
        state=State.RUNNING.value,
        stage=sa.bindparam("to"),
        progress=sa.bindparam("far"),
        started=sa.func.coalesce(JOBS.c.started, sa.bindparam("now")),
    )
    .returning(JOBS)
)
_END = (
    sa.update(JOBS)
    .where(JOBS.c.id == sa.bindparam("key"), UNFINISHED)
    .values(
        {
            name: sa.bindparam(name)
            for name in ("state", "stage", "ended", "result", "problem", "inputs_until", "results_until")
        }
        | {"progress": sa.func.coalesce(sa.bindparam("far"), JOBS.c.progress)}
    )
)


@dataclass(frozen=True)
class Job:
    """A job's row. Times are Unix seconds."""

    id: str
    tenant: str
    user: str
    state: State
    stage: str
    progress: float
    order: Json
    snapshot: str
    created: float
    started: float | None
    ended: float | None
    deadline: float
    inputs_until: float | None
    results_until: float | None
    result: Json | None
    problem: Json | None
    traceparent: str | None

    @property
    def folder(self) -> str:
        """Where its pictures are kept."""
        return folder(self.tenant, self.user, self.id)


def folder(tenant: str, user: str, job: str) -> str:
    """Return the prefix of a job's blobs."""
    return f"{user_folder(tenant, user)}/jobs/{job}"


def user_folder(tenant: str, user: str) -> str:
    """Return the prefix of all blobs of one customer of a tenant."""
    return f"tenants/{tenant}/users/{user or '-'}"


def tenant_of(blob: str) -> str:
    """Return whose blob it is; empty where it is no tenant's."""
    root, _, path = blob.partition("/")
    return path.partition("/")[0] if root == "tenants" else ""


@dataclass(frozen=True)
class Placed:
    """A job, and how many wait before it; None when it does not wait."""

    job: Job
    before: int | None


def create(connection: sa.Connection, job: str, created: float, **values: Any) -> None:  # noqa: ANN401 - a row's values
    """Insert a job that waits, and its first event."""
    row = {"id": job, "created": created, "state": State.QUEUED.value, "stage": "queued", "progress": 0.0}
    connection.execute(_CREATE, row | values)
    _event(connection, job, created, "queued", 0.0, {})


def read(connection: sa.Connection, job: str, tenant: str | None = None) -> Job | None:
    """Return a job; None when there is none, or when it is another tenant's."""
    row = connection.execute(_READ, {"key": job}).mappings().first()
    return _job(row) if row and tenant in {None, row["tenant"]} else None


def step(
    connection: sa.Connection, job: str, stage: str, progress: float, now: float, detail: Json | None = None
) -> Job | None:
    """Note where a job is and return its row; None when it is over, so that whoever works on it stops."""
    told = {"key": job, "to": stage, "far": progress, "now": now}
    if not (row := connection.execute(_STEP, told).mappings().first()):
        return None
    _event(connection, job, now, stage, progress, detail or {})
    return _job(row)


def end(
    connection: sa.Connection,
    job: str,
    state: State,
    now: float,
    *,
    result: Json | None = None,
    problem: Json | None = None,
    kept_until: tuple[float | None, float | None] = (None, None),
    published: float | None = None,
) -> bool:
    """End a job; return False when it already is over: whoever comes second changes nothing.

    Args:
        connection: the transaction.
        job: its id.
        state: how it ends.
        now: when.
        result: what it led to.
        problem: what was in its way.
        kept_until: when its photos are deleted, and when its result is; None: never.
        published: when the publishing of its result began, which is told as a stage of its own.
    """
    told: Json = {"key": job, "state": state.value, "stage": state.value, "ended": now}
    told |= {"far": 1.0 if state is State.DONE else None, "result": result, "problem": problem}
    told |= dict(zip(("inputs_until", "results_until"), kept_until, strict=True))
    if not connection.execute(_END, told).rowcount:
        return False
    if published is not None:
        _event(connection, job, published, "publish", _PUBLISHED, {})
    _event(connection, job, now, state.value, 1.0, problem or {})
    return True


def is_active(connection: sa.Connection, job: str) -> bool:
    """Tell whether a job still waits or runs."""
    return connection.execute(_IS_ACTIVE, {"key": job}).first() is not None


def traceparent(connection: sa.Connection, job: str) -> str | None:
    """Return the trace that a job belongs to; None when there is none, or no such job."""
    return connection.execute(sa.select(JOBS.c.traceparent).where(JOBS.c.id == job)).scalar()


def active(connection: sa.Connection, *, tenant: str | None = None, user: str | None = None) -> list[Job]:
    """Return the jobs that wait or run, the oldest first."""
    query = sa.select(JOBS).where(UNFINISHED).order_by(JOBS.c.created)
    if tenant is not None:
        query = query.where(JOBS.c.tenant == tenant)
    if user is not None:
        query = query.where(JOBS.c.user == user)
    return [_job(row) for row in connection.execute(query).mappings()]


def placed(connection: sa.Connection, job: str, tenant: str | None = None) -> Placed | None:
    """As :func:`read`, with the job's place."""
    if (found := read(connection, job, tenant)) is None:
        return None
    waits = found.state is State.QUEUED
    return Placed(
        found, connection.execute(_BEFORE, {"created": found.created}).scalar_one() if waits else None
    )


def waiting(connection: sa.Connection, tenant: str) -> tuple[int, int]:
    """Return how many jobs of a tenant wait, and how many of all."""
    mine, everybodys = connection.execute(_WAITING, {"whose": tenant}).one()
    return mine, everybodys


def counts(connection: sa.Connection) -> dict[State, int]:
    """Return how many jobs wait and run."""
    found = {State(state): count for state, count in connection.execute(_COUNTS)}
    return {state: found.get(state, 0) for state in ACTIVE}


def seconds_each(connection: sa.Connection, among: int = 50) -> float | None:
    """Return the mean time of the jobs that came last and are done [s]; None before the first."""
    took = (JOBS.c.ended - JOBS.c.started).label("took")
    last = (
        sa.select(took).where(JOBS.c.state == State.DONE.value).order_by(JOBS.c.created.desc()).limit(among)
    ).subquery()
    return connection.execute(sa.select(sa.func.avg(last.c.took))).scalar()


def events(connection: sa.Connection, job: str, after: int) -> list[sa.Row[Any]]:
    """Return what happened to a job after the event of that number, in order."""
    return list(connection.execute(_EVENTS, {"key": job, "after": after}))


def overdue(connection: sa.Connection, now: float) -> list[Job]:
    """Return the jobs that are not over although their deadline is."""
    query = sa.select(JOBS).where(UNFINISHED, JOBS.c.deadline < now)
    return [_job(row) for row in connection.execute(query).mappings()]


def forgotten(connection: sa.Connection, now: float, most: int = 200) -> list[Job]:
    """Return jobs whose photos or results are kept no longer."""
    due = sa.or_(JOBS.c.inputs_until < now, JOBS.c.results_until < now)
    return [_job(row) for row in connection.execute(sa.select(JOBS).where(due).limit(most)).mappings()]


def _job(row: sa.RowMapping) -> Job:
    return Job(**{**row, "state": State(row["state"])})


def _event(
    connection: sa.Connection, job: str, now: float, stage: str, progress: float, detail: Json
) -> None:
    happened = {"job": job, "at": now, "stage": stage, "progress": progress, "detail": detail}
    connection.execute(_HAPPENED, happened)
