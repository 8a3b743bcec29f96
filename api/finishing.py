"""A try-on of any tier; those above basic have a finisher, which tells of each step."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from api.backend import Backend
from api.fitting import Fitting, Wish, check_unused, text, try_on, unused
from api.schemas import Report
from bridge.contracts import TRYON_PRO
from bridge.errors import ServerUnavailable
from bridge.registry import Tier
from bridge.triton.model import Array, Arrays


@dataclass(frozen=True)
class Told:
    """Where the finisher is: in a stage, of its ``steps`` (0: it has none) so many are done.

    ``preview`` is a small picture of how far it is, PNG; mostly empty.
    """

    stage: str
    step: int = 0
    steps: int = 0
    preview: bytes = b""


Watch = Callable[[Told], Awaitable[None]]
"""Told of each step as it is done; quickly, since the next one waits for it."""


async def unwatched(_: Told) -> None:
    """Watch nothing."""


async def dress(backend: Backend, wish: Wish, timeout: float, watch: Watch = unwatched) -> Fitting:
    """Dress the person as the wish's tier does it.

    Args:
        backend: the inference server.
        wish: what to do; its tier's finisher gets ``timeout`` as its deadline.
        timeout: the longest wait for the picture [s].
        watch: told of each step of the finisher.

    Raises:
        VfrError: as :func:`api.fitting.try_on`; ``ArtifactMissing`` where no checkpoint is installed.
    """
    if wish.tier is Tier.BASIC:
        return await try_on(backend, wish, timeout)
    await check_unused(wish.garments[1:])
    start = time.perf_counter()
    last: Arrays = {}
    async with aclosing(backend.stream(TRYON_PRO.name, arrays_of(wish, timeout), timeout)) as parts:
        async for part in parts:
            await watch(_told(part.arrays))
            last = part.arrays
    if not last or not last["report"][0]:
        raise ServerUnavailable("The inference server broke off its answer; try again.")
    report = Report.model_validate_json(last["report"][0])
    report.warnings.extend(unused(len(wish.garments)))
    return Fitting(last["encoded"][0], report, time.perf_counter() - start, _stages(report))


def arrays_of(wish: Wish, deadline: float) -> dict[str, Array]:
    """Return the inputs of ``tryon_pro`` for a picture that is wanted in ``deadline`` seconds."""
    settings = {**wish.finisher, "tier": wish.tier.value}
    return {
        **wish.arrays(),
        "prompt": text(wish.prompt.encode()),
        "negative_prompt": text(wish.negative_prompt.encode()),
        "settings": text(json.dumps(settings).encode()),
        "deadline": np.array([deadline], np.float32),
    }


def _told(arrays: Arrays) -> Told:
    event = json.loads(arrays["event"][0])
    return Told(event["stage"], event.get("step", 0), event.get("steps", 0), bytes(arrays["preview"][0]))


def _stages(report: Report) -> dict[str, float]:
    """Return the seconds of each of the finisher's stages."""
    return dict((report.finish or {}).get("seconds", {}))
