"""``/healthz``, ``/readyz``, ``/metrics`` and ``/problems``."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from api.jobs.health import condition, seen
from api.problems import explain
from api.schemas import Health, ProblemKind, Readiness
from api.service import Serving
from bridge.errors import BY_CODE

router = APIRouter(tags=["operation"])
numbers = APIRouter(tags=["operation"])
"""Apart, since the metrics name tenants and what they spend."""


@router.get("/healthz", summary="Is this process alive?")
async def healthz() -> Health:
    """Answer as long as the process can; the inference server is not asked."""
    return Health(status="ok")


@router.get("/readyz", summary="Would a try-on succeed now?", responses={503: {"model": Readiness}})
async def readyz(service: Serving, response: Response) -> Readiness:
    """Ask Triton and all its models, the database, the store of pictures and the workers; 503 while one is missing.

    A provider that is out of order is told, and so is a tier without weights; neither is a reason for a 503.
    """
    found = await condition(service.room)
    response.status_code = 200 if found.ready else 503
    return Readiness(ready=found.ready, parts=found.parts, models=found.models, tiers=found.tiers)


@numbers.get("/metrics", summary="Counters for Prometheus", response_class=Response)
async def metrics(service: Serving) -> Response:
    """Requests and jobs of this process, what the database says of all, and time per stage by Triton's account."""
    text = service.metrics.text(await seen(service.room))
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


@router.get("/problems", summary="Every kind of problem")
async def problems() -> list[ProblemKind]:
    """List the codes that a program may meet."""
    return [_kind(code) for code in BY_CODE]


@router.get("/problems/{code}", summary="One kind of problem", responses={404: {"description": "unknown"}})
async def problem(code: str) -> ProblemKind:
    """Explain one code."""
    if code not in BY_CODE:
        raise HTTPException(404, f"There is no problem {code!r}; GET /problems lists them.")
    return _kind(code)


def _kind(code: str) -> ProblemKind:
    error = BY_CODE[code]
    return ProblemKind(code=code, meaning=explain(code), http=error.http_status, grpc=error.grpc_status)
