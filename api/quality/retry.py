"""What another attempt changes; ``configs/pipeline.yaml`` has the numbers.

Everything here is a function of its arguments, so that a recovered job decides as it did the first time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Protocol

from pydantic import Field

from api.quality.policy import Entry, Pipeline
from api.schemas import Report
from bridge.contracts import Expert
from bridge.errors import BadInput
from bridge.finish.policies import changed, suggested
from bridge.finish.settings import FinishSettings
from bridge.registry import Tier

SEEDS = 2**31
"""Seeds of retries lie below it: every generator of random numbers takes those."""

_OTHER = {Expert.WARP.value: Expert.DRAPE, Expert.DRAPE.value: Expert.WARP}
_ADDED = ("steps", "garment_adapter", "denoise")
"""What a retry adds to the finisher's numbers."""


class Changes(Entry):
    """How an attempt differs from what was ordered; numbers are differences, None leaves a thing as it is."""

    seed: Annotated[int, Field(ge=0, lt=SEEDS)]
    expert: Expert | None = None
    steps: int | None = None
    garment_adapter: float | None = None
    denoise: float | None = None
    rules: tuple[str, ...] | None = None
    """Names in :data:`bridge.finish.policies.RULES`, which change the finisher's settings after the numbers did."""


class Asked(Protocol):
    """What of an order matters here."""

    @property
    def tier(self) -> Tier:
        """The tier that was ordered."""

    @property
    def expert(self) -> Expert:
        """The expert that was chosen, or auto."""

    @property
    def finisher(self) -> Mapping[str, object]:
        """What of the finisher's settings was chosen."""


def retry_changes(
    pipeline: Pipeline, order: Asked, report: Report, missed: Iterable[str], number: int
) -> dict[str, object]:
    """Return what the attempt after ``number`` (0 is the first) changes, as JSON; only what its tier knows.

    The new seed follows from the one that was used, so that the same job takes the same way twice. An expert that
    the caller chose is kept. ``missed`` are the names of the scores that failed: they choose the rules.
    """
    retry, times = pipeline.retry[order.tier], number + 1
    swap = retry.other_expert and order.expert is Expert.AUTO
    changes = Changes(
        seed=_next_seed(report.seed, number),
        expert=_OTHER.get(report.expert) if swap else None,
        rules=None if order.tier is Tier.BASIC else suggested(missed) or None,
        steps=times * retry.steps or None,
        garment_adapter=round(times * retry.garment_adapter, 6) or None,
        denoise=round(times * retry.denoise, 6) or None,
    )
    return changes.model_dump(mode="json", exclude_none=True)


def finish_settings(pipeline: Pipeline, order: Asked, changes: Mapping[str, object]) -> FinishSettings | None:
    """Return the finisher's settings of an attempt, None of the tier that has no finisher.

    Args:
        pipeline: has the tier's settings, and the bounds that no change exceeds.
        order: what was asked for.
        changes: of :func:`retry_changes`; empty of the first attempt.

    Raises:
        BadInput: the order's settings can't be used.
    """
    if order.tier is Tier.BASIC:
        return None
    if pipeline.finisher is None:
        raise BadInput(f"The tier {order.tier.value} is not served here. Please ask for basic.")
    settings = pipeline.finisher.settings(order.tier, order.finisher)
    known = Changes.model_validate({"seed": 0, **changes})
    added = {name: getattr(known, name) for name in _ADDED if getattr(known, name) is not None}
    settings = pipeline.finisher.clamped(settings, added)
    return changed(pipeline.finisher, settings, known.rules or ())


def _next_seed(seed: int, number: int) -> int:
    digest = hashlib.sha256(f"retry {number} of {seed}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % SEEDS
