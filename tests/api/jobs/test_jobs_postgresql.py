"""The same on PostgreSQL, where transactions run side by side: what many do at once, and what is deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.api.jobs import test_jobs_erasing as erasing
from tests.api.jobs import test_jobs_rest as rest
from tests.api.jobs import test_jobs_workflow as workflow
from tests.api.jobs.shop import Shop, World, opened
from tests.api.jobs.stage import Stage
from tests.api.postgres import Postgres


@pytest.fixture(scope="module")
def shop(world: World, postgres: Postgres) -> Iterator[Shop]:
    """A service on PostgreSQL."""
    place = postgres.fresh()
    with opened(world, Stage(), place) as shop:
        yield shop
    postgres.drop(place)


@pytest.mark.parametrize(
    "check",
    [
        rest.test_ten_at_once_with_one_key_are_one_job,
        rest.test_ten_same_requests_at_once_render_once,
        rest.test_the_same_key_finds_the_same_job,
        rest.test_cancelling_reaches_the_model,
        rest.test_events_tell_the_way_in_order,
        erasing.test_an_erased_user_leaves_nothing,
        erasing.test_pictures_go_when_their_time_is_over,
        workflow.test_kling_renders_what_we_can_not,
        workflow.test_an_open_circuit_costs_nothing,
    ],
    ids=lambda check: check.__name__.removeprefix("test_"),
)
def test_as_on_sqlite(shop: Shop, check: Callable[[Shop], None]) -> None:
    """What holds there holds here."""
    check(shop)
