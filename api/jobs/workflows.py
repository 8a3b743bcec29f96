"""The durable workflows: what DBOS writes down step by step, and goes on with after a crash.

Between steps nothing may depend on anything but their outcomes: a replay takes the same way through them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from dbos import DBOS

from api.jobs import escalation, steps
from api.jobs.delivering import attempt_delivery
from api.jobs.envelope import Json
from api.jobs.erasing import erase_user
from api.jobs.queue import DELIVER, ERASE, TRYON, WAKE_TOPIC
from api.jobs.room import here
from bridge.errors import JobCancelled, StorageUnavailable

MOST_RECOVERIES = 5
"""How often a job may take a worker down with it before it is given up (its dead letter)."""


_LAST_WORDS = ("job_cancelled", "deadline_missed")
"""Errors after which no other attempt is made, and a picture of an earlier one is not wanted."""


MOST_RECOVERIES_OF_MESSAGES = 100
"""As above, of a delivery: it takes nobody down."""


def _storage(fault: BaseException) -> bool:
    return isinstance(fault, StorageUnavailable)


_STEP: dict[str, Any] = {
    "retries_allowed": True,
    "should_retry": _storage,
    "interval_seconds": 2.0,
    "backoff_rate": 1.0,
    "max_attempts": 300,
}
"""Steps turn every error into a value but one: the store is away, and the step is run again as long as a job lives.

The sweeper ends a job whose deadline comes first; its next turn finds that out.
"""


def _durable(step: Callable[..., Awaitable[Json]]) -> Callable[..., Awaitable[Json]]:
    """Return a step that DBOS writes down under its own name: what it returned is never done again."""

    async def run(key: str, *arguments: object) -> Json:
        return await steps.outcome(here(), step, key, *arguments)

    run.__qualname__ = step.__name__  # DBOS tells its functions apart by it
    return DBOS.step(name=step.__name__, **_STEP)(run)


_begin = _durable(steps.begin)
_render = _durable(steps.render)
_publish = _durable(steps.publish)
_fail = _durable(steps.fail)
_submit = _durable(escalation.submit)
_poll = _durable(escalation.poll)
_collect = _durable(escalation.collect)
_attempt_delivery = _durable(attempt_delivery)
_erase_user = _durable(erase_user)


@DBOS.workflow(name=TRYON, max_recovery_attempts=MOST_RECOVERIES)
async def tryon(job: str) -> Json:
    """Bring one job from its row to its end.

    What a picture takes from perception to its scores is one step, since it is one graph in Triton, which keeps what
    it saw of a person or a garment for the next job.
    """
    begun = await _begin(job)
    if "error" in begun:
        return await _ended(job, begun)
    if begun["ok"]["over"]:
        return {"ok": True}
    attempts, fault = await _attempts(job, begun["ok"]["attempts"], begun["ok"]["ours"])
    if not attempts:
        return await _ended(job, fault)
    published = await _publish(job, attempts)
    return await _ended(job, published) if "error" in published else {"ok": True}


async def _attempts(job: str, attempts: list[Json], ours: int) -> tuple[list[Json], Json]:
    """Render until a picture passes: so many of ours, then another provider's. Return them, and the last error."""
    made: Json = {}
    while not _passed(attempts) and len(attempts) < ours and "error" not in made:
        made = await _render(job, len(attempts), attempts[-1]["next"])
        attempts += [made["ok"]] if "ok" in made else []
    if _passed(attempts):
        return attempts, {}
    if "error" in made and made["error"]["code"] in _LAST_WORDS:
        return [], made
    elsewhere = await _escalate(job)
    if "error" not in elsewhere:
        attempts.append(elsewhere["ok"])
    elif elsewhere["error"]["code"] in _LAST_WORDS:
        return [], elsewhere
    return attempts, made or elsewhere


def _passed(attempts: list[Json]) -> bool:
    return bool(attempts) and attempts[-1]["qa"]["passed"]


async def _escalate(job: str) -> Json:
    """Let the tenant's provider render. A callback only shortens the wait: the poll tells the truth."""
    task = await _submit(job)
    while "error" not in task:
        if task["ok"]["state"] == "done":
            return await _collect(job, task["ok"])
        await DBOS.recv_async(WAKE_TOPIC, timeout_seconds=task["ok"]["pause"])
        task = await _poll(job, task["ok"])
    return task


async def _ended(job: str, fault: Json) -> Json:
    if fault["error"]["code"] != JobCancelled.code:  # a cancelled job's row is ended by whoever cancelled it
        await _fail(job, fault["error"])
    return fault


@DBOS.workflow(name=DELIVER, max_recovery_attempts=MOST_RECOVERIES_OF_MESSAGES)
async def deliver(delivery: str, number: int) -> Json:
    """Tell a tenant's endpoint how a job ended, once more; the step enqueues the next attempt, days later maybe.

    A workflow that slept between attempts would hold one of the few places all the while.
    """
    return await _attempt_delivery(delivery, number)


@DBOS.workflow(name=ERASE, max_recovery_attempts=MOST_RECOVERIES)
async def erase(errand: str) -> Json:
    """Erase everything of one customer of a tenant."""
    return await _erase_user(errand)
