"""The workers, and when each last gave a sign of life: by the database's clock, since the workers' own may differ.

Every function works within its caller's transaction.
"""

from __future__ import annotations

import sqlalchemy as sa

from api.storage.database import METADATA, insert_new, now

WORKERS = sa.Table(
    "workers",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("seen", sa.Float, nullable=False),  # [Unix seconds]
)


def beat(connection: sa.Connection, worker: str) -> None:
    """Write down that a worker lives."""
    if not insert_new(connection, WORKERS, name=worker, seen=now()):
        connection.execute(sa.update(WORKERS).where(WORKERS.c.name == worker).values(seen=now()))


def sign_off(connection: sa.Connection, worker: str) -> None:
    """Write down that a worker is gone."""
    connection.execute(sa.delete(WORKERS).where(WORKERS.c.name == worker))


def alive(connection: sa.Connection, seconds: float) -> set[str]:
    """Return the workers that gave a sign of life within so many seconds."""
    return set(
        connection.execute(sa.select(WORKERS.c.name).where(WORKERS.c.seen > now() - seconds)).scalars()
    )


def forget(connection: sa.Connection, seconds: float) -> None:
    """Delete the workers that were silent for longer."""
    connection.execute(sa.delete(WORKERS).where(WORKERS.c.seen < now() - seconds))
