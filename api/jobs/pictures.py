"""The pictures of a request, from bytes that a stranger sent to blobs that a job's order names."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from api.jobs.order import Order, Stored, Wishes
from api.jobs.room import Room
from api.security import bystanders
from api.security.ingest import Clean, clean, clean_mask
from api.security.tenants import Tenant
from bridge.errors import ImageError

T = TypeVar("T")


@dataclass(frozen=True)
class Uploads:
    """The pictures of a request, encoded, as they came."""

    person: bytes
    garments: tuple[bytes, ...]
    mask: bytes = b""


@dataclass(frozen=True)
class Pictures:
    """The pictures of a request as they may be stored."""

    person: Clean
    garments: Sequence[Clean]
    mask: Clean | None
    person_index: int


async def cleaned(room: Room, tenant: Tenant, wishes: Wishes, uploads: Uploads) -> Pictures:
    """Judge and clean the pictures; nothing is stored yet.

    Raises:
        ImageError: a picture can't be used; the sentence says which.
        Bystanders: the photo shows others, and the tenant wants no such photos.
    """
    photos = enumerate(uploads.garments, start=1)
    guarded, garments = await asyncio.gather(
        _guarded(room, tenant, wishes, uploads.person),
        asyncio.gather(*(_named(_garment(number), clean(data)) for number, data in photos)),
    )
    mask = await _named("The mask", clean_mask(uploads.mask, guarded.photo))
    return Pictures(guarded.photo, garments, mask, guarded.person_index)


async def _guarded(room: Room, tenant: Tenant, wishes: Wishes, person: bytes) -> bystanders.Guarded:
    return await bystanders.guard(
        room.backend,
        await _named("The person's photo", clean(person)),
        wishes.person_index,
        tenant.bystanders,
        room.settings.timeout,
    )


async def stored(room: Room, wishes: Wishes, pictures: Pictures, folder: str) -> Order:
    """Store the pictures below a folder and return the order that names them."""
    return Order(
        **wishes.model_dump() | {"person_index": pictures.person_index},
        person=await _store(room, f"{folder}/person", pictures.person),
        garments=tuple(
            [await _store(room, f"{folder}/garment-{i}", one) for i, one in enumerate(pictures.garments)]
        ),
        mask=await _store(room, f"{folder}/mask", pictures.mask) if pictures.mask else None,
    )


async def _store(room: Room, name: str, picture: Clean) -> Stored:
    key = f"{name}.{picture.media_type.rpartition('/')[2]}"
    await room.blobs.put(key, picture.data)
    return Stored(key=key, sha256=picture.sha256)


async def _named(what: str, cleaning: Awaitable[T]) -> T:
    """Wait for a picture to be cleaned; an error says which one it was."""
    try:
        return await cleaning
    except ImageError as fault:
        raise type(fault)(f"{what} can't be used. {fault}") from fault


def _garment(number: int) -> str:
    return "The garment's photo" if number == 1 else f"Photo {number} of the garment"
