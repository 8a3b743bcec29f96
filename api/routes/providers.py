"""Other providers: a job that only they render, and what they call us for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from api.problems import HANDED_IN
from api.providers.callback import PATH, check_token, signed_job
from api.routes import forms
from api.schemas import ProviderJob
from api.security.caller import Calling
from api.service import Service, Serving
from bridge.errors import Refused

router = APIRouter(tags=["providers"])

_HINT_BYTES = 64 * 2**10
"""The longest callback that is read [bytes]."""


@router.post(
    "/providers/kling/jobs", status_code=202, summary="Let Kling render a try-on", responses=HANDED_IN
)
async def create(handed_in: forms.HandedIn, service: Serving, caller: Calling) -> ProviderJob:
    """Hand a try-on in at Kling, within the tenant's budget; answers once Kling has taken it, or refused it.

    What was asked for before is not paid again: the answer names the task that made the picture. While Kling is out of
    order the next provider that is set up gets the job.
    """
    if not caller.tenant.allow_external:
        raise Refused("Your terms don't allow pictures to leave this system.")
    if "kling" not in service.room.providers:
        raise Refused("Kling is not set up here; KLING_API_KEY sets it up.")
    job = (await handed_in.accept(external="only")).job.id
    task = await service.desk.handed_in(caller, job)
    made = ((await service.desk.find(caller, job)).result or {}).get("provider") or {}
    return ProviderJob(
        job=job,
        provider=task.provider if task else made.get("name", "kling"),
        external_job_id=task.external_id if task else made.get("external_id"),
    )


@router.post(PATH + "/{job}/{token}", status_code=204, summary="Kling's callback", include_in_schema=False)
async def called_back(job: str, token: str, request: Request, service: Serving) -> Response:
    """Wake the job: what the callback says is not believed, Kling is asked instead."""
    check_token(service.settings.key, job, token)
    return await _woken(service, job, await _body(request))


@router.post(PATH, status_code=204, summary="A signed callback", include_in_schema=False)
async def signed(
    request: Request,
    service: Serving,
    signature: Annotated[str, Header(alias="X-Signature")] = "",
    timestamp: Annotated[str, Header(alias="X-Timestamp")] = "",
) -> Response:
    """As the other, for relays that sign."""
    body = await _body(request)
    now = service.room.clock()
    return await _woken(service, signed_job(service.settings.key, signature, timestamp, body, now), body)


async def _body(request: Request) -> bytes:
    read = b""
    async for chunk in request.stream():
        read += chunk
        if len(read) > _HINT_BYTES:
            break
    return read[:_HINT_BYTES]


async def _woken(service: Service, job: str, body: bytes) -> Response:
    await service.desk.wake(job, body)
    return Response(status_code=204)
