"""The benchmarks on the real server and the real models."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from benchmarks import load
from benchmarks.inputs import different_requests
from benchmarks.server import Server
from bridge.contracts import TRYON_BASIC
from bridge.triton.client import TritonClient
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.model import Arrays


def infer(client: TritonClient, name: str, **arrays: Any) -> Arrays:
    """Ask one model."""
    return client.infer(name, arrays)


@pytest.fixture
def server(triton: EmbeddedTriton, client: TritonClient) -> Server:
    """The tests' own server, as the benchmarks see it."""
    return Server(triton, {TRYON_BASIC.name: partial(infer, client, TRYON_BASIC.name)}, client)


@pytest.mark.slow
def test_eight_callers_at_once_get_their_own_pictures(server: Server) -> None:
    """Each caller's answer equals, to the last byte, the one that it gets when it is alone."""
    found = load.run(server, different_requests(8), total=8, say=lambda line: None)
    assert (found["requests"], found["wrong"], found["failures"]) == (8, 0, [])


@pytest.mark.slow
def test_memory_does_not_grow_over_200_requests(server: Server) -> None:
    """After the buffers have their size, 100 requests add less than a fortieth of the 3 GB that are allowed."""
    found = load.run(server, different_requests(8), total=200, say=lambda line: None)
    assert (found["wrong"], found["failures"]) == (0, [])
    growth = found["memory"]["growth_mb_per_100"]
    assert growth is not None
    assert growth < 75
