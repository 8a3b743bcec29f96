"""``POST /v1/artifacts/ensure``: a file of the registry, brought to this machine on an administrator's word."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from api.problems import described
from api.schemas import Answer
from api.security.artifacts import Wanted, ensure
from api.security.caller import Administering
from api.service import Serving

router = APIRouter(prefix="/v1/artifacts", tags=["operation"])

PROBLEMS = described(
    {
        400: "the request's body can't be read",
        401: "no key came along",
        403: "the key is no administrator's",
        408: "the request's body came too slowly",
        413: "the request's body is larger than 1 MiB",
        422: "`dest` or `url` is refused, or the file is another one; `detail` says why",
        503: "the disk is full",
    }
)


class Ensure(Answer):
    """What shall be there."""

    url: Annotated[str, Field(max_length=2048)] = Field(
        description="https, and the file itself: redirects are not followed",
        examples=["https://files.example.com/clip.onnx"],
    )
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="of the file, in hexadecimal"
    )
    dest: Annotated[str, Field(max_length=255)] = Field(
        description="where below the folder of artifacts", examples=["clip/image.onnx"]
    )


class Ensured(Answer):
    """It is there."""

    changed: bool = Field(description="false: the very file was there already")


@router.post("/ensure", summary="Bring a file to the server unless it is there", responses=PROBLEMS)
async def ensure_artifact(wish: Ensure, _: Administering, service: Serving) -> Ensured:
    """Fetch, compare with the SHA-256, and put in place in one step. Asking again is harmless."""
    wanted = Wanted(wish.url, wish.sha256, wish.dest)
    most_bytes = service.settings.max_artifact_mb * 2**20
    return Ensured(changed=await ensure(service.room.guard, service.settings.artifacts, wanted, most_bytes))
