"""A server with the tiny checkpoint installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.triton.embedded import EmbeddedTriton
from tests.triton.finish.served import Served, write_repository


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server."""
    folder = tmp_path_factory.mktemp("finish")
    layout = write_repository(folder / "models")
    with EmbeddedTriton(folder / "models", log=folder / "triton.log") as server:
        yield Served(server, folder / "models", layout)
