"""``/v1/jobs``: a try-on that is waited for elsewhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Form, Header, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Row

from api.jobs.desk import OVER
from api.jobs.records import Placed
from api.problems import ABOUT_ONE, HANDED_IN
from api.routes import forms
from api.schemas import JobAnswer
from api.security.caller import Caller, Calling
from api.service import Service, Serving

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_QUIET_TURNS = 50
"""Turns without news after which a comment keeps the connection open: proxies close what is silent for a minute."""

Seconds = Annotated[
    float | None,
    Form(gt=0, le=86400, description="the job's time [s]; after it the job fails; none: 10 minutes"),
]
After = Annotated[
    int, Header(alias="Last-Event-ID", ge=0, lt=2**63, description="the last event that was seen")
]


@router.post("", status_code=202, summary="Hand in a try-on", responses=HANDED_IN)
async def create(
    handed_in: forms.HandedIn,
    service: Serving,
    mask: forms.Mask = None,
    seconds: Seconds = None,
) -> JobAnswer:
    """Take the photos and answer at once. The job ends once, whatever process dies in between.

    Follow it by `GET /v1/jobs/{id}`, by its events, or by the webhook of your terms.
    """
    return _told(service, await handed_in.accept(mask=mask, seconds=seconds))


@router.get("/{job}", summary="Where a try-on is", responses=ABOUT_ONE)
async def show(job: str, service: Serving, caller: Calling) -> JobAnswer:
    """Tell the state, and once it is done the picture's link and the report."""
    return _told(service, await service.desk.placed(caller, job))


@router.delete("/{job}", summary="Cancel a try-on", responses=ABOUT_ONE)
async def cancel(job: str, service: Serving, caller: Calling) -> JobAnswer:
    """Cancel it and the model that works on it; one that is over stays as it is."""
    await service.desk.cancel(caller, job)
    return _told(service, await service.desk.placed(caller, job))


@router.get(
    "/{job}/events",
    summary="Watch a try-on",
    response_class=StreamingResponse,
    responses=ABOUT_ONE | {204: {"description": "the job is over, and `Last-Event-ID` was its last event"}},
)
async def events(job: str, service: Serving, caller: Calling, after: After = 0) -> Response:
    """Send server-sent events: `stage` while it goes on, one last named as it ended; `Last-Event-ID` goes on there.

    A finisher's stages tell `step` of `steps` too, and now and then link a preview of how far the picture is.
    """
    found = await service.desk.find(caller, job)
    if not await service.desk.has_news(found, after):
        return Response(
            status_code=204
        )  # the one answer after which an EventSource asks no more (HTML, 9.2.3)
    service.check_streams(caller.tenant.id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(service, caller, job, after), 200, headers, "text/event-stream")


async def _stream(service: Service, caller: Caller, job: str, after: int) -> AsyncIterator[str]:
    quiet = 0
    with service.streaming(caller.tenant.id):
        async for news in service.desk.news(caller, job, after):
            quiet = 0 if news else quiet + 1
            if quiet % _QUIET_TURNS == 1:
                yield ": waiting\n\n"
            for event in news:
                yield await _event(service, caller, job, event)


async def _event(service: Service, caller: Caller, job: str, event: Row[Any]) -> str:
    placed = await service.desk.placed(caller, job)
    told = _told(service, placed)
    preview = event.detail.get("preview")
    shown = service.link(placed.job, preview) if preview and not placed.job.state.over else told.image
    data = {
        "stage": event.stage,
        "progress": event.progress,
        "at": event.at,
        "queue_position": told.queue_position,
        **event.detail,
        "preview": shown,
    }
    name = event.stage if event.stage in OVER else "stage"
    return f"id: {event.number}\nevent: {name}\ndata: {json.dumps(data)}\n\n"


def _told(service: Service, placed: Placed) -> JobAnswer:
    job = placed.job
    result = job.result or {}
    return JobAnswer(
        id=job.id,
        state=job.state.value,
        stage=job.stage,
        progress=job.progress,
        queue_position=placed.before,
        created=job.created,
        started=job.started,
        ended=job.ended,
        deadline=job.deadline,
        image=service.link(job, result["picture"]) if result else None,
        media_type=result.get("media_type"),
        sha256=result.get("sha256"),
        report=result.get("report"),
        quality=result.get("qa"),
        attempts=result.get("attempts", []),
        provider=result.get("provider"),
        cached=result.get("cached", False),
        problem=job.problem,
    )
