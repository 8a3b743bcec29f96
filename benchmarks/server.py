"""The models to measure: behind a real Triton, or in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from bridge.contracts import CONTRACTS
from bridge.triton.client import TritonClient
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.local import LocalModels
from bridge.triton.model import Array, Arrays, Models


@dataclass(frozen=True)
class Server:
    """A running embedded Triton and the ways to ask it."""

    triton: EmbeddedTriton
    models: Models
    """Every model of the repository, over gRPC; may be called from many threads."""

    client: TritonClient
    """For what the server says of its models' times."""


@contextmanager
def embedded(*, memo: bool = True) -> Iterator[Server]:
    """Start an embedded Triton on a free port; it ends with the ``with`` block.

    Args:
        memo: whether it may give earlier answers again, which a measurement of its work doesn't want.

    Raises:
        ServerUnavailable: it does not start; the message says why.
    """
    with EmbeddedTriton(memo=memo) as server, TritonClient(server.url) as client:
        yield Server(server, {name: partial(_infer, client, name) for name in CONTRACTS}, client)


@contextmanager
def open_models(*, local: bool) -> Iterator[Models]:
    """Give every model: in this process when ``local``, else behind an embedded Triton."""
    if local:
        yield LocalModels()
        return
    with embedded() as server:
        yield server.models


def _infer(client: TritonClient, name: str, **arrays: Array) -> Arrays:
    return client.infer(name, arrays)
