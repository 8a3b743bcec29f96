"""A server with four tiny models, for what must not be tried on the real ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.triton.client import TritonClient
from bridge.triton.embedded import EmbeddedTriton
from tests.triton.tiny import CONTRACTS, write_repository


@pytest.fixture(scope="session")
def tiny_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTriton]:
    """The server."""
    folder = tmp_path_factory.mktemp("tiny")
    with EmbeddedTriton(write_repository(folder / "models"), log=folder / "triton.log") as server:
        yield server


@pytest.fixture(scope="session")
def tiny(tiny_server: EmbeddedTriton) -> Iterator[TritonClient]:
    """Its client."""
    with TritonClient(tiny_server.url, contracts=CONTRACTS) as client:
        yield client
