"""What the database says of all replicas together: for Prometheus, and for whoever asks how the service is."""

from __future__ import annotations

import sqlalchemy as sa

from api.jobs import records
from api.jobs.records import State
from api.jobs.sweeper import WORKERS
from api.providers import budget
from api.telemetry.metrics import Account
from api.webhooks import delivery


def account(connection: sa.Connection, since: float) -> Account:
    """Count what waits and runs, who lives, what did not arrive, and what was spent.

    Args:
        connection: a transaction.
        since: workers that gave a sign of life after it live [Unix seconds].
    """
    jobs = records.counts(connection)
    alive = sa.select(sa.func.count()).select_from(WORKERS).where(WORKERS.c.seen > since)
    return Account(
        queued=jobs[State.QUEUED],
        running=jobs[State.RUNNING],
        workers=connection.execute(alive).scalar_one(),
        deliveries=delivery.undelivered(connection),
        spend=budget.spent_by(connection),
    )
