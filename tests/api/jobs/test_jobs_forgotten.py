"""What is forgotten is forgotten as a whole, and in time."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from functools import partial

import pytest

from api.jobs import records
from api.jobs.delivering import LINK_DAYS
from api.jobs.records import JOBS
from api.jobs.sweeper import Sweeper
from tests.api.jobs.shop import Shop, until


def test_a_key_of_an_erased_customer_is_free_again(shop: Shop) -> None:
    """It is the tenant's own, and led to the customer's job: sent once more, it makes a new one."""
    wish = {"data": {"user": "zoe"}, "headers": {"Idempotency-Key": "zoes"}}
    height, _ = shop.new()
    first = shop.post(height, **wish).json()["id"]
    path = f"/v1/erasures/{shop.ask('DELETE', '/v1/users/zoe').json()['id']}"
    until(lambda: shop.ask("GET", path).json()["done"])
    again = shop.post(height, **wish)
    assert (again.status_code, again.json()["id"] != first) == (202, True)


def test_no_link_outlives_its_picture(shop: Shop) -> None:
    """That of a message says so: after ``/v1/tryon`` the picture is kept for an hour, after a job for longer."""
    waited = shop.post(path="/v1/tryon").json()["job"]
    handed_in = shop.ended(shop.accepted())["id"]
    ends = []
    for job in (waited, handed_in):
        (message,) = until(lambda job=job: shop.world.messages(job))
        ends.append(datetime.fromisoformat(message["data"]["image_expires"]).timestamp() - time.time())
    assert ends == [pytest.approx(3600, abs=60), pytest.approx(LINK_DAYS * 86400, abs=60)]


def test_whatever_is_due_goes_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many photos are over their time together, one sweep deletes them all."""
    jobs = [shop.ended(shop.accepted())["id"] for _ in range(3)]
    monkeypatch.setattr(records, "forgotten", partial(records.forgotten, most=1))
    now = shop.room.clock
    monkeypatch.setattr(shop.room, "clock", lambda: now() + 2 * 86400)
    asyncio.run(Sweeper(shop.room, "late").forget())
    assert [shop.rows(JOBS, id=job)[0].inputs_until for job in jobs] == [None] * 3
