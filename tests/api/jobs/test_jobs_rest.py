"""``/v1/jobs`` from its outside: handing in, watching, cancelling, and what is refused."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.jobs.desk import Desk
from api.jobs.records import JOBS
from api.jobs.weights import Weights
from api.security.caller import USER_SCOPES, Caller
from api.security.usage import USAGE
from bridge.errors import NotFound
from bridge.imaging.decode import decode_image
from bridge.registry.finisher import NETWORK
from tests.api.jobs.shop import FILES, Shop, World, in_thread, opened, until
from tests.api.jobs.stage import Stage
from tests.api.scripted import photo
from tests.api.security.hosts import serving


def test_a_job_is_taken_at_once_and_ends_with_a_picture(shop: Shop) -> None:
    """202 with its address; then done, with a link that anybody may open and a hash that fits."""
    reply = shop.post()
    told = reply.json()
    assert (reply.status_code, told["state"]) == (202, "queued")
    assert reply.headers["location"] == f"/v1/jobs/{told['id']}"
    done = shop.ended(told["id"])
    assert (done["state"], done["progress"], done["problem"]) == ("done", 1.0, None)
    assert done["quality"]["passed"]
    picture = shop.client.get(done["image"])
    assert picture.headers["content-type"] == "image/png"
    assert (decode_image(picture.content) == decode_image(FILES["person"])).all()
    assert [len(done["attempts"]), done["cached"], done["provider"]] == [1, False, None]


def test_who_waits_is_told_the_place_in_the_queue(shop: Shop) -> None:
    """What runs has no place; those that wait count the jobs before them."""
    holding = [shop.new() for _ in range(shop.room.settings.workers)]
    for _, act in holding:
        act.held = True
    running = [shop.accepted(height) for height, _ in holding]
    until(lambda: all(act.calls for _, act in holding))
    waiting = [shop.accepted() for _ in range(3)]
    assert [shop.job(job)["queue_position"] for job in waiting] == [0, 1, 2]
    assert [shop.job(job)["queue_position"] for job in running] == [None] * len(running)
    for _, act in holding:
        act.held = False
    assert {shop.ended(job)["state"] for job in running + waiting} == {"done"}


def test_cancelling_reaches_the_model(shop: Shop) -> None:
    """DELETE ends the job at once, and soon afterwards the call of Triton; no message is sent."""
    height, act = shop.new()
    act.held = True
    job = shop.accepted(height)
    until(lambda: act.calls)
    assert shop.ask("DELETE", f"/v1/jobs/{job}").json()["state"] == "cancelled"
    until(lambda: act.cancelled)
    assert shop.ask("DELETE", f"/v1/jobs/{job}").json()["state"] == "cancelled"
    assert (act.calls, shop.rows(USAGE, job=job), shop.world.messages(job)) == (1, [], [])


def test_a_job_that_is_over_stays_as_it_is(shop: Shop) -> None:
    """Cancelling what is done changes nothing."""
    done = shop.ended(shop.accepted())
    assert shop.ask("DELETE", f"/v1/jobs/{done['id']}").json()["state"] == "done"


def events(shop: Shop, job: str, after: int | None = None, tenant: str = "lumen") -> list[dict[str, Any]]:
    """Return the server-sent events of a job until the stream ends."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    reply = shop.ask("GET", f"/v1/jobs/{job}/events", tenant, headers=headers)
    assert reply.headers["content-type"].startswith("text/event-stream")
    blocks = [block.splitlines() for block in reply.text.split("\n\n") if block and block[0] != ":"]
    told = [dict(line.split(": ", 1) for line in block) for block in blocks]
    return [{**one, "id": int(one["id"]), "data": json.loads(one["data"])} for one in told]


def test_events_tell_the_way_in_order(shop: Shop) -> None:
    """Each stage once, numbered, the last named as the job ended and with the picture's link."""
    job = shop.accepted()
    told = events(shop, job)
    assert [one["data"]["stage"] for one in told] == ["queued", "start", "render", "publish", "done"]
    assert [one["event"] for one in told] == ["stage"] * 4 + ["done"]
    numbers = [one["id"] for one in told]
    assert numbers == sorted(set(numbers))
    progress = [one["data"]["progress"] for one in told]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert shop.client.get(told[-1]["data"]["preview"]).is_success
    assert [one["id"] for one in events(shop, job, numbers[2])] == numbers[3:]


def test_a_stream_of_a_job_that_is_over_ends(shop: Shop) -> None:
    """Who has seen the last event, and asks again as browsers do, is told to stop; others get what they missed."""
    job = shop.accepted()
    *_, before, last = [event["id"] for event in events(shop, job)]
    assert [event["id"] for event in events(shop, job, before)] == [last]
    for seen in (last, last + 1):
        reply = shop.ask("GET", f"/v1/jobs/{job}/events", headers={"Last-Event-ID": str(seen)})
        assert (reply.status_code, reply.content) == (204, b"")


@pytest.mark.parametrize(("end", "error"), [("failed", True), ("cancelled", False)])
def test_the_last_event_names_the_end(shop: Shop, end: str, *, error: bool) -> None:
    """Failed with what was in the way, or cancelled."""
    height, act = shop.new()
    act.held = True
    job = shop.accepted(height, seconds=0.2 if error else 60)
    if not error:
        shop.ask("DELETE", f"/v1/jobs/{job}")
    last = events(shop, job)[-1]
    assert last["event"] == end
    assert last["data"].get("code") == ("deadline_missed" if error else None)


def test_what_is_somebody_elses_does_not_exist(shop: Shop) -> None:
    """Another tenant gets 404 for everything, as for an id that nobody has; so does another user."""
    job = shop.ended(shop.accepted(user="ann"))["id"]
    for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/events")]:
        for stranger, name in [("atelier", job), ("lumen", "0" * 32)]:
            reply = shop.ask(method, f"/v1/jobs/{name}{path}", stranger)
            assert (reply.status_code, reply.json()["code"]) == (404, "not_found")
    desk, tenant = Desk(shop.room), shop.room.tenants["lumen"]

    async def seen(user: str) -> str:
        try:
            return (await desk.find(Caller(tenant, user, USER_SCOPES), job)).id
        except NotFound:
            return "nothing"

    assert [asyncio.run(seen(user)) for user in ("ann", "bob")] == [job, "nothing"]


def test_the_same_key_finds_the_same_job(shop: Shop) -> None:
    """Sent again it is 202 with the first one's id and said so; with other contents it is refused."""
    height, act = shop.new()
    headers = {"Idempotency-Key": f"order-{height}"}
    first, again = (shop.post(height, headers=headers) for _ in range(2))
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert [reply.headers.get("idempotency-replayed") for reply in (first, again)] == [None, "true"]
    said = [{"seed": 5}, {"consent": "true"}, {"seconds": 60}, {"user": "bob"}]
    for other in (*({"data": one} for one in said), {"files": {**FILES, "person": photo(400, 320)}}):
        reply = shop.post(height, headers=headers, **other)
        assert (reply.status_code, reply.json()["code"]) == (422, "key_reused")
    theirs = shop.post(height, "atelier", headers=headers).json()["id"]
    assert theirs != first.json()["id"]
    shop.ended(first.json()["id"])
    shop.ended(theirs, "atelier")
    assert act.calls == 2  # one for each tenant


def test_ten_at_once_with_one_key_are_one_job(shop: Shop) -> None:
    """Whoever comes first makes the job; nine find it, and nothing of them is kept."""
    height, act = shop.new()
    headers = {"Idempotency-Key": f"rush-{height}"}
    with ThreadPoolExecutor(10) as crowd:
        replies = list(crowd.map(lambda _: shop.post(height, headers=headers), range(10)))
    assert {reply.status_code for reply in replies} == {202}
    (job,) = {reply.json()["id"] for reply in replies}
    assert sum("idempotency-replayed" in reply.headers for reply in replies) == 9
    assert shop.ended(job)["state"] == "done"
    assert act.calls == 1


def test_ten_same_requests_at_once_render_once(shop: Shop) -> None:
    """The first renders; the others wait for it and each gets the picture as its own."""
    height, act = shop.new()
    act.held = True
    with ThreadPoolExecutor(10) as crowd:
        jobs = list(crowd.map(lambda _: shop.accepted(height), range(10)))
    until(lambda: act.calls)
    act.held = False
    ended = [shop.ended(job) for job in jobs]
    assert {one["state"] for one in ended} == {"done"}
    assert (act.calls, sum(one["cached"] for one in ended)) == (1, 9)
    links = {one["image"] for one in ended}
    assert len(links) == 10
    assert len({shop.client.get(link).content for link in links}) == 1
    assert all(len(shop.rows(USAGE, job=job)) == 1 for job in jobs)


def test_a_picture_that_is_gone_is_rendered_again(shop: Shop) -> None:
    """A cached result without its picture is no result."""
    height, act = shop.new()
    first = shop.accepted(height)
    shop.ended(first)
    (row,) = shop.rows(JOBS, id=first)
    asyncio.run(shop.room.blobs.delete(row.result["picture"]))
    again = shop.ended(shop.accepted(height))
    assert (again["state"], again["cached"], act.calls) == ("done", False, 2)


def test_other_weights_make_another_picture(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache answers while the weights of the tier's own models are the same, as far as anybody can be asked."""
    height, act = shop.new()
    monkeypatch.setattr(shop.room, "weights", Weights(shop.room.backend, fresh=0.0))
    known = shop.stage.weighing
    changes = [known, {**known, NETWORK: "1:c"}, {**known, "pose_detection": "1:d"}, None]
    cached = []
    for weighing in changes:
        monkeypatch.setattr(shop.stage, "weighing", weighing)
        cached.append(shop.ended(shop.accepted(height))["cached"])
    assert (cached, act.calls) == ([False, True, False, True], 2)


def test_pictures_are_fetched_through_the_guard(shop: Shop) -> None:
    """From a host of the tenant's terms; from any other, and for other tenants, nothing is asked."""
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(FILES["person"]) + FILES["person"]
    with in_thread(serving(reply)) as host:
        urls = {
            "person_url": f"http://127.0.0.1:{host.port}/a",
            "garment_url": f"http://127.0.0.1:{host.port}/b",
        }
        taken = shop.post(files={}, data=urls)
        assert taken.status_code == 202, taken.text
        assert shop.ended(taken.json()["id"])["state"] == "done"
        assert host.touched == 2
        other = {**urls, "person_url": f"http://localhost:{host.port}/a"}
        for tenant, data in (("lumen", other), ("atelier", urls)):
            refused = shop.post(tenant=tenant, files={}, data=data)
            assert (refused.status_code, refused.json()["code"]) == (422, "url_refused")
        assert host.touched == 2
    both = shop.post(data={"person_url": "http://127.0.0.1/a"})
    assert (both.status_code, both.json()["code"]) == (422, "bad_input")


def test_terms_hold(shop: Shop) -> None:
    """A plan without the tier, a bucket that is empty, a queue of one's own, and a month that is full."""
    refused = shop.post(tenant="dear")
    assert (refused.status_code, refused.json()["code"]) == (403, "refused")
    replies = [shop.post(tenant="tight", files={**FILES, "person": b"?"}) for _ in range(9)]
    assert [reply.status_code for reply in replies] == [415] * 8 + [429]
    assert replies[-1].json()["code"] == "rate_limited"
    assert 30 < int(replies[-1].headers["retry-after"]) <= 60
    assert [shop.post(tenant="monthly").status_code for _ in range(2)] == [202, 429]


def test_a_full_queue_says_when_to_come_again(world: World) -> None:
    """503 when everybody's jobs are too many, 429 when one's own are; nothing of it is stored."""
    place = f"sqlite:///{world.folder / 'full.sqlite'}"
    with opened(world, Stage(), place, role="api", most_queued=2) as shop:
        assert [shop.post(tenant="small").status_code for _ in range(2)] == [202, 429]
        assert shop.post().status_code == 202
        reply = shop.post()
        assert (reply.status_code, reply.json()["code"]) == (503, "server_unavailable")
        assert int(reply.headers["retry-after"]) >= 1
        assert len(shop.rows(JOBS)) == 2
