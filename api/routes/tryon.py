"""``POST /v1/tryon``: a job whose caller waits for it."""

from __future__ import annotations

import base64
import json
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api import negotiation
from api.jobs.admission import accept
from api.jobs.envelope import fault_of
from api.jobs.order import Wishes
from api.jobs.pictures import Uploads
from api.jobs.records import Job
from api.problems import RESPONSES
from api.routes import forms
from api.schemas import Picture, TryonAnswer
from api.security.caller import Caller, Calling
from api.service import Service, Serving
from bridge.errors import JobCancelled

router = APIRouter(tags=["try-on"])
OFFERS = (negotiation.JSON, *negotiation.PICTURES)
PICTURE = {"schema": {"type": "string", "format": "binary"}}


@router.post(
    "/v1/tryon",
    summary="See a person wear a garment",
    response_model=TryonAnswer,
    responses={
        200: {
            "description": "JSON with picture and report; or, by `Accept`, the picture's bytes alone, "
            "with the report in the header `X-VFR-Report`",
            "content": dict.fromkeys(negotiation.PICTURES, PICTURE),
        },
        **RESPONSES,
    },
)
async def tryon(
    *,
    request: Request,
    service: Serving,
    caller: Calling,
    wishes: Annotated[Wishes, Depends(forms.wishes)],
    person: forms.Person = None,
    garment: forms.Garments = None,
    mask: forms.Mask = None,
) -> Response:
    """Dress the person of one photo in the garment of another, and wait for the picture.

    Pixels that the garment does not touch stay as they are; with PNG, bit for bit. The photos are deleted as soon
    as the picture is made, and the picture within the hour. Who hangs up cancels.
    """
    kind = negotiation.choose(request.headers.get("accept"), OFFERS)
    wishes = wishes.model_copy(
        update={"format": negotiation.PICTURES.get(kind, wishes.format), "waited": True}
    )
    pictures = await forms.uploads(service, caller.tenant.hosts, person, garment, mask)
    job = await service.attend(request, _awaited(service, caller, wishes, pictures))
    if job.result is None:
        raise fault_of({"error": job.problem}) or JobCancelled("The job was cancelled.")
    picture = await service.blobs.get(job.result["picture"])
    if kind == negotiation.JSON:
        return Response(_answer(request, job, picture).model_dump_json(), media_type=kind)
    report = json.dumps(job.result["report"], ensure_ascii=True)
    return Response(picture, media_type=kind, headers={"X-VFR-Report": report})


async def _awaited(service: Service, caller: Caller, wishes: Wishes, pictures: Uploads) -> Job:
    """Hand the job in and wait for its end; whoever stops waiting cancels it."""
    accepted = await accept(service.room, caller, "", wishes, pictures, seconds=service.settings.timeout)
    try:
        return await service.desk.wait(caller, accepted.id)
    finally:
        await service.desk.give_up(caller, accepted.id)


def _answer(request: Request, job: Job, picture: bytes) -> TryonAnswer:
    result = job.result or {}
    return TryonAnswer(
        request_id=request.state.request_id,
        job=job.id,
        image=Picture(media_type=result["media_type"], base64=base64.b64encode(picture).decode()),
        quality=result["qa"],
        **{name: result[name] for name in ("report", "attempts", "provider", "cached", "seconds", "stages")},
    )
