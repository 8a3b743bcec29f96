"""The store of pictures, on a folder and on a local S3."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from api.storage.blobs import Blobs
from bridge.errors import ConfigError, NotFound, StorageUnavailable

JOB = "tenants/shop/users/-/jobs/0123"
TRICKS = [
    "",
    "/etc/passwd",
    "../x",
    "a/../x",
    "a//b",
    "a/",
    "./a",
    "a/.",
    ".hidden",
    "a\\..\\b",
    "a\0b",
    "a\nb",
    "%2e%2e/x",
    "a#1",
    "ä",
    "a" * 129,
    "/".join("a" * 17),
]


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A local S3 server with a bucket; its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    httpx2.put(f"{url}/pictures", trust_env=False).raise_for_status()
    yield url
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Blobs:
    """An empty store of either kind."""
    if request.param == "folder":
        return Blobs((tmp_path / "blobs").as_uri())
    monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3"))
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return Blobs(f"s3://pictures/{tmp_path.name}")


def test_a_blob_lives_and_dies(blobs: Blobs) -> None:
    """What was put is read, listed below its prefix only, and gone after the deletion."""

    async def life() -> None:
        await blobs.check()
        for name in ("a/1.png", "a/sub/2.png", "ab/3.png"):
            assert await blobs.put(f"{JOB}/{name}", name.encode())
        assert await blobs.put(f"{JOB}/a/1.png", b"other")
        assert await blobs.get(f"{JOB}/a/1.png") == b"other"
        assert await blobs.names(f"{JOB}/a") == [f"{JOB}/a/1.png", f"{JOB}/a/sub/2.png"]
        assert await blobs.delete(f"{JOB}/a") == 2
        assert await blobs.delete(f"{JOB}/a") == 0
        assert not await blobs.exists(f"{JOB}/a/1.png")
        with pytest.raises(NotFound):
            await blobs.get(f"{JOB}/a/1.png")
        assert await blobs.delete(f"{JOB}/ab/3.png") == 1
        assert await blobs.names(JOB) == []

    asyncio.run(life())


def test_of_many_writers_one_wins(blobs: Blobs) -> None:
    """With ``once`` ten writers at the same time leave the picture of exactly one, which knows it."""

    async def race() -> tuple[list[bool], bytes]:
        key = f"{JOB}/result.png"
        won = await asyncio.gather(*(blobs.put(key, bytes([i]) * 9000, once=True) for i in range(10)))
        assert not await blobs.put(key, b"late", once=True)
        return won, await blobs.get(key)

    won, kept = asyncio.run(race())
    assert won.count(True) == 1
    assert kept == bytes([won.index(True)]) * 9000


@pytest.mark.parametrize("key", TRICKS)
def test_path_tricks_name_nothing(tmp_path: Path, key: str) -> None:
    """No key leads out of the folder or to anything but a blob, whatever is done with it."""
    blobs = Blobs((tmp_path / "blobs").as_uri())
    for use in (blobs.put(key, b"x"), blobs.get(key), blobs.exists(key), blobs.names(key), blobs.delete(key)):
        with pytest.raises(NotFound):
            asyncio.run(use)
    assert list(tmp_path.rglob("*")) == [tmp_path / "blobs"]


def test_links_in_the_folder_lead_nowhere(tmp_path: Path) -> None:
    """A planted link is neither read, listed, written through nor emptied."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    blobs = Blobs((tmp_path / "blobs").as_uri())
    (tmp_path / "blobs" / "a").mkdir()
    (tmp_path / "blobs" / "a" / "out").symlink_to(outside)

    async def follow() -> None:
        assert await blobs.names("a") == []
        for use in (blobs.get("a/out/secret"), blobs.put("a/out/new", b"x"), blobs.delete("a/out")):
            with pytest.raises(NotFound):
                await use
        assert await blobs.delete("a") == 0

    asyncio.run(follow())
    assert [file.name for file in outside.iterdir()] == ["secret"]


@pytest.mark.parametrize("kind", ["link", "open to all", "file"])
def test_a_folder_that_others_can_bend_is_refused(tmp_path: Path, kind: str) -> None:
    """The folder must be real, and writable for this user alone."""
    folder = tmp_path / "blobs"
    if kind == "link":
        folder.symlink_to(tmp_path)
    elif kind == "file":
        folder.touch()
    else:
        folder.mkdir()
        folder.chmod(0o777)
    with pytest.raises(ConfigError, match=r"Please"):
        Blobs(folder.as_uri())


@pytest.mark.parametrize("url", ["ftp://x/y", "s3:///x", "folder", "gs://x", ""])
def test_other_stores_are_refused(url: str) -> None:
    """Only a folder and S3 are known."""
    with pytest.raises(ConfigError):
        Blobs(url)


def test_killed_writers_leave_nothing_behind_a_deletion(tmp_path: Path) -> None:
    """The stage file of a writer that was killed is part of what a deletion erases."""
    blobs = Blobs(tmp_path.as_uri())
    asyncio.run(blobs.put("a/b/c.png", b"x"))
    (tmp_path / "a" / "b" / "c.png#1").write_bytes(b"half a photo")
    assert asyncio.run(blobs.delete("a")) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("use", ["put", "get", "check", "names"])
def test_a_store_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch, use: str) -> None:
    """Without a bucket every call but a read of one key says that the store is unavailable."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr("api.storage.blobs._RETRIES", 0)
    blobs = Blobs("s3://pictures")
    arguments = {"put": ("a", b"x"), "get": ("a",), "names": ("a",), "check": ()}[use]
    with pytest.raises(StorageUnavailable, match="store of pictures"):
        asyncio.run(getattr(blobs, use)(*arguments))


def test_a_full_disk_is_told_and_harms_nothing(tmp_path: Path) -> None:
    """On a disk of 256 KiB a large blob is refused as full, then a small one still fits."""
    mount = [
        "unshare",
        "-rm",
        "sh",
        "-c",
        f'mount -t tmpfs -o size=256k,mode=700 none {tmp_path} && exec "$@"',
        "-",
    ]
    if subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    script = f"""
import asyncio
from api.storage.blobs import Blobs
from bridge.errors import StorageUnavailable
blobs = Blobs({tmp_path.as_uri()!r})
async def fill():
    await blobs.put("a/small", b"kept")
    try:
        await blobs.put("a/large", bytes(2**20), once=True)
    except StorageUnavailable as error:
        print(error)
    print(await blobs.exists("a/large"), await blobs.get("a/small"))
    print(await blobs.put("a/large", bytes(2**16), once=True))
asyncio.run(fill())
"""
    root = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    told = subprocess.run(  # its status says nothing: now and then obstore's threads abort an interpreter that ends
        [*mount, sys.executable, "-c", script], capture_output=True, text=True, check=False, env=root
    )
    assert told.stdout.splitlines() == [
        "The store of pictures is full. Please try again later.",
        "False b'kept'",
        "True",
    ], told.stderr
