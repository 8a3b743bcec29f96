"""The models to measure: behind a real Triton, or in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import tritonclient.grpc as triton

from bridge.triton.model import Models


@dataclass(frozen=True)
class Server:
    """A running embedded Triton."""

    models: Models
    """Every model of the repository, asked over gRPC; may be called from many threads."""

    client: triton.InferenceServerClient
    """For the server's own statistics."""

    pid: int
    """The server's process; its models' processes are its children."""

    ready_seconds: float
    """From its start to its being ready [s]."""


@contextmanager
def embedded() -> Iterator[Server]:
    """Start an embedded Triton on free ports; it ends with the ``with`` block."""
    raise NotImplementedError
    yield


@contextmanager
def open_models(*, local: bool) -> Iterator[Models]:
    """Give every model: in this process when ``local``, else behind an embedded Triton."""
    if local:
        from bridge.triton.local import LocalModels

        yield LocalModels()
    else:
        with embedded() as server:
            yield server.models
