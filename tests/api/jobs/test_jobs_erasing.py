"""What is deleted, and when: of a user who asks for it, of a caller who waited, and of everybody in the end."""

from __future__ import annotations

import asyncio
import hashlib

from dbos import DBOS

from api.jobs.erasing import ERASURES, hash_of
from api.jobs.records import JOBS
from api.jobs.sweeper import Sweeper
from api.security.usage import USAGE
from api.webhooks.delivery import DELIVERIES
from tests.api.jobs.shop import SECRET, Shop, until


def test_an_erased_user_leaves_nothing(shop: Shop) -> None:
    """Jobs end, pictures and rows go, what another user has stays; asking again is harmless."""
    height, act = shop.new()
    act.held = True
    running = shop.accepted(height, user="ann@x")
    done = shop.ended(shop.accepted(user="ann@x"))
    others = shop.ended(shop.accepted(user="bob"))
    until(lambda: act.calls)
    asked = shop.ask("DELETE", "/v1/users/ann@x")
    assert asked.status_code == 202
    path = f"/v1/erasures/{asked.json()['id']}"
    erased = until(lambda: told if (told := shop.ask("GET", path).json())["done"] else None)
    assert erased["pictures"] > 0
    assert asyncio.run(shop.room.blobs.names("tenants/lumen/users/ann@x")) == []
    assert shop.rows(JOBS, user="ann@x") == []
    assert shop.rows(USAGE, user="ann@x") == []
    for job in (running, done["id"]):
        assert shop.ask("GET", f"/v1/jobs/{job}").status_code == 404
    assert shop.client.get(done["image"]).status_code == 404
    assert shop.client.get(others["image"]).is_success
    until(lambda: act.cancelled)
    assert shop.ask("GET", path, "atelier").status_code == 404
    (row,) = shop.rows(ERASURES, id=asked.json()["id"])
    assert (row.user, row.user_hash) == (None, hash_of(SECRET.encode(), "lumen", "ann@x"))


def test_what_stays_of_a_user_tells_nothing_without_the_secret() -> None:
    """It is another for another secret, tenant or name, and none that anybody can try."""
    proofs = [
        hash_of(*proof)
        for proof in ((b"k", "a", "ann"), (b"other", "a", "ann"), (b"k", "b", "ann"), (b"k", "a", "bob"))
    ]
    assert len(set(proofs)) == 4
    assert hash_of(b"k", "a", "ann") == proofs[0]
    assert hashlib.sha256(b"a\nann").hexdigest() not in proofs


def test_photos_of_who_waited_vanish(shop: Shop) -> None:
    """After ``/v1/tryon`` the store holds no photo of the person nor of the garment."""
    height, _ = shop.new()
    reply = shop.post(height, path="/v1/tryon")
    assert reply.status_code == 200
    job = reply.json()["job"]
    assert not [name for name in kept(shop, job) if "person" in name or "garment" in name]


def kept(shop: Shop, job: str) -> list[str]:
    """Return the names of what the store holds of a job."""
    found: list[str] = asyncio.run(shop.room.blobs.names(f"tenants/lumen/users/-/jobs/{job}"))
    return [name.rpartition("/")[2] for name in found]


def test_pictures_go_when_their_time_is_over(shop: Shop) -> None:
    """The photos after a day, the result after thirty, with what the engine knew; the row stays and says so."""
    done = shop.ended(shop.accepted())
    job = done["id"]
    until(lambda: [row.state for row in shop.rows(DELIVERIES, job=job)] == ["delivered"])
    flows = [job, *(f"{row.id}-0" for row in shop.rows(DELIVERIES, job=job))]
    until(lambda: [flow.status for flow in DBOS.list_workflows(workflow_ids=flows)] == ["SUCCESS"] * 2)
    assert set(kept(shop, job)) == {"garment-0.png", "person.png", f"{done['sha256']}.png"}
    clock, sweeper = shop.room.clock, Sweeper(shop.room, "late")
    left = []
    try:
        for days in (0.9, 1.1, 31):
            shop.room.clock = lambda days=days: clock() + days * 86400
            asyncio.run(sweeper.forget())
            left.append(len(kept(shop, job)))
    finally:
        shop.room.clock = clock
    assert left == [3, 1, 0]
    assert DBOS.list_workflows(workflow_ids=flows) == []
    told = shop.job(job)
    assert (told["state"], told["image"]) == ("done", None)
