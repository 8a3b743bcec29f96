"""``POST /v1/artifacts/ensure``: who may ask, what is brought, where it may lie."""

import asyncio
import hashlib
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from api import problems
from api.middleware import Observed
from api.routes import artifacts
from api.security.artifacts import Wanted, ensure
from api.security.caller import Caller
from api.security.keys import Scope
from api.security.ssrf import Guard
from api.security.tenants import Tenant
from api.settings import Settings
from api.telemetry.metrics import Metrics
from bridge.errors import Unauthenticated
from tests.api.security.hosts import Host, Script, serving

CONTENT = os.urandom(2**20)
ADMIN = Tenant(id="operations", plan="payg", admin=True)
SHA = hashlib.sha256(CONTENT).hexdigest()
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CONTENT) + CONTENT


def ask(
    folder: Path,
    *wishes: dict[str, str],
    reply: bytes | Script = REPLY,
    tenant: Tenant | None = ADMIN,
    between: Callable[[], Any] = lambda: None,
    **settings: Any,
) -> tuple[list[httpx2.Response], Host]:
    """Ask for files one after the other; ``{port}`` in an address is the port of a server that gives the file."""
    app = FastAPI()
    known = Settings(data=folder, **{"allow_private_urls": True, **settings})
    app.add_middleware(Observed, metrics=Metrics())
    problems.install(app)

    async def authenticate(*_: object) -> Caller:
        if tenant is None:
            raise Unauthenticated("Please send an API key.")
        return Caller(tenant, None, frozenset(Scope))

    app.state.service = SimpleNamespace(
        settings=known,
        room=SimpleNamespace(guard=Guard(allow_private=known.allow_private_urls)),
        authenticator=SimpleNamespace(authenticate=authenticate),
    )
    app.include_router(artifacts.router)

    async def run() -> tuple[list[httpx2.Response], Host]:
        transport = httpx2.ASGITransport(app)
        replies = []
        async with (
            serving(reply) as host,
            httpx2.AsyncClient(transport=transport, base_url="http://t") as caller,
        ):
            for wish in wishes:
                body = {**wish, "url": wish["url"].replace("{port}", str(host.port))}
                replies.append(await caller.post("/v1/artifacts/ensure", json=body))
                between()
        return replies, host

    return asyncio.run(run())


def wish(
    dest: str = "clip/image.onnx", sha: str = SHA, url: str = "http://127.0.0.1:{port}/x"
) -> dict[str, str]:
    """Return what is asked for."""
    return {"url": url, "sha256": sha, "dest": dest}


def test_a_file_is_brought_once(tmp_path: Path) -> None:
    """The second time nothing is fetched; a file that was damaged is brought anew."""
    place = tmp_path / "artifacts" / "clip" / "image.onnx"

    def damage() -> None:
        place.write_bytes(place.read_bytes()[:-1])

    (first, second), host = ask(tmp_path, wish(), wish())
    assert [reply.json() for reply in (first, second)] == [{"changed": True}, {"changed": False}]
    assert host.touched == 1
    assert place.read_bytes() == CONTENT
    (_, mended), _ = ask(tmp_path, wish(), wish(), between=damage)
    assert mended.json() == {"changed": True}
    assert sorted(file.name for file in (tmp_path / "artifacts").rglob("*")) == ["clip", "image.onnx"]


@pytest.mark.parametrize(
    ("tenant", "status", "code"),
    [(None, 401, "unauthenticated"), (Tenant(id="operations", plan="payg", admin=False), 403, "refused")],
)
def test_only_administrators_may(tmp_path: Path, tenant: object, status: int, code: str) -> None:
    """Nobody else makes this server fetch anything."""
    (reply,), host = ask(tmp_path, wish(), tenant=tenant)
    assert (reply.status_code, reply.json()["code"], host.touched) == (status, code, 0)


@pytest.mark.parametrize(
    "dest",
    [
        "/etc/cron.d/x.txt",
        "../x.txt",
        "a/../../x.txt",
        "a/./x.txt",
        "a//x.txt",
        "./x.txt",
        ".ssh/authorized_keys.txt",
        "a\\..\\x.txt",
        "a\0.txt",
        "a\n.txt",
        "x.txt\n",
        "~/x.txt",
        "C:x.txt",
        "%2e%2e/x.txt",
        "x.pt",
        "x.pkl",
        "x.bin",
        "x.tar",
        "x.so",
        "x.onnx/",
        "x",
        ".txt",
        "",
        "/".join("a" * 9) + ".txt",
        "out/x.txt",
        "link.txt",
        "folder.txt",
        "file.txt/x.txt",
    ],
)
def test_path_tricks_write_nothing(tmp_path: Path, dest: str) -> None:
    """Nothing is fetched for a place outside of the folder, behind a link, or of another kind."""
    folder = tmp_path / "artifacts"
    folder.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.txt").write_text("kept")
    (folder / "out").symlink_to(outside)
    (folder / "link.txt").symlink_to(outside / "x.txt")
    (folder / "folder.txt").mkdir()
    (folder / "file.txt").touch()
    before = sorted(tmp_path.rglob("*"))
    (reply,), host = ask(tmp_path, wish(dest))
    assert (reply.status_code, reply.json()["code"], host.touched) == (422, "bad_input", 0)
    assert sorted(tmp_path.rglob("*")) == before
    assert (outside / "x.txt").read_text() == "kept"


@pytest.mark.parametrize(
    ("asked", "reply", "settings", "words"),
    [
        (wish(sha="0" * 64), REPLY, {}, "another file"),
        (wish(), REPLY[:-1], {}, "broke off"),
        (wish(), b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", {}, "answered 404"),
        (wish(), REPLY.replace(b"Length: 1048576", b"Length: 1048577"), {"max_artifact_mb": 1}, "more than"),
        (wish(), REPLY, {"allow_private_urls": False}, "https://"),
        (wish(url="https://127.0.0.1/x"), REPLY, {"allow_private_urls": False}, "public"),
    ],
)
def test_what_is_not_the_file_is_not_kept(
    tmp_path: Path, asked: dict[str, str], reply: bytes, settings: dict[str, Any], words: str
) -> None:
    """Another, a cut, a missing, a too large or an inner one: refused, and the old file stays."""
    place = tmp_path / "artifacts" / "clip" / "image.onnx"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"old")
    (answer,), _ = ask(tmp_path, asked, reply=reply, **settings)
    assert (answer.status_code, answer.json()["code"]) == (422, "url_refused")
    assert words in answer.json()["detail"]
    assert [(file.name, file.read_bytes()) for file in place.parent.iterdir()] == [("image.onnx", b"old")]


@pytest.mark.parametrize(
    "odd",
    [
        {**wish(), "sha256": SHA.upper()},
        {**wish(), "sha256": SHA + "\n"},
        {**wish(), "mode": "0777"},
        {"url": "https://x.example/"},
        {**wish(), "url": "https://" + "x" * 3000},
    ],
)
def test_odd_wishes_are_refused(tmp_path: Path, odd: dict[str, str]) -> None:
    """Before anything is fetched."""
    (reply,), host = ask(tmp_path, odd)
    assert (reply.status_code, host.touched) == (422, 0)


def test_halves_of_killed_processes_are_swept(tmp_path: Path) -> None:
    """Old ones go; one that grows now stays."""
    folder = tmp_path / "artifacts" / "clip"
    folder.mkdir(parents=True)
    for name, age in (("old", 7200), ("young", 5)):
        (folder / f".{name}.part").touch()
        os.utime(folder / f".{name}.part", (time.time() - age,) * 2)
    ask(tmp_path, wish())
    assert sorted(file.name for file in folder.iterdir()) == [".young.part", "image.onnx"]


def test_asking_twice_at_once_fetches_once(tmp_path: Path) -> None:
    """Who lost patience and asks again gets what the first call brings."""

    async def run() -> tuple[list[bool], int]:
        async with serving(REPLY) as host:
            wanted = Wanted(f"http://127.0.0.1:{host.port}/", SHA, "x.onnx")
            guard = Guard(allow_private=True)
            calls = [ensure(guard, tmp_path, wanted, 2**20) for _ in range(3)]
            return list(await asyncio.gather(*calls)), host.touched

    changed, touched = asyncio.run(run())
    assert (changed.count(True), touched) == (1, 1)


def test_a_disk_that_takes_no_more_is_told(tmp_path: Path) -> None:
    """The system's limit of a file's size stands for the disk's: 503, and nothing half is left."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, hard))
    try:
        (reply,), _ = ask(tmp_path, wish())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert (reply.status_code, reply.json()["code"]) == (503, "storage_unavailable")
    assert list((tmp_path / "artifacts" / "clip").iterdir()) == []
