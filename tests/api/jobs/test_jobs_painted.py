"""Jobs of the tiers that have a finisher: what is told on the way, what a retry changes, and what is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from PIL import Image

from api.finishing import Told
from api.fitting import text
from api.jobs.progress import WRITE_SECONDS, share
from api.jobs.records import EVENTS, JOBS
from api.providers.breaker import Circuit
from api.security.usage import USAGE
from bridge.errors import ArtifactMissing, DeadlineMissed, OutOfMemory
from bridge.finish.settings import load
from bridge.registry.finisher import MISSING
from bridge.triton.model import Arrays
from tests.api.jobs.shop import Shop, until
from tests.api.jobs.test_jobs_rest import events
from tests.api.scripted import COURSE

PRO = {"tier": "pro"}


def settings(asked: Arrays) -> dict[str, Any]:
    """The finisher's settings that Triton was asked for."""
    found: dict[str, Any] = json.loads(asked["settings"][0])
    return found


@pytest.mark.parametrize("tier", ["pro", "ultra"])
def test_a_picture_is_finished_as_its_tier_does_it(shop: Shop, tier: str) -> None:
    """The whole wish goes to Triton, and its report comes back with what was done; the price is the tier's."""
    height, act = shop.new()
    data = {"tier": tier, "prompt": "a red wall", "finisher": json.dumps({"steps": 30}), "seconds": 50}
    done = shop.ended(shop.accepted(height, "studio", **data), "studio")
    (asked,) = act.asked
    assert done["state"] == "done", done
    assert asked["prompt"] == text(b"a red wall")
    assert (settings(asked)["tier"], settings(asked)["steps"]) == (tier, 30)
    assert settings(asked)["long_side"] == {"pro": 1344, "ultra": 1408}[tier]
    assert 0 < asked["deadline"][0] <= 50
    assert done["report"]["finish"]["executed_steps"] == 7
    assert "lpips" in done["quality"]["not_measured"]
    (used,) = shop.rows(USAGE, job=done["id"])
    assert (used.tier, used.price) == (tier, {"pro": 80000, "ultra": 250000}[tier])


def test_each_step_is_told(shop: Shop) -> None:
    """Stage and step come as events, in order and never more than a few a second, with a preview that opens."""
    height, act = shop.new()
    act.paused = True
    job = shop.accepted(height, "studio", **PRO)
    told = until(lambda: row if (row := shop.job(job, "studio"))["stage"] == "denoise" else None)
    assert 0.3 < told["progress"] < 0.6
    (row,) = shop.rows(EVENTS, job=job, stage="denoise")
    assert (row.detail["step"], row.detail["steps"], row.detail["attempt"]) == (1, 7, 0)
    with shop.client.stream(
        "GET", f"/v1/jobs/{job}/events", headers={"X-API-Key": shop.keys["studio"]}
    ) as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("data: "))
        seen = next(data for line in lines if (data := json.loads(line[6:]))["stage"] == "denoise")
        assert (seen["step"], seen["steps"]) == (1, 7)
        picture = shop.client.get(seen["preview"])
        assert Image.open(io.BytesIO(picture.content)).size == (8, 10)
        act.paused = False
    done = shop.ended(job, "studio")
    assert shop.client.get(seen["preview"]).status_code == 404
    after = [one["data"] for one in events(shop, job, tenant="studio")]
    assert [one["progress"] for one in after] == sorted(one["progress"] for one in after)
    assert {one["preview"] is not None for one in after} == {True}
    assert done["state"] == "done"
    times = [row.at for row in shop.rows(EVENTS, job=job) if "step" in row.detail]
    assert all(later - sooner >= WRITE_SECONDS * 0.9 for sooner, later in pairwise(times))


def test_cancelling_hangs_the_stream_up(shop: Shop) -> None:
    """DELETE ends the job, and the model is told within its step; the preview is gone."""
    height, act = shop.new()
    act.paused = True
    job = shop.accepted(height, "studio", **PRO)
    (row,) = until(lambda: shop.rows(EVENTS, job=job, stage="denoise"))
    shop.ask("DELETE", f"/v1/jobs/{job}", "studio")
    until(lambda: act.cancelled)
    assert events(shop, job, tenant="studio")[-1]["event"] == "cancelled"
    until(lambda: shop.client.get(shop.room.links.sign(row.detail["preview"], 1e12)).status_code == 404)


def test_a_retry_takes_the_rules_of_what_was_missed(shop: Shop) -> None:
    """A melted hem: another seed, the product's numbers, and the rule by its name; told in the attempt."""
    height, act = shop.new()
    act.scores = [{"hem_line": 0.1, "collar_line": 0.1}]
    done = shop.ended(shop.accepted(height, "studio", **PRO), "studio")
    first, second = act.asked
    known = load().pro
    changes = done["attempts"][1]["changes"]
    assert changes == {
        "seed": changes["seed"], "steps": 5, "garment_adapter": 0.05, "denoise": -0.02, "rules": ["hem_melt"],
    }  # fmt: skip
    assert done["attempts"][0]["changes"] == {}
    assert settings(first) == {"tier": "pro", **known.model_dump(mode="json")}
    assert (second["seed"][0], settings(second)["steps"]) == (changes["seed"], known.steps + 5)
    assert settings(second)["denoise"] == pytest.approx(known.denoise - 0.04)
    assert settings(second)["controls"]["edge"] == pytest.approx(known.controls["edge"] + 0.15)
    assert done["quality"]["passed"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"tier": "pro", "finisher": '{"denoise": 0.9}'}, "denoise must lie between 0.1 and 0.24"),
        ({"tier": "ultra", "finisher": '{"stps": 9}'}, "stps"),
        ({"tier": "pro", "finisher": "[1]"}, "must be a JSON object"),
        ({"tier": "pro", "finisher": "[" * 1999}, "must be a JSON object"),
        ({"finisher": '{"steps": 30}'}, "The basic tier has no finisher"),
        ({"prompt": "a red wall"}, "The basic tier has no finisher"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/tryon"])
def test_settings_that_cannot_be_are_refused_at_once(
    shop: Shop, path: str, data: dict[str, str], words: str
) -> None:
    """422 with a sentence that names the setting; nothing is stored."""
    before = len(shop.rows(JOBS))
    reply = shop.post(tenant="studio", path=path, data=data)
    assert (reply.status_code, reply.json()["code"]) == (422, "bad_input")
    assert words in reply.json()["detail"]
    assert len(shop.rows(JOBS)) == before


@pytest.fixture
def unpainted(shop: Shop) -> Iterator[Shop]:
    """A server without a checkpoint."""
    shop.stage.painted = False
    yield shop
    shop.stage.painted = True


def test_without_weights_the_caller_is_told_what_to_do(unpainted: Shop) -> None:
    """At once, before a photo is looked at; the basic tier goes on, and /readyz tells which tiers are served."""
    reply = unpainted.post(tenant="studio", data=PRO)
    assert (reply.status_code, reply.json()["code"]) == (503, "artifact_missing")
    assert reply.json()["detail"] == MISSING
    assert unpainted.ended(unpainted.accepted(tenant="studio"), "studio")["state"] == "done"
    ready = unpainted.client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["tiers"] == {"basic": "ready", "pro": MISSING, "ultra": MISSING}


def test_a_plan_without_the_tier_is_the_first_refusal(shop: Shop) -> None:
    """Whoever may not have it is not told what is installed."""
    reply = shop.post(tenant="lumen", data=PRO)
    assert (reply.status_code, reply.json()["code"]) == (403, "refused")


@pytest.mark.parametrize("fault", [ArtifactMissing("No weights."), DeadlineMissed("Too late.")])
def test_what_triton_says_is_the_jobs_end(shop: Shop, fault: ArtifactMissing | DeadlineMissed) -> None:
    """A typed error of the stream is the job's, word for word."""
    height, act = shop.new()
    act.faults = [fault]
    done = shop.ended(shop.accepted(height, "studio", **PRO), "studio")
    assert (done["state"], done["problem"]) == ("failed", {"code": fault.code, "detail": str(fault)})


@pytest.mark.parametrize(("times", "state"), [(1, "done"), (3, "failed")])
def test_a_full_card_is_waited_for(shop: Shop, times: int, state: str) -> None:
    """A while; then its own sentence ends the job, and the other jobs' circuit stays closed."""
    height, act = shop.new()
    act.faults = [OutOfMemory("No room on the card.") for _ in range(times)]
    done = shop.ended(shop.accepted(height, "studio", **PRO), "studio")
    assert (done["state"], act.calls) == (state, 2 if state == "done" else 3)
    assert (done["problem"] or {}).get("code") == (None if state == "done" else "out_of_memory")
    assert shop.room.triton.state is Circuit.CLOSED


def test_the_finisher_is_part_of_what_was_asked_for(shop: Shop) -> None:
    """The same request renders once; other settings, words or another tier render anew."""
    height, act = shop.new()
    wishes: list[dict[str, object]] = [
        {**PRO, "finisher": '{"steps": 30}'},
        {**PRO, "finisher": '{ "steps": 30 }'},
        {**PRO, "finisher": '{"steps": 31}'},
        {**PRO, "finisher": '{"steps": 30}', "prompt": "a red wall"},
        {**PRO, "finisher": '{"steps": 30}', "negative_prompt": "a red wall"},
        {"tier": "ultra", "finisher": '{"steps": 30}'},
        {},
    ]
    found = [shop.ended(shop.accepted(height, "studio", **wish), "studio")["cached"] for wish in wishes]
    assert found == [False, True, *[False] * 5]
    assert act.calls == 6


def test_a_key_holds_for_one_finisher(shop: Shop) -> None:
    """Other settings under the same idempotency key are another request."""
    height, _ = shop.new()
    replies = [
        shop.post(height, "studio", data={**PRO, "finisher": told}, headers={"Idempotency-Key": "painted"})
        for told in ('{"steps": 30}', '{"steps": 30}', '{"steps": 31}')
    ]
    assert [reply.status_code for reply in replies] == [202, 202, 422]
    assert replies[0].json()["id"] == replies[1].json()["id"]
    assert replies[2].json()["code"] == "key_reused"


def test_the_finisher_waits_with_the_caller(shop: Shop) -> None:
    """POST /v1/tryon answers with the finished picture and its report."""
    body = shop.post(tenant="studio", path="/v1/tryon", data=PRO).json()
    assert body["report"]["finish"]["bucket"] == "1024x1344"
    assert body["stages"] == {"denoise": 0.5}


def test_progress_never_goes_back() -> None:
    """Through the finisher's whole course; a stage that nobody knows is passed over."""
    shares = [share(Told(event["stage"], event.get("step", 0), event.get("steps", 0))) for event, _ in COURSE]
    assert shares == sorted(shares)
    assert share(Told("dance")) is None
