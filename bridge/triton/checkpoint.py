"""Whether the finisher has weights, and what to do when it has none."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from bridge.errors import ArtifactMissing
from bridge.registry.finisher import MISSING
from bridge.triton.model import Arrays
from bridge.triton.streaming import Caller, Place, Work


def installed(place: Place) -> Path | None:
    """Return the folder of the checkpoint, ``finish/1`` of the repository that the model lies in; None without one."""
    folder = place.folder.parents[1] / "finish" / place.folder.name
    return folder if (folder / "layout.json").is_file() else None


def later(opened: Callable[[], Work]) -> Work:
    """Return work that is opened by the first request for it."""
    once = cache(opened)

    async def work(arrays: Arrays, caller: Caller) -> Arrays:
        return await once()(arrays, caller)

    return work


async def refuse(_arrays: Arrays, _caller: Caller) -> Arrays:
    """Answer every request with what is missing.

    Raises:
        ArtifactMissing: always.
    """
    raise ArtifactMissing(MISSING)
