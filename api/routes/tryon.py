"""``POST /v1/tryon``."""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile

from api import negotiation
from api.fitting import GARMENT_PHOTOS, Fitting, Wish, try_on
from api.problems import RESPONSES
from api.schemas import Picture, TryonAnswer
from api.service import Serving
from bridge.contracts import Category, Expert, Fabric
from bridge.imaging.encode import Format

router = APIRouter(tags=["try-on"])
OFFERS = (negotiation.JSON, *negotiation.PICTURES)
PICTURE = {"schema": {"type": "string", "format": "binary"}}

Person = Annotated[UploadFile, File(description="the person's photo")]
Garments = Annotated[
    list[UploadFile],
    File(
        description="photos of one garment, the one from the front first; the basic tier uses that one",
        min_length=1,
        max_length=GARMENT_PHOTOS,
    ),
]
Claim = Annotated[Category, Form(description="what the garment is; auto: the system decides")]
Mask = Annotated[
    UploadFile | None,
    File(description="of the photo's proportions, white where it may change; none: the system decides"),
]
Seed = Annotated[int, Form(ge=-1, lt=2**63, description="seed of whatever is random; -1: from the pictures")]
PersonIndex = Annotated[
    int, Form(ge=-1, lt=2**31, description="which person, counted from the largest (0); -1: the largest")
]
Expert_ = Annotated[
    Expert,
    Form(
        alias="expert",
        description="what puts the garment on: bent in 2.5D (warp), or sewn and draped on a body (drape); auto: the "
        "system decides",
    ),
]
Height = Annotated[int, Form(ge=0, le=2500, description="the person's height [mm]; 0: unknown")]
Fabric_ = Annotated[
    Fabric,
    Form(alias="fabric", description="what the garment is made of, for drape; auto: its photo decides"),
]
Form_ = Annotated[Format, Form(alias="format", description="the picture's format in a JSON answer")]


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
    person: Person,
    garment: Garments,
    mask: Mask = None,
    category: Claim = Category.AUTO,
    seed: Seed = -1,
    person_index: PersonIndex = -1,
    form: Form_ = Format.PNG,
    expert: Expert_ = Expert.AUTO,
    height: Height = 0,
    fabric: Fabric_ = Fabric.AUTO,
) -> Response:
    """Dress the person of one photo in the garment of another.

    Pixels that the garment does not touch stay as they are; with PNG, bit for bit.
    """
    kind = negotiation.choose(request.headers.get("accept"), OFFERS)
    wish = Wish(
        person=await person.read(),
        garments=tuple([await photo.read() for photo in garment]),
        category=category,
        mask=await mask.read() if mask else b"",
        seed=seed,
        person_index=person_index,
        form=negotiation.PICTURES.get(kind, form),
        expert=expert,
        height=height,
        fabric=fabric,
    )
    fitting = await service.attend(request, try_on(service.backend, wish, service.settings.timeout))
    if kind == negotiation.JSON:
        return _told(request, wish.form, fitting)
    return Response(fitting.picture, media_type=kind, headers={"X-VFR-Report": _ascii(fitting)})


def _told(request: Request, form: Format, fitting: Fitting) -> Response:
    answer = TryonAnswer(
        request_id=request.state.request_id,
        image=Picture(media_type=form.media_type, base64=base64.b64encode(fitting.picture).decode()),
        report=fitting.report,
        seconds=fitting.seconds,
        stages=dict(fitting.stages),
    )
    return Response(answer.model_dump_json(), media_type=negotiation.JSON)


def _ascii(fitting: Fitting) -> str:
    return fitting.report.model_dump_json(ensure_ascii=True)
