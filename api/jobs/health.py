"""Whether a try-on would succeed now: every part that it needs is asked, all at once, and answers in words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from api.jobs.account import account
from api.jobs.room import Room
from api.jobs.tiers import READY, tiers
from api.providers.breaker import Breaker, Circuit
from api.telemetry.metrics import Account, Seen
from bridge.errors import ServerUnavailable, StorageUnavailable

T = TypeVar("T")

PATIENCE = 3.0
"""How long a part may take to answer [s]: whoever asks for health has little patience."""
_CIRCUITS = {
    Circuit.CLOSED: READY,
    Circuit.HALF_OPEN: "it failed too often; the next call tries it again",
    Circuit.OPEN: "it failed too often and is left alone for a while",
}


@dataclass(frozen=True)
class Part:
    """How one part is."""

    fine: bool
    words: str = READY


@dataclass(frozen=True)
class Condition:
    """How the service is."""

    needed: dict[str, Part]  # for a try-on
    beyond: dict[str, Part]  # providers, without which a try-on succeeds too
    models: dict[str, str]  # Triton's
    tiers: dict[str, str]  # each, and what it lacks

    @property
    def ready(self) -> bool:
        """Whether a try-on would succeed now."""
        return all(part.fine for part in self.needed.values())

    @property
    def parts(self) -> dict[str, str]:
        """All parts in words."""
        return {name: part.words for name, part in (self.needed | self.beyond).items()}


async def condition(room: Room) -> Condition:
    """Ask everything."""
    (triton, models), database, pictures = await asyncio.gather(
        _triton(room), _asked(_account(room)), _asked(room.blobs.check())
    )
    needed = {"triton": triton, **_database(database, room), "pictures": _part(pictures)}
    beyond = {name: _circuit(one) for name, one in room.circuits.items()}
    served = {tier.value: words if triton.fine else triton.words for tier, words in tiers(models).items()}
    return Condition(needed, beyond, models, served)


async def seen(room: Room) -> Seen:
    """Look up what Prometheus asks for; what does not answer is left out, and said so."""
    stages, database = await asyncio.gather(_asked(room.backend.statistics()), _asked(_account(room)))
    circuits = {"triton": room.triton, **room.circuits}
    return Seen(
        stages=None if isinstance(stages, str) else stages,
        account=None if isinstance(database, str) else database,
        circuits={name: circuit.state.value for name, circuit in circuits.items()},
    )


async def _account(room: Room) -> Account:
    return await room.database.read(lambda connection: account(connection, room.settings.dead_seconds))


async def _triton(room: Room) -> tuple[Part, dict[str, str]]:
    """Return how the server is, and each of its models."""
    ready, statuses = await asyncio.gather(
        _asked(room.backend.ready()), _asked(room.backend.model_statuses())
    )
    if isinstance(statuses, str):
        return Part(fine=False, words=statuses), {}
    models = {model.name: READY if model.ready else model.reason or "not loaded" for model in statuses}
    if ready is not True:
        missing = [name for name, words in models.items() if words != READY]
        return Part(fine=False, words=f"not ready: {', '.join(missing) or 'it is starting'}"), models
    return _circuit(room.triton), models


def _database(found: Account | str, room: Room) -> dict[str, Part]:
    """Return how the database is, and what it says of the workers and the queue."""
    if isinstance(found, str):
        return {"database": _part(found)}
    alive = {0: "none is alive: jobs wait", 1: "1 is alive"}.get(found.workers, f"{found.workers} are alive")
    room_left = found.queued < room.settings.most_queued
    waiting = f"{found.queued} wait" if room_left else f"full: {found.queued} wait"
    return {
        "database": _part(None),
        "workers": Part(found.workers > 0, alive),
        "queue": Part(room_left, waiting),
    }


def _circuit(circuit: Breaker) -> Part:
    """Say how a breaker is. One that is half open is fine: nobody would try again where all are sent away."""
    state = circuit.state
    return Part(state is not Circuit.OPEN, _CIRCUITS[state])


def _part(trouble: str | None) -> Part:
    return Part(fine=True) if trouble is None else Part(fine=False, words=trouble)


async def _asked(question: Awaitable[T]) -> T | str:
    """Return a part's answer, or in words why there is none."""
    try:
        return await asyncio.wait_for(question, PATIENCE)
    except asyncio.TimeoutError:
        return f"no answer within {PATIENCE:g} s"
    except (ServerUnavailable, StorageUnavailable) as error:
        return str(error)
