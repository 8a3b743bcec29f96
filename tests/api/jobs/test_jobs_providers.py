"""Who renders when Kling does not: the next provider that is set up, where it is certain that nothing is paid twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest

from api.jobs.records import EVENTS, JOBS
from api.providers import budget
from api.providers.base import judge
from api.providers.breaker import Breaker, Circuit
from bridge.errors import ProviderError
from tests.api.jobs.shop import Json, Shop, World, opened
from tests.api.jobs.stage import BAD, Stage
from tests.api.providers import fake_gemini
from tests.api.providers.fake_gemini import API_KEY, FakeGemini
from tests.api.providers.serving import served

OWES = {"faults": [{"code": 1101, "on": "create"}] * 9}
"""Kling's account is in arrears: no task is made, and the circuit opens at once."""


@pytest.fixture(scope="module")
def gemini() -> FakeGemini:
    """The second account."""
    return FakeGemini()


@pytest.fixture(scope="module")
def shop(world: World, gemini: FakeGemini) -> Iterator[Shop]:
    """A service with two providers."""
    with pytest.MonkeyPatch.context() as environment, served(fake_gemini.app_of(gemini)) as url:
        environment.setenv("GEMINI_API_KEY", API_KEY)
        environment.setenv("GEMINI_BASE_URL", url)
        with opened(world, Stage(), f"sqlite:///{world.folder / 'vfr.sqlite'}") as shop:
            yield shop


@pytest.fixture(autouse=True)
def _as_usual(shop: Shop) -> None:
    """Let Kling behave, and forget who did not."""
    shop.world.script()
    shop.room.circuits = {name: Breaker(name) for name in shop.room.providers}


def alone(shop: Shop) -> Json:
    """Hand a job in that only others render; return the answer."""
    reply = shop.post(path="/providers/kling/jobs")
    assert reply.status_code == 202, reply.text
    told: Json = reply.json()
    return told


def test_kling_is_the_first(shop: Shop, gemini: FakeGemini) -> None:
    """While it works nobody else is asked."""
    before = gemini.made
    assert (alone(shop)["provider"], gemini.made) == ("kling", before)


def test_the_next_one_takes_over(shop: Shop, gemini: FakeGemini) -> None:
    """From an account that is in arrears at once, and from an open circuit without asking; paid once each."""
    shop.world.script(**OWES)
    before = gemini.made
    told = [alone(shop), alone(shop)]
    done = [shop.ended(one["job"]) for one in told]
    assert [one["provider"] for one in told] == ["gemini", "gemini"]
    assert [(one["state"], one["provider"]["name"]) for one in done] == [("done", "gemini")] * 2
    assert gemini.made == before + 2
    assert shop.room.circuits["kling"].state is Circuit.OPEN
    asked = [[row.detail.get("provider") for row in shop.rows(EVENTS, job=one["id"])] for one in done]
    assert ["kling" in names for names in asked] == [True, False]
    assert [row.cost for row in shop.rows(budget.TASKS, provider="kling", job=done[0]["id"])] == [0.0]


def test_pictures_that_one_refuses_go_to_nobody_else(shop: Shop, gemini: FakeGemini) -> None:
    """Content rules hold for all of them."""
    shop.world.script(faults=[{"code": 1301, "on": "create"}])
    before = gemini.made
    reply = shop.post(path="/providers/kling/jobs")
    assert (reply.status_code, reply.json()["code"], gemini.made) == (422, "external_bad_input", before)


def out_of_order(seconds: float) -> Breaker:
    """Return a circuit that is open for a while."""

    async def owes() -> None:
        raise ProviderError("The bill is not paid.")

    breaker = Breaker("kling", rest=seconds)
    with suppress(ProviderError):
        asyncio.run(breaker.call(owes, judge))
    return breaker


def test_where_nobody_works_it_is_said_for_how_long(shop: Shop) -> None:
    """502 with ``Retry-After`` of whoever is back first; the job's own problem says it too."""
    shop.room.circuits = {"kling": out_of_order(90), "gemini": out_of_order(20)}
    reply = shop.post(path="/providers/kling/jobs")
    assert (reply.status_code, reply.json()["code"]) == (502, "render_failed")
    assert 15 <= int(reply.headers["retry-after"]) <= 20
    last = max(shop.rows(JOBS), key=lambda row: row.created)
    problem = shop.job(last.id)["problem"]
    assert (problem["code"], 15 <= problem["retry_after"] <= 20) == ("render_failed", True)
    assert shop.rows(budget.TASKS, job=last.id) == []


def test_a_job_stays_where_there_may_be_a_task(shop: Shop, gemini: FakeGemini) -> None:
    """A step that is run again after a crash waits for the circuit, rather than pay another provider."""
    before = gemini.made
    height, act = shop.new()
    act.scores, act.held = [BAD, BAD], True
    job = shop.accepted(height)
    reserved = (job, 1.0, 1000.0, 50, shop.room.clock())
    shop.database.run_here(lambda connection: budget.reserve(connection, "kling", "lumen", *reserved))
    shop.room.circuits = {**shop.room.circuits, "kling": out_of_order(1)}
    act.held = False
    assert shop.ended(job)["provider"]["name"] == "kling"
    assert gemini.made == before
