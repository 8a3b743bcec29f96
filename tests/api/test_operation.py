"""Sockets that the service listens on."""

from __future__ import annotations

import socket

from api.operation import bound


def test_an_answer_leaves_at_once() -> None:
    """A connection that is accepted waits for no acknowledgement before it sends the rest (Nagle's algorithm)."""
    with (
        bound("127.0.0.1", 0, "--port") as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
