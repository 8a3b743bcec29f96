"""The service on a stand-in for Triton."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.api.postgres import _shared, database, database_url, postgres, postgres_url, sqlite
from tests.api.scripted import ScriptedTriton, app_on

__all__ = ["_shared", "database", "database_url", "postgres", "postgres_url", "sqlite"]


@pytest.fixture
def scripted() -> ScriptedTriton:
    """The stand-in."""
    return ScriptedTriton()


@pytest.fixture
def rest(scripted: ScriptedTriton) -> Iterator[TestClient]:
    """A caller of the service on the stand-in."""
    with TestClient(app_on(scripted)) as caller:
        yield caller
