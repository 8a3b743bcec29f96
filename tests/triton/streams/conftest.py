"""A server with a model that takes steps and one that makes them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.triton.client import TritonClient
from bridge.triton.embedded import EmbeddedTriton
from export.pbtxt import Tuning, render
from tests.triton.streams import step_model, walk_model
from tests.triton.streams.walk_model import STEP, WALK
from tests.triton.tiny import write_model

CONTRACTS = {contract.name: contract for contract in (STEP, WALK)}


def write_walk(folder: Path) -> Path:
    """Write both models; a call to ``step`` waits 2 ms for company."""
    write_model(folder, "walk", render(WALK, Tuning()))
    write_model(folder, "step", render(STEP, Tuning(max_queue_delay_us=2000)))
    shutil.copy(walk_model.__file__, folder / "walk" / "1" / "model.py")
    shutil.copy(step_model.__file__, folder / "step" / "1" / "model.py")
    return folder


@pytest.fixture(scope="session")
def walk_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTriton]:
    """The server."""
    folder = tmp_path_factory.mktemp("walk")
    with EmbeddedTriton(write_walk(folder / "models"), log=folder / "triton.log") as server:
        yield server


@pytest.fixture(scope="session")
def walk(walk_server: EmbeddedTriton) -> Iterator[TritonClient]:
    """Its client."""
    with TritonClient(walk_server.url, contracts=CONTRACTS) as client:
        yield client
