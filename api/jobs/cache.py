"""Results by what was asked for, so that the same request is rendered once (single flight).

The first job that asks for something leads; those that ask for the same meanwhile wait for its result. When the leader
ends without one, the next takes over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from api.jobs import records
from api.jobs.envelope import Json
from api.storage.database import METADATA, insert_new

RESULTS = sa.Table(
    "results",
    METADATA,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("job", sa.String, nullable=False),  # the leader
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("user", sa.String, nullable=False),
    sa.Column("result", sa.JSON),  # as of a job; null while the leader works
    sa.Column("until", sa.Float),
    sa.Index("results_by_user", "tenant", "user"),
)

_EXPIRE = sa.delete(RESULTS).where(
    RESULTS.c.key == sa.bindparam("what"), RESULTS.c.until < sa.bindparam("now")
)
_KEEP = (
    sa.update(RESULTS)
    .where(RESULTS.c.key == sa.bindparam("what"), RESULTS.c.job == sa.bindparam("mine"))
    .values(result=sa.bindparam("result"), until=sa.bindparam("until"))
)
# Built once: that takes longer than to run them.


@dataclass(frozen=True)
class Lead:
    """This job renders."""


@dataclass(frozen=True)
class Follow:
    """Another job renders; look again soon."""

    leader: str


@dataclass(frozen=True)
class Hit:
    """It is rendered: a job's result."""

    result: Json


Found = Lead | Follow | Hit


def claim(connection: sa.Connection, key: str, job: str, tenant: str, user: str, now: float) -> Found:
    """Say what a job that asks for ``key`` does: the same answer to the same job, however often it asks."""
    connection.execute(_EXPIRE, {"what": key, "now": now})
    if insert_new(connection, RESULTS, key=key, job=job, tenant=tenant, user=user):
        return Lead()
    row = connection.execute(sa.select(RESULTS).where(RESULTS.c.key == key).with_for_update()).one()
    if row.result is not None:
        return Hit(row.result)
    if row.job == job:
        return Lead()
    if records.is_active(connection, row.job):
        return Follow(row.job)
    connection.execute(
        sa.update(RESULTS).where(RESULTS.c.key == key).values(job=job, tenant=tenant, user=user)
    )
    return Lead()


def keep(connection: sa.Connection, key: str, job: str, result: Json, until: float) -> None:
    """Keep the leader's result."""
    connection.execute(_KEEP, {"what": key, "mine": job, "result": result, "until": until})


def let_go(connection: sa.Connection, jobs: Iterable[str]) -> None:
    """Take the lead from jobs whose worker died: those that wait for them hold the places that they need to go on."""
    theirs = sa.and_(RESULTS.c.job.in_(list(jobs)), RESULTS.c.until.is_(None))
    connection.execute(sa.delete(RESULTS).where(theirs))


def forget(connection: sa.Connection, *, job: str | None = None, user: tuple[str, str] | None = None) -> None:
    """Drop what one job led to, or all of a tenant's customer."""
    if job is not None:
        connection.execute(sa.delete(RESULTS).where(RESULTS.c.job == job))
    if user is not None:
        connection.execute(sa.delete(RESULTS).where(RESULTS.c.tenant == user[0], RESULTS.c.user == user[1]))
