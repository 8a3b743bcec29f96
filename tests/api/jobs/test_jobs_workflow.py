"""What a job goes through: the verdict, the retry, another provider, and the messages at its end."""

from __future__ import annotations

import json
import time

import pytest

from api.jobs.records import EVENTS
from api.providers import budget
from api.providers.breaker import Breaker, Circuit
from api.providers.callback import relay_secret, signature, token
from api.security.usage import USAGE
from api.webhooks.delivery import DELIVERIES
from bridge.errors import DrapeFailed, NoPerson
from bridge.imaging.decode import decode_image
from tests.api.jobs.shop import FILES, PATIENCE, Json, Shop, until
from tests.api.jobs.stage import BAD, Act


@pytest.fixture(autouse=True)
def _as_usual(shop: Shop) -> None:
    """Let Kling behave, and forget that it did not."""
    shop.world.script()
    shop.room.circuits = {"kling": Breaker("kling")}


def stages(shop: Shop, job: str) -> list[str]:
    """Return what a job went through."""
    return [row.stage for row in sorted(shop.rows(EVENTS, job=job), key=lambda row: row.number)]


def test_a_picture_that_misses_is_made_anew(shop: Shop) -> None:
    """Once, with another seed and the other expert; the one that passes is the result."""
    height, act = shop.new()
    act.scores = [BAD]
    done = shop.ended(shop.accepted(height))
    assert (done["state"], done["quality"]["passed"], act.calls) == ("done", True, 2)
    assert [attempt["qa"]["passed"] for attempt in done["attempts"]] == [False, True]
    assert done["attempts"][1]["changes"].keys() == {"seed", "expert"}
    first, second = act.asked
    assert (first["seed"][0], first["expert"][0], second["expert"][0]) == (-1, b"auto", b"drape")
    assert second["seed"][0] == done["attempts"][1]["changes"]["seed"]
    assert stages(shop, done["id"]) == ["queued", "start", "render", "retry", "publish", "done"]


def test_use_is_recorded_once(shop: Shop) -> None:
    """One row for a job with a picture, with the attempts it took; none for one without."""
    height, act = shop.new()
    act.scores = [BAD]
    job = shop.ended(shop.accepted(height, user="cleo"))["id"]
    (row,) = shop.rows(USAGE, job=job)
    assert (row.tenant, row.user, row.attempts, row.price) == ("lumen", "cleo", 2, 20_000)


def test_an_expert_that_was_chosen_is_kept(shop: Shop) -> None:
    """The retry changes the seed alone."""
    height, act = shop.new()
    act.scores = [BAD]
    shop.ended(shop.accepted(height, expert="warp"))
    assert [arrays["expert"][0] for arrays in act.asked] == [b"warp", b"warp"]


@pytest.mark.parametrize(("coverages", "best"), [((0.1, 0.4), 0.4), ((0.4, 0.1), 0.4)])
def test_the_best_attempt_is_shown_when_none_passes(
    shop: Shop, coverages: tuple[float, float], best: float
) -> None:
    """The one that came closest, with what it misses, whichever was first."""
    height, act = shop.new()
    act.scores = [{"coverage": coverage} for coverage in coverages]
    done = shop.ended(shop.accepted(height, "atelier"), "atelier")
    assert (done["state"], done["quality"]["passed"], act.calls) == ("done", False, 2)
    assert done["report"]["scores"]["coverage"] == best
    assert [failure["metric"] for failure in done["quality"]["failures"]] == ["coverage"]


def test_a_retry_that_breaks_leaves_the_first_picture(shop: Shop) -> None:
    """The other expert can't dress everybody; then the first attempt is the best."""
    height, act = shop.new()
    act.scores = [BAD]
    act.faults = [None, DrapeFailed("It came apart.")]
    done = shop.ended(shop.accepted(height, "atelier"), "atelier")
    assert (done["state"], act.calls, len(done["attempts"])) == ("done", 2, 1)


def test_what_the_model_refuses_is_told(shop: Shop) -> None:
    """No retry, no other provider: the pictures are at fault, and the sentence is the model's."""
    height, act = shop.new()
    act.faults = [NoPerson("Nobody is in the photo.")]
    failed = shop.ended(shop.accepted(height))
    assert (failed["state"], act.calls) == ("failed", 1)
    assert failed["problem"] == {"code": "no_person", "detail": "Nobody is in the photo."}
    assert (shop.rows(USAGE, job=failed["id"]), failed["id"] in paid(shop)) == ([], False)


def failing(shop: Shop) -> tuple[int, Act]:
    """Return a height whose jobs need another provider."""
    height, act = shop.new()
    act.scores = [BAD, BAD]
    return height, act


def paid(shop: Shop) -> dict[str, int]:
    """Return how often Kling was paid for each job."""
    found: dict[str, int] = shop.world.kling.stats()["creates"]
    return found


def test_kling_renders_what_we_can_not(shop: Shop) -> None:
    """Its picture is the result, fetched at once, paid once, and counted."""
    height, act = failing(shop)
    done = shop.ended(shop.accepted(height))
    assert (done["state"], act.calls, len(done["attempts"])) == ("done", 2, 3)
    assert (done["provider"]["name"], done["provider"]["units"], done["report"]) == ("kling", 1.0, None)
    assert paid(shop)[done["id"]] == 1
    (row,) = shop.rows(USAGE, job=done["id"])
    assert (row.attempts, row.provider_units) == (3, 1.0)
    picture = decode_image(shop.client.get(done["image"]).content)
    assert (picture != decode_image(FILES["person"])).any()
    assert stages(shop, done["id"])[3:6] == ["retry", "escalate", "escalate"]


@pytest.mark.parametrize("callbacks", ["once", "twice", "backwards"])
def test_a_callback_wakes_the_job(shop: Shop, monkeypatch: pytest.MonkeyPatch, callbacks: str) -> None:
    """However often it comes, and in whatever order: no poll would come in time, and none is paid twice."""
    monkeypatch.setattr("api.providers.base.FIRST_PAUSE", 10 * PATIENCE)
    monkeypatch.setattr("api.providers.base.LAST_PAUSE", 10 * PATIENCE)
    shop.world.script(callbacks=callbacks)
    height, _ = failing(shop)
    done = shop.ended(shop.accepted(height))
    assert (done["provider"]["name"], paid(shop)[done["id"]]) == ("kling", 1)
    assert {call["status"] for call in shop.world.kling.called} == {"204"}


def test_a_lost_callback_only_takes_longer(shop: Shop) -> None:
    """The poll finds the picture."""
    shop.world.script(callbacks="lost")
    height, _ = failing(shop)
    assert shop.ended(shop.accepted(height))["provider"]["name"] == "kling"


@pytest.mark.parametrize(
    ("tenant", "script", "wish", "creates"),
    [
        ("lumen", {"broken": 1}, {}, 1),
        ("lumen", {"risky": 1}, {}, 1),
        ("lumen", {"faults": [{"code": 1101, "on": "create"}]}, {}, 0),
        ("poor", {}, {}, 0),
        ("atelier", {}, {}, 0),
        ("lumen", {}, {"external": "never"}, 0),
    ],
    ids=["it fails", "content rules", "the account owes", "no budget", "not in the terms", "not wished"],
)
def test_without_kling_our_best_is_shown(
    shop: Shop, tenant: str, script: Json, wish: Json, creates: int
) -> None:
    """Whatever keeps Kling from rendering, the job ends with the better of ours, and no slot stays taken."""
    shop.world.script(**script)
    height, _ = failing(shop)
    done = shop.ended(shop.accepted(height, tenant, **wish), tenant)
    assert (done["state"], done["provider"], len(done["attempts"])) == ("done", None, 2)
    assert paid(shop).get(done["id"], 0) == creates
    assert not [row for row in shop.rows(budget.TASKS, job=done["id"]) if row.settled is None]


def test_a_job_cancelled_at_kling_gives_its_slot_back_soon(shop: Shop) -> None:
    """At the latest when Kling must have ended the task; what it costs stays counted."""
    shop.world.script(delay=30)
    job = shop.accepted(failing(shop)[0])
    until(lambda: [row for row in shop.rows(budget.TASKS, job=job) if row.external_id])
    shop.ask("DELETE", f"/v1/jobs/{job}")
    (row,) = shop.rows(budget.TASKS, job=job)
    assert (row.cost, row.deadline - row.reserved) == (1.0, pytest.approx(120))
    assert not shop.rows(USAGE, job=job)


def test_an_open_circuit_costs_nothing(shop: Shop) -> None:
    """While Kling is left alone jobs end with our best, and neither a slot nor the budget is taken."""
    shop.world.script(faults=[{"code": 1101, "on": "create"}])
    done = [shop.ended(shop.accepted(failing(shop)[0])) for _ in range(2)]
    assert [one["provider"] for one in done] == [None, None]
    assert shop.room.circuits["kling"].state is Circuit.OPEN
    first, second = (shop.rows(budget.TASKS, job=one["id"]) for one in done)
    assert [(row.settled is None, row.cost) for row in first] == [(False, 0.0)]
    assert (second, done[1]["id"] in paid(shop)) == ([], False)


def test_a_full_account_is_waited_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job asks again until there is room, and is paid once."""
    monkeypatch.setattr("api.providers.base.LAST_PAUSE", 0.1)
    shop.world.script(parallel=0)
    height, _ = failing(shop)
    job = shop.accepted(height)
    until(lambda: shop.world.kling.asked["create"] and not paid(shop).get(job))
    shop.world.script()
    assert shop.ended(job)["provider"]["name"] == "kling"
    assert paid(shop)[job] == 1


def test_forged_callbacks_are_refused(shop: Shop) -> None:
    """Without our token or our relay's signature nobody wakes a job; with them 204, also when it is over."""
    job = shop.ended(shop.accepted())["id"]
    key, body = (
        shop.room.settings.key,
        json.dumps(
            {"task_id": "x", "task_status": "succeed", "task_info": {"external_task_id": job}}
        ).encode(),
    )
    now = str(int(time.time()))

    def called(path: str, **headers: str) -> int:
        return shop.client.post(f"/webhooks/kling{path}", content=body, headers=headers).status_code

    assert called(f"/{job}/{token(key, job)}") == 204
    assert called(f"/{job}/{token(key, '0' * 32)}") == 400
    assert called(f"/{job}/x") == 400
    good = signature(relay_secret(key), now, body)
    assert called("", **{"X-Signature": good, "X-Timestamp": now}) == 204
    assert called("", **{"X-Signature": signature(key, now, body), "X-Timestamp": now}) == 400
    assert called("") == 400


def test_a_job_for_kling_alone(shop: Shop) -> None:
    """``/providers/kling/jobs`` answers with Kling's id, also when asked twice, and no model of ours is asked."""
    height, act = shop.new()
    headers = {"Idempotency-Key": f"kling-{height}"}
    reply, again = (shop.post(height, path="/providers/kling/jobs", headers=headers) for _ in range(2))
    assert (again.json(), again.headers["idempotency-replayed"]) == (reply.json(), "true")
    told = reply.json()
    assert reply.status_code == 202, reply.text
    assert (told["provider"], told["external_job_id"]) == ("kling", list(shop.world.kling.tasks)[-1])
    assert reply.headers["location"] == f"/v1/jobs/{told['job']}"
    done = shop.ended(told["job"])
    assert (done["state"], done["provider"]["external_id"]) == ("done", told["external_job_id"])
    assert (act.calls, len(done["attempts"])) == (0, 1)


@pytest.mark.parametrize(
    ("tenant", "script", "status", "code"),
    [
        ("atelier", {}, 403, "refused"),
        ("poor", {}, 429, "quota_spent"),
        ("lumen", {"faults": [{"code": 1301, "on": "create"}]}, 422, "external_bad_input"),
    ],
)
def test_what_kling_alone_can_not_do_is_told(
    shop: Shop, tenant: str, script: Json, status: int, code: str
) -> None:
    """The terms, the budget, and Kling's own refusal are the answer."""
    shop.world.script(**script)
    reply = shop.post(tenant=tenant, path="/providers/kling/jobs")
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert (status == 429) == ("retry-after" in reply.headers)


@pytest.mark.parametrize("good", [True, False])
def test_the_tenant_is_told_of_the_end(shop: Shop, *, good: bool) -> None:
    """One signed message to each endpoint, with a link that works or with what was in the way."""
    height, act = shop.new()
    act.faults = [] if good else [NoPerson("Nobody is in the photo.")]
    job = shop.accepted(height)
    (message,) = until(lambda: shop.world.messages(job))
    assert (message["type"], message["data"]["url"]) == (
        "job.done" if good else "job.failed",
        f"{shop.url}/v1/jobs/{job}",
    )
    if good:
        assert shop.client.get(message["data"]["image"]).is_success
    else:
        assert message["data"]["code"] == "no_person"
    until(lambda: [row.state for row in shop.rows(DELIVERIES, job=job)] == ["delivered"])
    (row,) = shop.rows(DELIVERIES, job=job)
    assert (row.attempts, shop.world.receiver.attempts.count(row.id)) == (1, 1)


def test_who_has_no_endpoint_is_told_nothing(shop: Shop) -> None:
    """No row waits for nobody."""
    job = shop.ended(shop.accepted(tenant="atelier"), "atelier")["id"]
    assert shop.rows(DELIVERIES, job=job) == []
