"""A worker in a process of its own, on a stand-in for Triton, that dies where files in a folder say so.

``<job>.<step>.<before|after>``       dies there, once
``<job>.<step>.<before|after>.again`` dies there, every time
``hold-<height>``                     the model takes as long as this file is there
``bad-<height>``                      no picture of ours passes
``calls``                             is written: a line for each call of the model, its height
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import sqlalchemy as sa

from api.jobs import steps
from api.jobs.envelope import Json
from api.jobs.room import Room
from api.providers.base import Order
from api.service import opened
from api.settings import Role, Settings
from api.telemetry.metrics import Metrics
from api.webhooks.delivery import DELIVERIES
from bridge.triton.model import Arrays
from tests.api.jobs.stage import BAD, tried_on
from tests.api.scripted import ScriptedTriton


def main(folder: Path, environment: dict[str, str]) -> None:
    """Execute jobs until SIGTERM."""
    os.environ.update(environment)
    asyncio.run(_work(folder))


async def _work(folder: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    _watch_steps(folder)
    settings = Settings(role=Role.WORKER)
    async with opened(settings, Remote(folder), Metrics()) as service:
        _watch_kling(folder, service.room)
        await stop.wait()


class Remote(ScriptedTriton):
    """The stand-in."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    async def infer(
        self, model: str, arrays: Arrays, outputs: Sequence[str] | None = None, timeout: float | None = None
    ) -> Arrays:
        height = int(arrays["height"][0])
        with (self._folder / "calls").open("a") as calls:
            calls.write(f"{height}\n")
        while (self._folder / f"hold-{height}").exists():
            await asyncio.sleep(0.02)
        self.calls += 1
        return tried_on(arrays, BAD if (self._folder / f"bad-{height}").exists() else {})


def _watch_steps(folder: Path) -> None:
    """Die before or after a step; after it means that the step is done and nobody knows."""
    run = steps.outcome

    async def watched(room: Room, step: Callable[..., Awaitable[Json]], key: str, *arguments: object) -> Json:
        name = f"render-{arguments[0]}" if step.__name__ == "render" else step.__name__
        job = await _job(room, key)
        _die(folder, job, name, "before")
        outcome = await run(room, step, key, *arguments)
        _die(folder, job, name, "after")
        return outcome

    steps.outcome = watched


async def _job(room: Room, key: str) -> str:
    """Return the job that a key is about, also that of a delivery."""
    query = sa.select(DELIVERIES.c.job).where(DELIVERIES.c.id == key)
    return str(await room.database.run(lambda c: c.execute(query).scalar()) or key)


def _watch_kling(folder: Path, room: Room) -> None:
    """Die after a task was made and paid, before anybody wrote it down."""
    kling = room.providers["kling"]
    hand_in = kling.submit

    async def watched(order: Order) -> str:
        external = await hand_in(order)
        _die(folder, order.job, "create", "after")
        return external

    kling.submit = watched  # type: ignore[method-assign]


def _die(folder: Path, job: str, name: str, when: str) -> None:
    rule = folder / f"{job}.{name}.{when}"
    try:
        rule.unlink()
    except FileNotFoundError:
        if not (folder / f"{rule.name}.again").exists():
            return
    os.kill(os.getpid(), signal.SIGKILL)
