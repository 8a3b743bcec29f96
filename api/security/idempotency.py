"""``Idempotency-Key``: the same request sent again finds the job of the first one.

The semantics are Stripe's (docs.stripe.com/api/idempotent_requests) and the IETF's draft-07 of the header: the key
belongs to the caller and to one operation; the same key with another request is an error, not a second job; a
request that was refused claims nothing, because its claim is rolled back with everything else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlalchemy as sa

from api.storage.database import METADATA, insert_new
from bridge.errors import BadInput, KeyReused

KEEP_SECONDS = 48 * 3600.0
"""How long a claim holds at least [s]; Stripe promises a day, and a weekend's retry should find its job too."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
"""Visible ASCII, as a header can carry it; Stripe's longest."""

CLAIMS = sa.Table(
    "idempotency",
    METADATA,
    sa.Column("owner", sa.String(200), primary_key=True),
    sa.Column("operation", sa.String(200), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("job", sa.String(32), nullable=False),
    sa.Column("created", sa.Float(53), nullable=False, index=True),
)


@dataclass(frozen=True)
class Claimed:
    """The request is new; its job is to be made in the same transaction."""


@dataclass(frozen=True)
class Replay:
    """The request came before; ``job`` is what came of it."""

    job: str


def check_key(key: str) -> str:
    """Return a key as it came in the header.

    Raises:
        BadInput: it is empty, too long, or not of visible ASCII characters.
    """
    if not _KEY.fullmatch(key):
        raise BadInput(
            "The Idempotency-Key must be 1 to 255 visible ASCII characters without spaces; a UUID is a good one."
        )
    return key


def claim(
    connection: sa.Connection, owner: str, key: str, operation: str, fingerprint: str, job: str, now: float
) -> Claimed | Replay:
    """Claim a key for a job, or find the job that has it. Who comes at the same time waits for the first's commit.

    Args:
        connection: within the transaction that makes the job.
        owner: whose key it is: the tenant, and the user where it has users (``Caller.owner``).
        key: as :func:`check_key` returns it.
        operation: method and path, such as ``POST /v1/jobs``.
        fingerprint: a hash of what was asked for.
        job: the new job's id.
        now: seconds since 1970.

    Raises:
        KeyReused: the key came before with another request.
    """
    scope = {"owner": owner, "operation": operation, "key": key}
    claims = sa.select(CLAIMS.c.fingerprint, CLAIMS.c.job).filter_by(**scope)
    while not insert_new(connection, CLAIMS, **scope, fingerprint=fingerprint, job=job, created=now):
        if earlier := connection.execute(claims).one_or_none():  # None: it was pruned just now
            if earlier.fingerprint != fingerprint:
                raise KeyReused(
                    "This Idempotency-Key came before with another request. Please use a new one."
                )
            return Replay(earlier.job)
    return Claimed()


def prune(connection: sa.Connection, now: float) -> int:
    """Forget the claims that are older than :data:`KEEP_SECONDS`; return how many."""
    return connection.execute(CLAIMS.delete().where(CLAIMS.c.created < now - KEEP_SECONDS)).rowcount


def forget(connection: sa.Connection, owner: str, jobs: sa.Select[tuple[str]]) -> None:
    """Forget all claims of an owner who is erased, and whoever's claims for the jobs that a query names."""
    connection.execute(CLAIMS.delete().where(sa.or_(CLAIMS.c.owner == owner, CLAIMS.c.job.in_(jobs))))
