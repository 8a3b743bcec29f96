"""The customer: sends orders until each is taken, and looks what came of them."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import cv2
import httpx2
import numpy as np
from skimage.data import astronaut

from bridge.garment.drawing.wardrobe import Kind
from bridge.garment.drawn import draw_garment
from bridge.imaging.encode import encode_image
from tests.chaos.house import House

SIDE = 200
"""Of the photos [px]: the least at which body and garment are found."""
GARMENTS: tuple[Kind, ...] = ("tee", "sweater", "blouse", "tank")
PEOPLE = 3
PATIENCE = 40.0
"""For one answer [s]: the provider's route waits for Kling."""
AT_ONCE = 12
ASK_AGAIN = 0.15
"""The share of orders that are sent once more although they were taken."""
TURNS = 4
"""An order of the provider's route that was answered with the same problem so often has ended with it: the job was
made, and the answer to its key is how it ended."""

Kind_ = Literal["new", "equal", "picky", "outside", "hasty"]
SHARES: dict[Kind_, int] = {"new": 60, "equal": 13, "picky": 9, "outside": 13, "hasty": 5}
"""What is ordered: ``equal`` repeats an earlier order, ``picky`` is never content with our pictures, ``outside``
wants Kling's at once, ``hasty`` gives little time."""
HASTY_SECONDS = 12.0


@dataclass(frozen=True)
class Order:
    """One request."""

    key: str
    tenant: str
    path: str
    person: int
    garment: Kind
    fields: tuple[tuple[str, str], ...]


def orders(count: int, seed: int, seconds: float) -> list[Order]:
    """Return what a seed orders; ``seconds`` is the time that a job has."""
    chance = random.Random(seed)  # noqa: S311 - it must be the same again
    made: list[Order] = []
    for number in range(count):
        kind = chance.choices(list(SHARES), list(SHARES.values()))[0]
        key = f"order-{seed}-{number}"
        earlier = [order for order in made if order.tenant == "plain"]
        if kind == "equal" and earlier:
            made.append(Order(key, *_but_key(chance.choice(earlier))))
            continue
        own = kind in {"new", "equal", "hasty"}
        time = HASTY_SECONDS if kind == "hasty" else seconds
        path = "/providers/kling/jobs" if kind == "outside" else "/v1/jobs"
        fields = {"seed": str(number), "expert": "warp", "user": f"u{number % 7}"}
        if kind != "outside":
            fields["seconds"] = str(time)
        person, garment = chance.randrange(PEOPLE), chance.choice(GARMENTS)
        made.append(Order(key, "plain" if own else "outside", path, person, garment, tuple(fields.items())))
    return made


def _but_key(order: Order) -> tuple[str, str, int, Kind, tuple[tuple[str, str], ...]]:
    return order.tenant, order.path, order.person, order.garment, order.fields


@cache
def person(number: int) -> bytes:
    """Return scikit-image's astronaut (NASA, public domain), small, and moved by a few pixels."""
    small = cv2.resize(astronaut(), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return encode_image(np.ascontiguousarray(np.roll(small, 2 * number, axis=1)))


@cache
def garment(kind: Kind) -> bytes:
    """Return a garment that the project draws, small."""
    drawn = draw_garment(kind)[0]
    height = round(SIDE * drawn.shape[0] / drawn.shape[1])
    return encode_image(cv2.resize(drawn, (SIDE, height), interpolation=cv2.INTER_AREA))


@dataclass
class Shop:
    """Sends, asks again, and notes what it was told."""

    house: House
    told: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The jobs' ids that were told for each key: one, if all is well."""
    reasons: dict[str, str] = field(default_factory=dict)
    """By key: what was answered for good instead of an id."""

    async def send(self, todo: list[Order], seconds: float, seed: int) -> None:
        """Send all orders, spread evenly over a time, each until it is taken."""
        room = asyncio.Semaphore(AT_ONCE)
        chance = random.Random(seed)  # noqa: S311 - it must be the same again
        async with httpx2.AsyncClient(base_url=self.house.url, timeout=PATIENCE) as client:

            async def one(number: int, order: Order, *, again: bool) -> None:
                await asyncio.sleep(seconds * number / len(todo))
                async with room:
                    await self._until_taken(client, order)
                    if again:
                        await self._until_taken(client, order)

            await asyncio.gather(
                *(one(number, order, again=chance.random() < ASK_AGAIN) for number, order in enumerate(todo))
            )

    async def _until_taken(self, client: httpx2.AsyncClient, order: Order) -> None:
        files = {"person": person(order.person), "garment": garment(order.garment)}
        headers = {"Authorization": f"Bearer {self.house.keys[order.tenant]}", "Idempotency-Key": order.key}
        codes: list[str] = []
        while True:
            try:
                reply = await client.post(order.path, files=files, data=dict(order.fields), headers=headers)
            except httpx2.TransportError:
                await asyncio.sleep(0.3)
                continue
            if reply.status_code == 202:
                answer = reply.json()
                self.told[order.key].add(answer.get("id") or answer["job"])
                return
            codes.append(f"{reply.status_code} {_code(reply)}")
            repeated = order.path != "/v1/jobs" and codes[-TURNS:] == [codes[-1]] * TURNS
            if repeated or (reply.status_code < 500 and reply.status_code not in {408, 409, 429}):
                self.reasons[order.key] = codes[-1]
                return
            await asyncio.sleep(min(2.0, float(reply.headers.get("retry-after", 0.3))))

    async def has_picture(self, tenant: str, job: str) -> bool:
        """Follow the link of a job that is done, and say whether it leads to the very bytes that were promised."""
        headers = {"Authorization": f"Bearer {self.house.keys[tenant]}"}
        async with httpx2.AsyncClient(base_url=self.house.url, timeout=PATIENCE) as client:
            answer = (await client.get(f"/v1/jobs/{job}", headers=headers)).json()
            if not answer.get("image"):
                return False
            picture = await client.get(answer["image"])
        return picture.status_code == 200 and hashlib.sha256(picture.content).hexdigest() == answer["sha256"]

    async def kling_stats(self) -> dict[str, object]:
        """Return what Kling was asked for."""
        async with httpx2.AsyncClient() as client:
            found: dict[str, object] = (await client.get(f"{self.house.kling}/_stats")).json()
            return found


def _code(reply: httpx2.Response) -> str:
    try:
        return str(reply.json()["code"])
    except (ValueError, KeyError):
        return reply.text[:100]
