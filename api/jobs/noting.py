"""What is told of a job's end, once: its numbers for Prometheus, and one line in the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from api.jobs.envelope import Json
from api.jobs.records import Job, State
from api.jobs.room import Room
from api.quality.metrics import METRICS

LOG = logging.getLogger("vfr.jobs")


def note_end(
    room: Room,
    job: Job,
    state: State,
    result: Json | None,
    problem: Json | None,
    events: Sequence[sa.Row[Any]],
) -> None:
    """Count a job that ended, and write its line: codes and numbers, no words of the caller."""
    stages = durations(events)
    reason = problem["code"] if problem and state is State.FAILED else None
    room.metrics.job_ended(stages, reason, {} if result is None or result["cached"] else measured(result))
    LOG.info(
        "the job is over",
        extra={
            "job": job.id,
            "tenant": job.tenant,
            "state": state.value,
            "reason": reason,
            "seconds": {stage: round(seconds, 3) for stage, seconds in stages.items()},
            **_made(result),
        },
    )


def durations(events: Sequence[sa.Row[Any]]) -> dict[str, float]:
    """Return the seconds of each stage that a job went through, and of all: ``total``.

    Args:
        events: the job's, from the first to the one that ended it. A stage that was entered again counts whole;
            clocks of two machines that disagree make nothing negative.
    """
    found: dict[str, float] = {}
    for this, following in pairwise(events):
        found[this.stage] = found.get(this.stage, 0.0) + max(0.0, following.at - this.at)
    return found | {"total": max(0.0, events[-1].at - events[0].at)}


def measured(result: Json) -> dict[str, float]:
    """Return the scores that a result's report holds."""
    scores = (result["report"] or {}).get("scores", {})
    return {name: scores[name] for name in METRICS if scores.get(name) is not None}


def _made(result: Json | None) -> Json:
    if result is None:
        return {}
    provider = result["provider"]
    return {
        "attempts": len(result["attempts"]),
        "passed": result["qa"]["passed"],
        "cached": result["cached"],
        "provider": provider and provider["name"],
    }
