"""What the database says of all replicas together: for Prometheus, and for whoever asks how the service is."""

from __future__ import annotations

import sqlalchemy as sa

from api.jobs import heartbeat, records
from api.jobs.records import State
from api.providers import budget
from api.telemetry.metrics import Account
from api.webhooks import delivery


def account(connection: sa.Connection, seconds: float) -> Account:
    """Count what waits and runs, who lives, what did not arrive, and what was spent.

    Args:
        connection: a transaction.
        seconds: workers that gave a sign of life within them live.
    """
    jobs = records.counts(connection)
    return Account(
        queued=jobs[State.QUEUED],
        running=jobs[State.RUNNING],
        workers=len(heartbeat.alive(connection, seconds)),
        deliveries=delivery.undelivered(connection),
        spend=budget.spent_by(connection),
    )
