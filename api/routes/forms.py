"""The fields of a request that asks for a try-on, shared by every route that takes one."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import File, Form, UploadFile

from api.fitting import GARMENT_PHOTOS
from api.jobs.desk import Uploads
from api.jobs.order import Wishes
from api.service import Service
from bridge.contracts import Category, Expert, Fabric
from bridge.errors import BadInput
from bridge.imaging.encode import Format
from bridge.registry import Tier

Person = Annotated[UploadFile | None, File(description="the person's photo")]
Garments = Annotated[
    list[UploadFile] | None,
    File(
        description="photos of one garment, the one from the front first; the basic tier uses that one",
        max_length=GARMENT_PHOTOS,
    ),
]
Address = Annotated[
    str | None, Form(description="where the photo lies instead, at a host that the tenant's terms name")
]
Addresses = Annotated[list[str] | None, Form(max_length=GARMENT_PHOTOS, description="as `person_url`")]
Mask = Annotated[
    UploadFile | None,
    File(description="of the photo's proportions, white where it may change; none: the system decides"),
]
PersonIndex = Annotated[
    int, Form(ge=-1, lt=2**31, description="which person, counted from the largest (0); -1: the largest")
]
User = Annotated[
    str,
    Form(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_@=-]{0,127}$|^$",
        description="your own name of your customer, by which everything can be erased later",
    ),
]


async def wishes(
    *,
    tier: Annotated[Tier, Form(description="how good; this installation serves basic")] = Tier.BASIC,
    category: Annotated[
        Category, Form(description="what the garment is; auto: the system decides")
    ] = Category.AUTO,
    seed: Annotated[
        int, Form(ge=-1, lt=2**63, description="seed of whatever is random; -1: from the pictures")
    ] = -1,
    person_index: PersonIndex = -1,
    form: Annotated[Format, Form(alias="format", description="the picture's format")] = Format.PNG,
    expert: Annotated[
        Expert,
        Form(
            description="what puts the garment on: bent in 2.5D (warp), or sewn and draped on a body (drape); auto: "
            "the system decides"
        ),
    ] = Expert.AUTO,
    height: Annotated[int, Form(ge=0, le=2500, description="the person's height [mm]; 0: unknown")] = 0,
    fabric: Annotated[Fabric, Form(description="what the garment is made of, for drape")] = Fabric.AUTO,
    external: Annotated[
        Literal["never", "if_needed"],
        Form(description="whether another provider may render when no picture of ours is good enough"),
    ] = "if_needed",
    consent: Annotated[bool, Form(description="the person agreed to have the photo worked on")] = False,
) -> Wishes:
    """Gather the fields; asynchronous, since FastAPI would take a thread for a plain function.

    Raises:
        BadInput: the tier is not served here.
    """
    if tier is not Tier.BASIC:
        raise BadInput(f"The tier {tier.value} is not served here: its models are not installed. Use basic.")
    return Wishes(
        tier=tier,
        category=category,
        seed=seed,
        person_index=person_index,
        format=form,
        expert=expert,
        height=height,
        fabric=fabric,
        external=external,
        consent=consent,
    )


async def uploads(
    service: Service,
    hosts: tuple[str, ...],
    person: UploadFile | None,
    garment: list[UploadFile] | None,
    mask: UploadFile | None,
    person_url: str | None = None,
    garment_url: list[str] | None = None,
) -> Uploads:
    """Read the pictures, or fetch those that lie elsewhere.

    Raises:
        BadInput: one is missing, or comes twice.
        UrlRefused: an address may not be opened.
    """
    photo = await _one("person", person, person_url, service, hosts)
    sent = [await file.read() for file in garment or []]
    fetched = [await _fetched(url, service, hosts) for url in garment_url or []]
    if not sent and not fetched:
        raise BadInput("garment: please send a photo of the garment.")
    return Uploads(photo, tuple(sent + fetched), await mask.read() if mask else b"")


async def _one(
    name: str, file: UploadFile | None, url: str | None, service: Service, hosts: tuple[str, ...]
) -> bytes:
    if (file is None) == (url is None):
        raise BadInput(f"{name}: please send a photo, either as a file or as {name}_url.")
    return await file.read() if file else await _fetched(str(url), service, hosts)


async def _fetched(url: str, service: Service, hosts: tuple[str, ...]) -> bytes:
    return await service.room.guard.fetch(url, most_bytes=service.settings.max_upload_mb * 2**20, hosts=hosts)
