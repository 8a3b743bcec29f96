"""``GET /v1/results/{token}``: the picture that a link leads to."""

from __future__ import annotations

import hashlib
import time
from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Header, Response

from api.jobs.records import tenant_of
from api.problems import described
from api.service import Serving
from api.storage.links import PATH
from bridge.errors import NotFound

router = APIRouter(tags=["results"])

MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
"""What is served, and as what: never guessed from the bytes, never anything that a browser would run."""

GUARDED = {
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",  # asked again by its ETag, so that an expired or erased picture is gone
    "Referrer-Policy": "no-referrer",
}


@router.get(
    PATH + "{token}",
    summary="The picture that a link leads to",
    response_class=Response,
    responses={
        200: {
            "description": "the picture",
            "content": {kind: {} for kind in sorted(set(MEDIA_TYPES.values()))},
        },
        304: {"description": "the picture is the one that the caller has"},
        **described(
            {
                404: "no such link, or the picture was deleted",
                410: "expired",
                429: "the tenant's pictures are asked for too often",
            }
        ),
    },
)
async def result(token: str, service: Serving, if_none_match: Annotated[str, Header()] = "") -> Response:
    """Serve a picture to whoever holds its link; no key is needed."""
    key = service.links.read(token, time.time())
    service.reads.take(tenant_of(key))
    media_type = MEDIA_TYPES.get(PurePosixPath(key).suffix)
    if not media_type:
        raise NotFound("This link leads to no picture.")
    picture = await service.blobs.get(key)
    tag = f'"{hashlib.sha256(picture).hexdigest()[:32]}"'
    headers = {**GUARDED, "ETag": tag}
    if _has(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(picture, headers=headers, media_type=media_type)


def _has(if_none_match: str, tag: str) -> bool:
    """Compare as RFC 9110, section 13.1.2, says: weakly, with a list or a star."""
    given = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return tag in given or "*" in given
