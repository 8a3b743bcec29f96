"""The guard before strangers' addresses: what it refuses, that nothing inside is touched, what it lets through."""

import asyncio
import socket
import threading
import time
from pathlib import Path

import pytest

from api.security.networks import is_public
from api.security.ssrf import ANSWER_BYTES, Guard, resolve
from bridge.errors import UrlRefused
from tests.api.security.hosts import OK, Names, Script, Wire, certified, serving

PUBLIC = "93.184.216.34"
LIES = {
    "localhost": [["127.0.0.1", "::1"]],
    "inside_example": [["127.0.0.1"]],
    "mixed_example": [[PUBLIC, "127.0.0.1"]],
    "metadata_google_internal": [["169.254.169.254"]],
    "mapped_example": [["::ffff:127.0.0.1"]],
    "nothing_example": [[]],
}
ATTACKS = [
    "https://127.0.0.1:{port}/",
    "https://localhost:{port}/",
    "https://localhost.:{port}/",
    "https://inside.example:{port}/",
    "https://mixed.example:{port}/",
    "https://mapped.example:{port}/",
    "https://[::1]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[::127.0.0.1]:{port}/",
    "https://0.0.0.0:{port}/",
    "https://[::]:{port}/",
    "https://127.1:{port}/",
    "https://2130706433:{port}/",
    "https://0x7f000001:{port}/",
    "https://0177.0.0.1:{port}/",
    "https://127。0。0。1:{port}/",
    "https://%31%32%37.0.0.1:{port}/",
    "https://public.example@127.0.0.1:{port}/",
    "https://public.example\\@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}\\@public.example/",
    "https://127.0.0.1%00.public.example:{port}/",
    "https://[fe80::1%25lo]:{port}/",
    "https://metadata.google.internal:{port}/computeMetadata/v1/",
    "https://169.254.169.254:{port}/latest/meta-data/",
    "https://192.0.0.192:{port}/opc/v2/",
    "https://[64:ff9b::7f00:1]:{port}/",
    "https://[2002:7f00:1::]:{port}/",
    "https://[fd00:ec2::254]:{port}/",
    "https://10.0.0.1:{port}/",
    "https://nothing.example:{port}/",
    "http://127.0.0.1:{port}/",
    "http://public.example/",
    "https://public.example:22/",
    "https://public.example:8443/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "//127.0.0.1:{port}/",
    "https:///",
    "https://",
    "127.0.0.1:{port}",
    "https://public.example\r\nHost: inside/",
    "https://public_example:{port}/",
    "https://" + "a" * 3000,
    "",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_inside_is_touched(attack: str) -> None:
    """Neither GET nor POST reaches the server behind the address, nor any other."""

    async def attempt() -> None:
        wire = Wire()
        async with serving() as inside:
            names = Names(public_example=[[PUBLIC]], **LIES)
            guard = Guard(ports=frozenset({443, inside.port}), resolve=names, network=wire)
            url = attack.replace("{port}", str(inside.port))
            with pytest.raises(UrlRefused, match=r"Please"):
                await guard.fetch(url, most_bytes=100)
            with pytest.raises(UrlRefused, match=r"Please"):
                await guard.post(url, b"{}", {})
            assert (inside.touched, wire.called) == (0, [])

    asyncio.run(attempt())


def test_the_attacks_would_work_without_the_guard() -> None:
    """The server behind the addresses is there: an open guard gets its secret."""

    async def attempt() -> bytes:
        async with serving() as inside:
            guard = Guard(allow_private=True, resolve=Names(**LIES), network=Wire())
            return await guard.fetch(f"http://inside.example:{inside.port}/", most_bytes=100)

    assert asyncio.run(attempt()) == b"SECRET"


def test_a_name_that_changes_its_mind_gains_nothing() -> None:
    """DNS rebinding: what was checked is what is called, and the name is asked once."""

    async def attempt() -> tuple[list[str], list[str], int]:
        names, wire = Names(rebind_example=[[PUBLIC], ["127.0.0.1"]]), Wire()
        async with serving() as inside:
            guard = Guard(ports=frozenset({inside.port}), resolve=names, network=wire)
            with pytest.raises(UrlRefused, match="could not be reached"):
                await guard.fetch(f"https://rebind.example:{inside.port}/", most_bytes=100)
            return names.asked, wire.called, inside.touched

    assert asyncio.run(attempt()) == (["rebind.example"], [PUBLIC], 0)


def test_tls_asks_for_the_name(tmp_path: Path) -> None:
    """The connection goes to a number, yet certificate and Host are the name's; another name's is refused."""
    shown, trusted = certified("shop.example", tmp_path)
    asked: list[str | None] = []
    shown.sni_callback = lambda _, name, __: asked.append(name)

    async def attempt() -> bytes:
        names = Names(shop_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
        async with serving(tls=shown) as host:
            guard = Guard(allow_private=True, resolve=names, trust=trusted)
            content = await guard.fetch(f"https://shop.example:{host.port}/a?b=c#d", most_bytes=6)
            assert host.requests[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
            assert f"Host: shop.example:{host.port}".encode() in host.requests[0]
            for guard_, name in ((guard, "other"), (Guard(allow_private=True, resolve=names), "shop")):
                with pytest.raises(UrlRefused):
                    await guard_.fetch(f"https://{name}.example:{host.port}/", most_bytes=6)
            return content

    assert asyncio.run(attempt()) == b"SECRET"
    assert asked == ["shop.example", "other.example", "shop.example"]


def chunked(*parts: bytes, pause: float = 0.0) -> Script:
    """Return a script that sends parts without saying how much will come."""

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in parts:
            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            await writer.drain()
            await asyncio.sleep(pause)
        writer.write(b"0\r\n\r\n")

    return write


def status(line: str, *headers: str) -> bytes:
    """Return an answer without content."""
    return "\r\n".join([f"HTTP/1.1 {line}", "Content-Length: 0", *headers, "", ""]).encode()


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (OK.replace(b"6", b"101"), "more than"),
        (OK.replace(b"6", b"9" * 5000), "broke off"),
        (OK.replace(b"6", b"-6"), "broke off"),
        (chunked(b"x" * 60, b"x" * 60), "more than"),
        (status("302 Found", "Location: http://127.0.0.1/"), "sends elsewhere"),
        (status("404 Not Found"), "answered 404"),
        (status("204 No Content"), "answered 204"),
        (status("200 OK", "Content-Encoding: gzip"), "compresses"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\nshort", "broke off"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "broke off"),
        (b"220 mail.example ESMTP\r\n", "broke off"),
        (b"", "broke off"),
    ],
)
def test_answers_that_are_not_taken(reply: bytes | Script, words: str) -> None:
    """Too large, elsewhere, packed, cut or no HTTP at all: refused, and with a reason."""

    async def attempt() -> None:
        async with serving(reply) as host:
            with pytest.raises(UrlRefused, match=words):
                await Guard(allow_private=True).fetch(f"http://127.0.0.1:{host.port}/", most_bytes=100)

    asyncio.run(attempt())


def test_an_answer_that_drips_is_left() -> None:
    """Every piece comes in time and the whole would take a minute: the total counts."""

    async def attempt() -> float:
        async with serving(chunked(*[b"x"] * 600, pause=0.1)) as host:
            start = time.perf_counter()
            with pytest.raises(UrlRefused, match="could not be reached"):
                await Guard(allow_private=True).fetch(
                    f"http://127.0.0.1:{host.port}/", most_bytes=1000, seconds=0.5
                )
            return time.perf_counter() - start

    assert asyncio.run(attempt()) < 5.0


def test_what_fits_is_read_to_the_last_byte() -> None:
    """The limit itself is allowed, with and without a length."""

    async def attempt(reply: bytes | Script) -> bytes:
        async with serving(reply) as host:
            return await Guard(allow_private=True).fetch(f"http://127.0.0.1:{host.port}/", most_bytes=6)

    assert asyncio.run(attempt(OK)) == b"SECRET"
    assert asyncio.run(attempt(chunked(b"SEC", b"RET"))) == b"SECRET"


def test_proxies_of_the_environment_are_not_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would resolve the name anew."""

    async def attempt() -> None:
        async with serving() as proxy, serving() as host:
            for name in ("http_proxy", "https_proxy", "all_proxy"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            await Guard(allow_private=True).fetch(f"http://127.0.0.1:{host.port}/", most_bytes=9)
            assert (proxy.touched, host.touched) == (0, 1)

    asyncio.run(attempt())


def test_names_that_are_never_answered_hold_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred lookups that hang leave the threads of all other work free."""
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(5) and [])

    async def attempt() -> float:
        lookups = [asyncio.ensure_future(resolve("slow.example", 443)) for _ in range(100)]
        start = time.perf_counter()
        await asyncio.to_thread(time.perf_counter)
        waited = time.perf_counter() - start
        answered.set()
        await asyncio.gather(*lookups)
        return waited

    assert asyncio.run(attempt()) < 1.0


@pytest.mark.parametrize(
    ("host", "listed"),
    [
        ("cdn.example", True),
        ("CDN.example", True),
        ("a.pictures.example", True),
        ("pictures.example", False),
        ("evilpictures.example", False),
        ("cdn.example.evil.example", False),
        ("xcdn.example", False),
    ],
)
def test_only_listed_hosts_are_asked(host: str, listed: bool) -> None:
    """Where hosts are listed, a host is one of them or lies below one that begins with a dot."""
    hosts = {"cdn.example", ".pictures.example"}
    if listed:
        assert Guard().check(f"https://{host}/x", hosts).path == "/x"
    else:
        with pytest.raises(UrlRefused, match="allowed"):
            Guard().check(f"https://{host}/x", hosts)


def test_a_post_brings_any_answer_home() -> None:
    """Body and headers go out as given; status, headers and the beginning of the body come back."""

    async def attempt(reply: bytes | Script) -> tuple[int, str, int, bytes]:
        async with serving(reply) as host:
            answer = await Guard(allow_private=True).post(
                f"http://127.0.0.1:{host.port}/hook", b'{"a":1}', {"webhook-id": "msg_1"}
            )
            assert len(host.requests) == 1
            return answer.status, answer.headers.get("retry-after", ""), len(answer.body), host.requests[0]

    code, wait, size, request = asyncio.run(attempt(status("429 Slow", "Retry-After: 7")))
    assert (code, wait, size) == (429, "7", 0)
    assert request.startswith(b"POST /hook HTTP/1.1\r\n")
    assert b"webhook-id: msg_1\r\n" in request
    assert request.endswith(b'\r\n\r\n{"a":1}')
    assert asyncio.run(attempt(status("307 Go", "Location: http://127.0.0.1/")))[0] == 307
    assert asyncio.run(attempt(chunked(*[b"x" * 1000] * 1000)))[2] == ANSWER_BYTES


def test_headers_are_not_split() -> None:
    """A value with a line break is refused before anything of it is sent."""

    async def attempt() -> None:
        async with serving() as host:
            with pytest.raises(UrlRefused):
                await Guard(allow_private=True).post(
                    f"http://127.0.0.1:{host.port}/", b"", {"X": "a\r\nEvil: b"}
                )
            assert host.requests == []

    asyncio.run(attempt())


def test_a_faulty_reader_is_not_taken_for_a_faulty_host() -> None:
    """What goes wrong with the content here, as a full disk, keeps its own error."""

    async def attempt() -> None:
        async with serving() as host:
            url = f"http://127.0.0.1:{host.port}/"
            async with Guard(allow_private=True).stream(url, most_bytes=9) as chunks:
                async for _ in chunks:
                    raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        asyncio.run(attempt())


def test_the_next_address_is_tried() -> None:
    """A host that is down at its first address is reached at its second."""

    async def attempt() -> tuple[bytes, list[str]]:
        wire = Wire()
        async with serving() as host:
            names = Names(two_example=[["10.0.0.1", "127.0.0.1"]])
            guard = Guard(allow_private=True, resolve=names, network=wire)
            return await guard.fetch(f"http://two.example:{host.port}/", most_bytes=9), wire.called

    assert asyncio.run(attempt()) == (b"SECRET", ["10.0.0.1", "127.0.0.1"])


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("::ffff:93.184.216.34", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("100.100.100.200", False),
        ("169.254.169.254", False),
        ("168.63.129.16", False),
        ("192.0.0.192", False),
        ("192.88.99.1", False),
        ("198.18.0.1", False),
        ("203.0.113.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("0.1.2.3", False),
        ("::", False),
        ("::1", False),
        ("::127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::a9fe:a9fe", False),
        ("2002:7f00:1::", False),
        ("2001:0:7f00:1::", False),
        ("2001:db8::1", False),
        ("3fff::1", False),
        ("100::1", False),
        ("fc00::1", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("5f00::1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    """One of every kind, among them those that Python calls global."""
    assert is_public(address) == public
