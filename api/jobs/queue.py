"""The seam to DBOS from outside of its workflows: to enqueue them within a transaction, cancel, wake, and look.

DBOS keeps each workflow's steps in the same database as our rows, so that a job and its workflow begin together.
"""

from __future__ import annotations

import logging
import sqlite3
import sys
import time

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, EnqueueOptions

from api.jobs.envelope import JsonSerializer
from api.jobs.records import JOBS, UNFINISHED
from api.storage.database import Database
from bridge.errors import ConfigError, StorageUnavailable

APPLICATION = "neurose-vfr"
VERSION = "tryon-2"
"""Of the workflows' steps and their order. Another number strands the jobs that run while it is deployed."""

JOBS_QUEUE, DELIVERIES_QUEUE, ERRANDS_QUEUE = "jobs", "deliveries", "errands"
TRYON, DELIVER, ERASE = "tryon", "deliver", "erase"

POLL_SECONDS = {JOBS_QUEUE: 0.05, DELIVERIES_QUEUE: 0.5, ERRANDS_QUEUE: 2.0}
"""Between two looks at each queue [s]: DBOS's own second would be half of a job's waiting, and each look costs an idle
worker 3 ms of its processor."""
DELIVERIES_AT_ONCE = 32

WAKE_TOPIC = "wake"
"""What a waiting job listens to; the message itself is not believed."""
MIGRATION_SECONDS = (0.2, 0.5, 1.0, 2.0, None)
"""Pauses when several processes prepare a new database at once [s]."""
_GONE_FOR_GOOD = ("ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
"""DBOS's states of workflows that will not go on."""
_SQLITE_3_42 = (3, 42)
_PYTHON_3_12 = (3, 12)


class Queue:
    """A way to DBOS's database. It executes nothing."""

    def __init__(self, database: Database, workers: int) -> None:
        """Prepare the database.

        Args:
            database: where our rows are too.
            workers: how many jobs one process executes at once.

        Raises:
            ConfigError: this Python and this SQLite can't work together.
            StorageUnavailable: the database does not answer.
        """
        _check_sqlite(database)
        self._database = database
        _migrate(system_url(database))
        self._client = DBOSClient(
            system_database_url=system_url(database),
            serializer=JsonSerializer(),
            application_name=APPLICATION,
            lazy=True,
            retry_connection_errors=False,
        )
        at_once = {JOBS_QUEUE: workers, DELIVERIES_QUEUE: DELIVERIES_AT_ONCE, ERRANDS_QUEUE: 1}
        for queue, seconds in POLL_SECONDS.items():
            self._client.register_queue(
                queue, worker_concurrency=at_once[queue], polling_interval_sec=seconds
            )

    def put(
        self,
        connection: sa.Connection,
        queue: str,
        name: str,
        key: str,
        seconds: float | None,
        *,
        turn: int | None = None,
        pause: float | None = None,
    ) -> None:
        """Enqueue a workflow under its arguments' name; nothing happens when it is known already.

        Args:
            connection: the transaction that it becomes part of.
            queue: one of the three queues.
            name: one of the three workflows.
            key: its argument: a job, a delivery, or an errand.
            seconds: after this it is cancelled; None: never.
            turn: its second argument, where the same is done several times.
            pause: how long it lies there before it is waited for [s]; meanwhile it takes no worker's place.
        """
        arguments = (key,) if turn is None else (key, turn)
        options: EnqueueOptions = {
            "workflow_name": name,
            "queue_name": queue,
            "workflow_id": "-".join(map(str, arguments)),
            "app_version": VERSION,
            "application_name": APPLICATION,
        }
        if seconds is not None:
            options["workflow_timeout"] = seconds
        if pause is not None:
            options["delay_seconds"] = pause
        self._client.enqueue_in_transaction(connection, options, *arguments)

    async def cancel(self, key: str) -> None:
        """Let a workflow begin no further step."""
        await self._client.cancel_workflow_async(key)

    async def wake(self, key: str, once: str) -> None:
        """Shorten a workflow's wait; the same ``once`` wakes it once."""
        await self._client.send_async(key, {"wake": once}, topic=WAKE_TOPIC, idempotency_key=f"{key}:{once}")

    async def delete(self, keys: list[str]) -> None:
        """Forget workflows that are over."""
        await self._client.delete_workflows_async(keys)

    def close(self) -> None:
        """Close the connections."""
        self._client.destroy()


def given_up(connection: sa.Connection) -> dict[str, str]:
    """Return the jobs that are not over although DBOS gave up their workflows, with its word for why.

    The database brings the two together, by DBOS's documented table: a queue may be long, and this is asked often.
    """
    schema = "dbos" if connection.dialect.name == "postgresql" else None
    workflows = sa.table("workflow_status", sa.column("workflow_uuid"), sa.column("status"), schema=schema)
    theirs = sa.and_(workflows.c.workflow_uuid == JOBS.c.id, workflows.c.status.in_(_GONE_FOR_GOOD))
    query = sa.select(JOBS.c.id, workflows.c.status).join(workflows, theirs).where(UNFINISHED)
    return {job: status for job, status in connection.execute(query)}  # noqa: C416 - rows are no pairs to mypy


def system_url(database: Database) -> str:
    """Return the address of DBOS's tables: the same database as ours."""
    return database.url.set(drivername=database.url.get_backend_name()).render_as_string(hide_password=False)


def _migrate(url: str) -> None:
    logging.getLogger("dbos").setLevel(logging.WARNING)  # a line for each of its tables is for its developers
    for pause in MIGRATION_SECONDS:
        try:
            DBOS.migrate(url)
        except Exception as error:  # noqa: PERF203 - whatever the driver says while another makes the same tables
            if pause is None:
                raise StorageUnavailable("The database can't be prepared. Please look at its log.") from error
            time.sleep(pause)
        else:
            return


def _check_sqlite(database: Database) -> None:
    old = sqlite3.sqlite_version_info < _SQLITE_3_42
    if database.engine.dialect.name == "sqlite" and old and sys.version_info >= _PYTHON_3_12:
        raise ConfigError(
            f"Python {sys.version_info.major}.{sys.version_info.minor} needs SQLite 3.42 for durable jobs; this one "
            f"is {sqlite3.sqlite_version}. Set VFR_DATABASE_URL to a PostgreSQL, or use Python 3.11."
        )
