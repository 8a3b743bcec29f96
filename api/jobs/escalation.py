"""A picture by another provider, when none of ours passed and the tenant allows it.

A task costs money: it is reserved in the budget before it is handed in, handed in under the job's own id, for which the
provider is asked before any task is made, and settled when it ends. So a step that is run again pays nothing again.

The providers are tried in their order of preference. The next one gets a job only where it is certain that the one
before made no task of it: its circuit is open, or its account can't be used. Where there may be a task the job stays.
"""

from __future__ import annotations

import asyncio
import math
from functools import partial

import sqlalchemy as sa

from api.jobs.ending import cache_key
from api.jobs.envelope import Json, ok
from api.jobs.order import Order
from api.jobs.patience import while_active
from api.jobs.records import Job
from api.jobs.room import Room
from api.jobs.steps import enter, store
from api.providers import base, budget
from api.providers.base import Provider, State, Task
from api.providers.callback import callback_url
from api.security.ingest import clean
from bridge.errors import (
    ExternalRateLimit,
    JobFailed,
    ProviderError,
    QuotaSpent,
    Refused,
    RenderFailed,
    ServerUnavailable,
    StorageUnavailable,
    VfrError,
)
from bridge.imaging.decode import decode_image
from bridge.imaging.encode import encode_image

_UNSURE = (RenderFailed, JobFailed, StorageUnavailable)
"""After these there may be a task: it keeps its slot for a while, and is looked for when the job is handed in again."""
_NO_TASK = (ProviderError, ServerUnavailable)
"""These very classes, and none below them: the account is at fault, or the circuit open, and no task was made."""
_UNMEASURED = "The picture was made outside of this system, where no edit mask is known to measure it by."


async def submit(room: Room, key: str) -> Json:
    """Hand the job in at the first provider that works.

    Returns:
        ``ok`` with the task: ``provider``, ``external_id``, ``state``, ``polls`` made, ``pause`` before the next and
        ``until`` when to give up [s].

    Raises:
        Refused: nobody may render it, or nobody is set up.
        RenderFailed: nobody works; ``retry_after`` says when to come again.
    """
    _check_allowed(room, await room.job(key))
    if held := await room.database.read(lambda connection: budget.held(connection, key)):
        return await _submit_to(room, key, room.providers[held.provider], stay=True)
    fault: VfrError | None = None
    for name, provider in room.providers.items():
        if room.circuits[name].pause:
            continue
        try:
            return await _submit_to(room, key, provider, stay=False)
        except VfrError as found:
            if type(found) not in _NO_TASK:
                raise
            fault = found
    raise fault or _nobody(room)


async def _submit_to(room: Room, key: str, provider: Provider, *, stay: bool) -> Json:
    """Hand the job in at a provider; where it shall stay there may be a task of it, so nothing is given up."""
    job = await enter(room, key, "escalate", {"provider": provider.name})
    external = await _reserve(room, job, provider)
    try:
        external = external or await _hand_in(room, job, provider, stay=stay)
    except _UNSURE:
        raise
    except VfrError:
        if not stay:
            await _settle(room, job, provider, Task("", State.FAILED))
        raise
    await _settle(room, job, provider, Task(external, State.RUNNING))
    return ok(
        {
            "provider": provider.name,
            "external_id": external,
            "state": State.RUNNING.value,
            "polls": 0,
            "pause": base.pause_before(0),
            "until": room.clock() + provider.timeout,
        }
    )


async def poll(room: Room, key: str, task: Json) -> Json:
    """Ask how far the task is; the same task again, with its new state."""
    job = await enter(room, key, "escalate", {"provider": task["provider"], "polls": task["polls"]})
    provider = room.providers[task["provider"]]
    try:
        found = await while_active(room, job, provider.poll(task["external_id"]))
    except ProviderError as fault:
        if fault.retry_after is None or room.clock() > task["until"]:
            raise
        return ok({**task, "polls": task["polls"] + 1, "pause": fault.retry_after})
    if found.state is State.RUNNING and room.clock() > task["until"]:
        raise RenderFailed("The picture was not rendered outside in time. Please try again.")
    await _settle(room, job, provider, found)
    if found.state is State.FAILED:
        raise base.failure(found)
    polls = task["polls"] + 1
    told = {"state": found.state.value, "urls": list(found.urls), "units": found.units}
    return ok({**task, **told, "polls": polls, "pause": base.pause_before(polls)})


async def collect(room: Room, key: str, task: Json) -> Json:
    """Fetch the picture at once and judge it like any stranger's. Returns ``ok`` with an attempt."""
    job = await enter(room, key, "escalate", {"provider": task["provider"], "polls": task["polls"]})
    provider = room.providers[task["provider"]]
    done = Task(task["external_id"], State.DONE, tuple(task["urls"]), units=task["units"])
    order = Order.model_validate(job.order)
    picture = await clean(await while_active(room, job, provider.fetch(done)))
    data = await asyncio.to_thread(lambda: encode_image(decode_image(picture.data), order.format))
    return ok(
        {
            **await store(room, job, data, order.format),
            "report": None,
            "qa": {"passed": False, "failures": [], "not_measured": {"all": _UNMEASURED}},
            "seconds": room.clock() - (task["until"] - provider.timeout),
            "stages": {},
            "changes": {},
            "provider": {"name": provider.name, "external_id": task["external_id"], "units": task["units"]},
            "next": {},
        }
    )


def _check_allowed(room: Room, job: Job) -> None:
    if not room.tenant(job).allow_external or Order.model_validate(job.order).external == "never":
        raise Refused("The pictures of this job may not leave this system.")
    if not room.providers:
        raise Refused("No other provider is set up; KLING_API_KEY sets up Kling.")


def _nobody(room: Room) -> RenderFailed:
    pause = min(room.circuits[name].pause for name in room.providers)
    fault = RenderFailed(f"Every other provider is out of order. Please try again in {math.ceil(pause)} s.")
    fault.retry_after = pause
    return fault


async def _reserve(room: Room, job: Job, provider: Provider) -> str | None:
    """Wait for a slot of the account; return the provider's id of a task that was handed in already.

    Raises:
        QuotaSpent: the tenant's budget of the day is.
    """
    while True:
        slot = await room.database.run(partial(_slot, room, job, provider))
        if isinstance(slot, budget.Reserved):
            return slot.external_id
        if isinstance(slot, budget.BudgetSpent):
            spent = QuotaSpent("The budget of the day for pictures from outside is spent.")
            spent.retry_after = slot.retry_after
            raise spent
        await while_active(room, job, asyncio.sleep(slot.retry_after))


def _slot(
    room: Room, job: Job, provider: Provider, connection: sa.Connection
) -> budget.Reserved | budget.BudgetSpent | budget.NoRoom:
    tenant = room.tenant(job)
    return budget.reserve(
        connection,
        provider.name,
        tenant.id,
        job.id,
        provider.cost,
        tenant.external_units_per_day,
        provider.most_parallel,
        room.clock(),
        provider.timeout,  # of a job that is cancelled meanwhile the task ends by itself, within that
        cache_key(job),
    )


async def _hand_in(room: Room, job: Job, provider: Provider, *, stay: bool) -> str:
    """Hand the job in, waiting while the provider has no room, and where it shall stay while the circuit is open."""
    order = await _order(room, job)
    circuit = room.circuits[provider.name]
    while True:
        try:
            return await while_active(room, job, circuit.call(lambda: provider.submit(order), base.judge))
        except (ExternalRateLimit, ServerUnavailable) as full:
            if not (isinstance(full, ExternalRateLimit) or (stay and type(full) is ServerUnavailable)):
                raise
            pause = full.retry_after or base.LAST_PAUSE
        await while_active(room, job, asyncio.sleep(pause))


async def _order(room: Room, job: Job) -> base.Order:
    order = Order.model_validate(job.order)
    public = room.settings.public_url
    return base.Order(
        job=job.id,
        person=await room.blobs.get(order.person.key),
        garment=await room.blobs.get(order.garments[0].key),
        category=order.category,
        callback_url=callback_url(public, room.settings.key, job.id) if public else None,
        prefix=job.folder,
    )


async def _settle(room: Room, job: Job, provider: Provider, task: Task) -> None:
    now = room.clock()
    await room.database.run(
        lambda connection: budget.settle(
            connection, provider.name, job.id, task.external_id or None, task.state, task.units, now
        )
    )
