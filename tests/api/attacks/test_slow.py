"""Callers who take their time, or come too often: each is dropped or refused, while others are served."""

from __future__ import annotations

import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.api.attacks.conftest import House
from tests.api.attacks.house import HEAD_SECONDS, MEAGRE, MOST_STREAMS, SLOW, UPLOAD_SECONDS
from tests.api.attacks.test_wire import BOUNDARY, FORMS, part
from tests.api.scripted import photo


def drip(house: House, head: bytes, drop: bytes, seconds: float) -> tuple[float, bytes]:
    """Send a drop every now and then; return after how many seconds the connection was dropped, and the answer."""
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", house.port), 5) as connection:
        connection.sendall(head)
        connection.settimeout(0.2)
        answer = b""
        while time.monotonic() - start < seconds:
            try:
                connection.sendall(drop)
                came = connection.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not came:
                break
            answer += came
        return time.monotonic() - start, answer


def test_bodies_that_drip(house: House) -> None:
    """A hundred of them, from somebody without a key too, are dropped in time, while others are served."""
    length = "POST {} HTTP/1.1\r\nHost: a\r\nContent-Type: {}\r\n{}\r\n{}\r\n\r\n"
    key = f"Authorization: Bearer {house.keys['acme']}"
    multipart = f"multipart/form-data; boundary={BOUNDARY}"
    begun = part('name="person"; filename="a"', b"")[:-2].decode()
    chunk = f"{len(begun):x}\r\n{begun}\r\n"
    heads = [
        length.format("/v1/jobs", multipart, "Content-Length: 100000", key) + begun,
        length.format("/v1/jobs", multipart, "Transfer-Encoding: chunked", key) + chunk,
        length.format("/v1/artifacts/ensure", "application/json", "Content-Length: 100000", "X-No: key"),
    ]
    drops = [b"a", b"1\r\na\r\n", b"["]
    with ThreadPoolExecutor(100) as pool:
        dripping = [
            pool.submit(drip, house, heads[i % 3].encode(), drops[i % 3], 4 * UPLOAD_SECONDS)
            for i in range(99)
        ]
        assert house.finished("acme", house.hand_in("acme")["id"])["state"] == "done"
        for future in dripping:
            took, answer = future.result()
            assert answer.startswith(b"HTTP/1.1 408"), answer
            assert b"too_slow" in answer
            assert UPLOAD_SECONDS * 0.9 < took < UPLOAD_SECONDS * 3


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("key", ["X-No: key", f"Authorization: Bearer vfr_live_{'0' * 64}"])
def test_pictures_of_strangers_are_not_read(house: House, path: str, key: str) -> None:
    """Who has no key hears so before a byte of the body is taken, and fills neither memory nor disk."""
    kind = f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: 10000000"
    took, answer = drip(
        house, f"POST {path} HTTP/1.1\r\nHost: a\r\n{kind}\r\n{key}\r\n\r\n".encode(), b"a", 5
    )
    assert took < UPLOAD_SECONDS
    assert answer.startswith(b"HTTP/1.1 401")
    assert b"www-authenticate: bearer" in answer.lower()
    assert b'"code":"unauthenticated"' in answer


@pytest.mark.parametrize("path", ["/v1/usage", "/healthz", "/no/such/path"])
def test_bodies_that_nobody_reads(house: House, path: str) -> None:
    """What is answered without its body is answered once, and the connection is closed."""
    head = f"GET {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
    took, answer = drip(house, head.encode(), b"a", 5)
    assert took < 2
    assert answer.count(b"HTTP/1.1") == 1
    assert b"connection: close" in answer.lower()


def test_heads_that_drip(house: House) -> None:
    """Who says nothing, never ends a header, or begins a second request and never ends it, is dropped."""
    begun = b"GET / HTTP/1.1\r\nHost: a\r\nX-A: "
    heads = [b"", begun, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" + begun]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda head: drip(house, head, head and b"a", 4 * HEAD_SECONDS), heads))
    for (took, answer), head in zip(found, heads, strict=True):
        assert HEAD_SECONDS * 0.9 < took < HEAD_SECONDS * 2
        assert answer.count(b"HTTP/1.1") == (b"healthz" in head)


def test_streams_are_counted(house: House) -> None:
    """No tenant holds more streams open than it may; one that is closed makes room, and others are not concerned."""
    job, theirs = (house.hand_in(who, seed=str(SLOW))["id"] for who in ("acme", "rival"))
    with house.caller("acme") as acme, house.caller("rival") as rival, ExitStack() as held:
        streams = [
            held.enter_context(acme.stream("GET", f"/v1/jobs/{job}/events")) for _ in range(MOST_STREAMS)
        ]
        read = [stream.iter_text() for stream in streams]  # kept: one that is dropped closes its stream
        assert all(map(next, read))
        with acme.stream("GET", f"/v1/jobs/{job}/events") as stream:
            assert (stream.status_code, stream.headers["retry-after"]) == (429, "5")
        with rival.stream("GET", f"/v1/jobs/{theirs}/events") as stream:
            assert stream.status_code == 200
        held.close()
        for _ in range(50):
            with acme.stream("GET", f"/v1/jobs/{job}/events") as again:
                if again.status_code == 200:
                    break
            time.sleep(0.1)
        assert again.status_code == 200
        for caller, one in ((acme, job), (rival, theirs)):
            assert caller.delete(f"/v1/jobs/{one}").json()["state"] == "cancelled"


def test_a_rate_holds_against_many_at_once(house: House) -> None:
    """Of 40 requests by 20 threads no more are taken than the terms say; the others hear when to come again."""
    files = {"person": photo(), "garment": photo()}

    def ask(_: int) -> int:
        with house.caller("meagre") as caller:
            answer = caller.post("/v1/jobs", files=files)
        assert answer.status_code in {202, 429}
        assert answer.status_code == 202 or int(answer.headers["retry-after"]) >= 1
        return answer.status_code

    with ThreadPoolExecutor(20) as pool:
        found = Counter(pool.map(ask, range(40)))
    assert MEAGRE <= found[202] <= MEAGRE + 3  # what flows in meanwhile
    assert found[429] == 40 - found[202]
