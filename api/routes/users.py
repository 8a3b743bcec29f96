"""``/v1/users``: a person who wants to be forgotten."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.jobs.erasing import ask_to_erase, hash_of, read_erasure
from api.problems import ABOUT_ONE
from api.schemas import Erasure
from api.security.caller import Caller, Calling, Erasing
from api.service import Service, Serving
from bridge.errors import NotFound, Refused

router = APIRouter(prefix="/v1", tags=["users"])

User = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_@=-]{0,127}$")]


@router.delete("/users/{user}", status_code=202, summary="Erase everything of a user", responses=ABOUT_ONE)
async def erase(user: User, service: Serving, caller: Erasing) -> Erasure:
    """Cancel the user's jobs and delete photos, pictures and records; it goes on whatever process dies.

    What stays is a hash of the name, to prove that it was done.
    """
    if caller.user and caller.user != user:
        raise Refused("Somebody who signed in may erase only what is theirs.")
    return await _told(service, caller, await ask_to_erase(service.room, caller.tenant.id, user))


@router.get("/erasures/{erasure}", summary="Whether an erasure is done", responses=ABOUT_ONE)
async def show(erasure: str, service: Serving, caller: Calling) -> Erasure:
    """Tell when it was asked for and when it was done."""
    return await _told(service, caller, erasure)


async def _told(service: Service, caller: Caller, erasure: str) -> Erasure:
    row = await read_erasure(service.room, caller.tenant.id, erasure)
    key = service.settings.key
    if row is None or (caller.user and row.user_hash != hash_of(key, caller.tenant.id, caller.user)):
        raise NotFound("There is no erasure of that id.")
    return Erasure(id=row.id, asked=row.asked, done=row.done, pictures=row.pictures)
