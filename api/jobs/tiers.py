"""Which tiers are served, and what of a wish its tier can't do: told before anything is stored."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from api.backend import Backend
from api.jobs.order import Wishes
from api.quality.policy import Pipeline
from api.quality.retry import finish_settings
from bridge.errors import ArtifactMissing, BadInput, ServerUnavailable
from bridge.registry import Tier
from bridge.registry.finisher import MISSING, NETWORK

READY = "ready"


def tiers(models: Collection[str]) -> dict[Tier, str]:
    """Return of each tier what it lacks in words, or :data:`READY`, by the names of a server's models."""
    finisher = READY if NETWORK in models else MISSING
    return {Tier.BASIC: READY, Tier.PRO: finisher, Tier.ULTRA: finisher}


async def check_tier(backend: Backend, pipeline: Pipeline, wishes: Wishes) -> None:
    """Refuse what the wish's tier can't do here. While the server is away nothing is known, and the job will tell.

    Raises:
        BadInput: settings out of their bounds, or words for a finisher that the tier has not.
        ArtifactMissing: the server has no weights for the tier; the sentence says what to do.
    """
    if wishes.tier is Tier.BASIC:
        if wishes.prompt or wishes.negative_prompt or wishes.finisher:
            raise BadInput(
                "The basic tier has no finisher for prompt, negative_prompt and finisher; ask for pro or ultra."
            )
        return
    finish_settings(pipeline, wishes, {})
    if wishes.external == "only":
        return
    with suppress(ServerUnavailable):
        lacking = tiers({model.name for model in await backend.model_statuses()})[wishes.tier]
        if lacking != READY:
            raise ArtifactMissing(lacking)
