"""What a finisher tells on its way, in the job's row and events: seldom enough for the database, never too late."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

from api.finishing import Told, Watch, unwatched
from api.jobs import records
from api.jobs.records import Job
from api.jobs.room import Room
from bridge.errors import StorageUnavailable
from bridge.registry import Tier

LOG = logging.getLogger("vfr.jobs")

WRITE_SECONDS = 0.4
"""Between two times that a job's progress is written [s]; what comes faster is passed over."""
_PREVIEW = "preview.png"
"""The name of a job's preview, which each one overwrites."""
_SPANS = {
    "draft": (0.25, 0.25),
    "encode": (0.3, 0.3),
    "latent": (0.35, 0.35),
    "denoise": (0.4, 0.8),
    "refine": (0.8, 0.9),
    "decode": (0.9, 0.9),
    "prints": (0.92, 0.98),
    "finished": (1.0, 1.0),
}
"""How far a rendering is when a stage of the finisher begins and ends; the numbers are for people who wait."""


def share(told: Told) -> float | None:
    """Return how far a rendering is, 0 to 1; None in a stage that is not known."""
    if told.stage not in _SPANS:
        return None
    first, last = _SPANS[told.stage]
    return first + (last - first) * (told.step / told.steps if told.steps else 0.0)


@dataclass
class Teller:
    """Writes the latest news of an attempt into its job's row and events."""

    room: Room
    job: Job
    attempt: int
    begins: float  # progress of the job when the attempt begins, and when it ends
    ends: float
    _far: float = 0.0
    _latest: Told | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def preview(self) -> str:
        """The key of the job's preview."""
        return f"{self.job.folder}/{_PREVIEW}"

    async def watch(self, told: Told) -> None:
        """Take news, and keep the latest preview that nobody has seen."""
        unseen = self._latest.preview if self._latest else b""
        self._latest = replace(told, preview=told.preview or unseen)
        self._news.set()

    async def write(self) -> None:
        """Write whatever comes, for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            told, self._latest = self._latest, None
            if told and (far := share(told)) is not None:
                try:
                    self._far = max(far, self._far)  # a call that is made again begins anew
                    await self._write(told, self.begins + (self.ends - self.begins) * self._far)
                except StorageUnavailable:  # the job itself will wait for the store
                    LOG.warning("the progress of a job was not written", extra={"job": self.job.id})
            await asyncio.sleep(WRITE_SECONDS)

    async def _write(self, told: Told, progress: float) -> None:
        detail: dict[str, object] = {"attempt": self.attempt, "step": told.step, "steps": told.steps}
        if told.preview:
            await self.room.blobs.put(self.preview, told.preview)
            detail["preview"] = self.preview
        now = self.room.clock()
        await self.room.database.run(
            lambda c: records.step(c, self.job.id, told.stage, round(progress, 4), now, detail)
        )


@asynccontextmanager
async def telling(room: Room, job: Job, attempt: int, begins: float, ends: float) -> AsyncIterator[Watch]:
    """Write what is told within, from one progress of the job to another; the preview is gone afterwards."""
    if job.order["tier"] == Tier.BASIC.value:  # it has no finisher, which alone has something to tell
        yield unwatched
        return
    teller = Teller(room, job, attempt, begins, ends)
    writing = asyncio.create_task(teller.write())
    try:
        yield teller.watch
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        with suppress(StorageUnavailable):
            await room.blobs.delete(teller.preview)
