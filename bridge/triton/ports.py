"""Where the server listens, and how free ports are kept free until it does."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, fields

from bridge.errors import ServerUnavailable

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """One port per protocol: a number, 0 for any free port, None for not to listen at all."""

    grpc: int | None = 0
    http: int | None = None
    metrics: int | None = None


@contextlib.contextmanager
def reserve(wanted: Ports) -> Iterator[Ports]:
    """Yield the ports with real numbers.

    While the ``with`` lasts, nobody but a server that shares ports (SO_REUSEPORT, as Triton does for gRPC and
    HTTP with ``--reuse-grpc-port`` and ``--reuse-http-port``) can take them. Triton can't share the port of its
    metrics: that one is only known to have been free.

    Raises:
        ServerUnavailable: another program listens on a given port.
    """
    with contextlib.ExitStack() as held:
        numbers: dict[str, int | None] = {}
        for field in fields(wanted):
            port: int | None = getattr(wanted, field.name)
            numbers[field.name] = port if port is None else _hold(port, held, shared=field.name != "metrics")
        yield Ports(**numbers)


def _hold(port: int, held: contextlib.ExitStack, *, shared: bool) -> int:
    if port:
        _bind(port, socket.SO_REUSEADDR).close()  # fails if anybody listens, whether that one shares or not
    guard = _bind(port, socket.SO_REUSEPORT)
    number: int = guard.getsockname()[1]
    if shared:
        held.callback(guard.close)
    else:
        guard.close()
    return number


def _bind(port: int, option: int) -> socket.socket:
    guard = socket.socket()
    guard.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        guard.bind((HOST, port))
    except OSError as error:
        guard.close()
        raise ServerUnavailable(
            f"Port {port} can't be used ({error.strerror}); choose another one."
        ) from error
    return guard
