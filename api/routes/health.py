"""``/healthz``, ``/readyz``, ``/metrics`` and ``/problems``."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from api.problems import explain
from api.schemas import Health, ProblemKind, Readiness
from api.service import Service, Serving
from bridge.errors import BY_CODE, ServerUnavailable

router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="Is this process alive?")
async def healthz() -> Health:
    """Answer as long as the process can; the inference server is not asked."""
    return Health(status="ok")


@router.get("/readyz", summary="Would a try-on succeed now?", responses={503: {"model": Readiness}})
async def readyz(service: Serving, response: Response) -> Readiness:
    """Ask Triton for every model; 503 while one of them is missing."""
    ready = await service.backend.ready()
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, models=await _states(service))


async def _states(service: Service) -> dict[str, str]:
    try:
        models = await service.backend.model_statuses()
    except ServerUnavailable as error:
        return {"triton": str(error)}
    return {model.name: "ready" if model.ready else model.reason or "not loaded" for model in models}


@router.get("/metrics", summary="Counters for Prometheus", response_class=Response)
async def metrics(service: Serving) -> Response:
    """Latency and failures of this service, and time per stage by Triton's own account."""
    try:
        stages = await service.backend.statistics()
    except ServerUnavailable:
        stages = None
    return Response(service.metrics.text(stages), headers={"Content-Type": CONTENT_TYPE_LATEST})


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
