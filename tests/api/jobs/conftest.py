"""One running service for each module of tests: starting one takes a third of a second."""

from collections.abc import Iterator

import pytest

from tests.api.jobs.shop import Shop, World, opened, outside
from tests.api.jobs.stage import Stage


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """What is outside of the service."""
    with outside(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture(scope="module")
def shop(world: World) -> Iterator[Shop]:
    """A service on SQLite that takes jobs and executes them."""
    with opened(world, Stage(), f"sqlite:///{world.folder / 'vfr.sqlite'}") as shop:
        yield shop
