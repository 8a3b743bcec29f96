"""The fields of a request that asks for a try-on, shared by every route that takes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, File, Form, Header, Request, Response, UploadFile, params

from api.fitting import CHOICES, GARMENT_PHOTOS, settings_of
from api.jobs.admission import Claim, accept
from api.jobs.order import Wishes
from api.jobs.pictures import Uploads
from api.jobs.records import Placed
from api.security.caller import Caller, Calling
from api.service import Service, Serving
from bridge.contracts import Category, Expert, Fabric
from bridge.errors import BadInput
from bridge.imaging.encode import Format
from bridge.registry import Tier

MOST_WORDS = 2000
"""Characters of a text: a prompt's encoder reads about the first three hundred."""

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
Mask = Annotated[UploadFile | None, File(description=CHOICES["mask"].words)]


def _field(name: str) -> params.Form:
    """Return the form's field for a field of a wish."""
    choice = CHOICES[name]
    made: params.Form = Form(description=choice.words, ge=choice.least, le=choice.most)
    return made


def _words(name: str) -> params.Form:
    """Return the form's field for a text of a wish."""
    made: params.Form = Form(description=CHOICES[name].words, max_length=MOST_WORDS, pattern=r"^[^\x00]*$")
    return made


PersonIndex = Annotated[int, _field("person_index")]
User = Annotated[
    str,
    Form(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_@=-]{0,127}$|^$",
        description="your own name of your customer, by which everything can be erased later",
    ),
]


async def wishes(
    *,
    tier: Annotated[Tier, _field("tier")] = Tier.BASIC,
    category: Annotated[Category, _field("category")] = Category.AUTO,
    seed: Annotated[int, _field("seed")] = -1,
    person_index: PersonIndex = -1,
    form: Annotated[Format, Form(alias="format", description="the picture's format")] = Format.PNG,
    expert: Annotated[Expert, _field("expert")] = Expert.AUTO,
    height: Annotated[int, _field("height")] = 0,
    fabric: Annotated[Fabric, _field("fabric")] = Fabric.AUTO,
    prompt: Annotated[str, _words("prompt")] = "",
    negative_prompt: Annotated[str, _words("negative_prompt")] = "",
    finisher: Annotated[str, _words("finisher")] = "",
    external: Annotated[
        Literal["never", "if_needed"],
        Form(description="whether another provider may render when no picture of ours is good enough"),
    ] = "if_needed",
    consent: Annotated[bool, Form(description="the person agreed to have the photo worked on")] = False,
) -> Wishes:
    """Gather the fields; asynchronous, since FastAPI would take a thread for a plain function.

    Raises:
        BadInput: the finisher's settings are no JSON object.
    """
    return Wishes(
        tier=tier,
        category=category,
        seed=seed,
        person_index=person_index,
        format=form,
        expert=expert,
        height=height,
        fabric=fabric,
        prompt=prompt,
        negative_prompt=negative_prompt,
        finisher=settings_of(finisher),
        external=external,
        consent=consent,
    )


Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", description="the same key with the same request finds the same job, for 24 h"
    ),
]


@dataclass(frozen=True)
class HandIn:
    """A request that hands a job in, and the way its answer's headers are written."""

    service: Service
    caller: Caller
    response: Response
    wishes: Wishes
    user: str
    claim: Claim | None
    person: UploadFile | None
    garment: list[UploadFile] | None
    person_url: str | None
    garment_url: list[str] | None

    async def accept(
        self,
        mask: UploadFile | None = None,
        seconds: float | None = None,
        external: Literal["only"] | None = None,
    ) -> Placed:
        """Read or fetch the pictures, take the job, tell in the headers where it is, and return it.

        Raises:
            VfrError: as :func:`uploads` and :func:`api.jobs.admission.accept`.
        """
        pictures = await uploads(
            self.service,
            self.caller.tenant.hosts,
            self.person,
            self.garment,
            mask,
            self.person_url,
            self.garment_url,
        )
        wishes = self.wishes.model_copy(update={"external": external} if external else {})
        accepted = await accept(
            self.service.room, self.caller, self.user, wishes, pictures, claim=self.claim, seconds=seconds
        )
        self.response.headers["Location"] = f"/v1/jobs/{accepted.id}"
        if accepted.replayed:
            self.response.headers["Idempotency-Replayed"] = "true"
        return accepted.placed


async def hand_in(
    *,
    request: Request,
    response: Response,
    service: Serving,
    caller: Calling,
    wishes: Annotated[Wishes, Depends(wishes)],
    person: Person = None,
    garment: Garments = None,
    person_url: Address = None,
    garment_url: Addresses = None,
    user: User = "",
    key: Key = None,
) -> HandIn:
    """Gather what every route that takes a job has in common; a key is the route's own."""
    claim = Claim(key, f"{request.method} {request.scope['route'].path}") if key is not None else None
    return HandIn(service, caller, response, wishes, user, claim, person, garment, person_url, garment_url)


HandedIn = Annotated[HandIn, Depends(hand_in)]
"""A route's parameter of this type receives a request that hands a job in."""


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
