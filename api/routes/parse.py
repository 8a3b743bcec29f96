"""``POST /v1/parse``."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from fastapi import APIRouter, File, Request, Response, UploadFile

from api import negotiation, points
from api.fitting import perceive
from api.problems import RESPONSES
from api.routes.forms import PersonIndex
from api.routes.tryon import PICTURE
from api.schemas import Keypoint, ParseAnswer, Picture
from api.security import quotas
from api.security.caller import Caller, Calling
from api.security.ingest import clean
from api.service import Service, Serving
from bridge.contracts import Label
from bridge.imaging.encode import Format, encode_image
from bridge.imaging.overlay import draw_perception
from bridge.registry import Tier
from bridge.triton.model import Array, Arrays

router = APIRouter(tags=["perception"])
OFFERS = (*negotiation.PICTURES, negotiation.JSON)


@router.post(
    "/v1/parse",
    summary="See what the system sees in a photo",
    response_class=Response,
    responses={
        200: {
            "description": "the photo with labels and pose drawn over it; or masks and keypoints, with "
            "`Accept: application/json`",
            "model": ParseAnswer,
            "content": dict.fromkeys(negotiation.PICTURES, PICTURE),
        },
        **RESPONSES,
    },
)
async def parse(
    request: Request,
    service: Serving,
    caller: Calling,
    photo: Annotated[UploadFile, File(description="the person's photo")],
    person_index: PersonIndex = -1,
) -> Response:
    """Find the person, 33 landmarks and what is seen at every pixel. It counts as a job of the basic tier does."""
    kind = negotiation.choose(request.headers.get("accept"), OFFERS)
    seen = await service.attend(request, _seen(service, caller, await photo.read(), person_index))
    if kind == negotiation.JSON:
        body = await asyncio.to_thread(describe, request.state.request_id, seen)
        return Response(body.model_dump_json(), media_type=kind)
    return Response(await asyncio.to_thread(_drawn, seen, negotiation.PICTURES[kind]), media_type=kind)


async def _seen(service: Service, caller: Caller, photo: bytes, person_index: int) -> Arrays:
    """Look at a stranger's photo as a job does: within the tenant's rate, and never at the bytes as they came."""
    now = service.room.clock()
    await service.room.database.run(lambda c: quotas.take(c, caller.tenant, Tier.BASIC, now))
    known = await clean(photo)
    return await perceive(service.backend, known.data, person_index, service.settings.timeout)


def describe(request_id: str, seen: Arrays) -> ParseAnswer:
    """Put the outputs of ``perception`` into words, points and masks."""
    height, width = seen["labels"].shape
    x0, y0, x1, y1 = seen["box"].tolist()
    return ParseAnswer(
        request_id=request_id,
        size=(width, height),
        people=int(seen["people"][0]),
        box=(x0, y0, x1, y1),
        coco17=_named(points.COCO17, seen["coco17"]),
        body25=_named(points.BODY25, seen["body25"]),
        blazepose33=_named(points.BLAZEPOSE33, seen["keypoints"]),
        face_score=float(seen["face_score"][0]),
        masks=_masks(seen),
    )


def _named(names: Sequence[str], rows: Array) -> list[Keypoint]:
    # The last column is the score in all three sets; BlazePose's third is a depth.
    return [
        Keypoint(name=name, x=float(row[0]), y=float(row[1]), score=float(np.clip(row[-1], 0, 1)))
        for name, row in zip(names, rows, strict=True)
    ]


def _masks(seen: Arrays) -> dict[str, Picture]:
    masks = {
        label.name.lower(): np.where(seen["labels"] == label, 255, 0).astype(np.uint8) for label in Label
    }
    occurring = {name: mask for name, mask in masks.items() if mask.any()}
    return {name: _picture(mask) for name, mask in {**occurring, "matte": seen["matte"]}.items()}


def _picture(mask: Array) -> Picture:
    return Picture(media_type=Format.PNG.media_type, base64=base64.b64encode(encode_image(mask)).decode())


def _drawn(seen: Arrays, form: Format) -> bytes:
    return encode_image(draw_perception(seen), form)
