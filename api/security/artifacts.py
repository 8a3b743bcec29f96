"""Weights and tables that an administrator names: fetched to the disk, believed only by their SHA-256."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from api.security.ssrf import Guard
from bridge.errors import BadInput, StorageUnavailable, UrlRefused

SUFFIXES = (".safetensors", ".onnx", ".json", ".txt")
"""What may be fetched: formats that run nothing when they are read; no pickle, no archive."""
SECONDS = 1800.0
"""The longest download [s]."""

_DEST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}(?:/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}){0,7}", re.ASCII)
"""Parts that begin with no dot: neither ``..`` nor a file that is hidden, as ours is while it grows."""
_PIECE = 4 * 2**20
"""How much is hashed and written at once [bytes]."""
_STALE = 3600.0
"""After how long without a byte a file that grew is given up for dead [s]."""
_ONE_AT_A_TIME = asyncio.Lock()
"""Whoever hangs up and asks again waits for the first download instead of beginning a second one."""


@dataclass(frozen=True)
class Wanted:
    """A file that shall be there."""

    url: str
    sha256: str  # 64 small hexadecimal digits
    dest: str  # below the folder, with slashes


async def ensure(guard: Guard, folder: Path, wanted: Wanted, most_bytes: int) -> bool:
    """Bring a file unless it is there.

    The file appears whole or not at all, and replaces another one of its name in one step: who has that one open
    keeps reading it.

    Args:
        guard: before the address.
        folder: nothing is written outside of it.
        wanted: what, from where, to where.
        most_bytes: the largest file.

    Returns:
        Whether it was fetched; False: the very file was there.

    Raises:
        BadInput: ``dest`` leads out of the folder or is no kind of file that is kept.
        UrlRefused: the address may not be opened, gives nothing, or gives another file.
        StorageUnavailable: the disk is full or can't be written.
    """
    place = _place(folder, wanted.dest)
    guard.check(wanted.url)
    async with _ONE_AT_A_TIME:
        try:
            if await asyncio.to_thread(_digest, place) == wanted.sha256:
                return False
            await _bring(guard, place, wanted, most_bytes)
        except OSError as error:
            words = "is full" if error.errno == errno.ENOSPC else "can't be written"
            raise StorageUnavailable(f"The folder of artifacts {words}. Nothing was changed.") from error
    return True


def _place(folder: Path, dest: str) -> Path:
    """Return where ``dest`` lies; links below the folder lead nowhere."""
    if not _DEST.fullmatch(dest) or not dest.endswith(SUFFIXES):
        raise BadInput(
            f"dest must be a relative path of letters, digits and ._- that ends with {', '.join(SUFFIXES)}."
        )
    place = folder.resolve() / dest
    if place.resolve() != place or place.is_dir() or any(parent.is_file() for parent in place.parents):
        raise BadInput("dest leads somewhere else than it says. Please choose another one.")
    return place


def _digest(place: Path) -> str | None:
    try:
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


async def _bring(guard: Guard, place: Path, wanted: Wanted, most_bytes: int) -> None:
    """Fetch beside the place, compare, and rename."""
    place.parent.mkdir(parents=True, exist_ok=True)
    _sweep(place.parent)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=place.parent)
    growing = Path(name)
    try:
        digest = await _download(guard, wanted.url, handle, most_bytes)
        if digest != wanted.sha256:
            raise UrlRefused(f"The address gives another file: its SHA-256 is {digest}. Please check both.")
        growing.chmod(0o644)  # the inference server may be another user
        growing.replace(place)
    finally:
        growing.unlink(missing_ok=True)


async def _download(guard: Guard, url: str, handle: int, most_bytes: int) -> str:
    """Write what the address gives to a file that is open; return its SHA-256."""
    digest = hashlib.sha256()
    with os.fdopen(handle, "wb") as file:

        def write(piece: bytes) -> None:
            digest.update(piece)
            file.write(piece)

        piece = bytearray()
        async with guard.stream(url, most_bytes=most_bytes, seconds=SECONDS) as chunks:
            async for chunk in chunks:
                piece += chunk
                if len(piece) >= _PIECE:
                    await asyncio.to_thread(write, bytes(piece))
                    piece.clear()
        await asyncio.to_thread(write, bytes(piece))
        await asyncio.to_thread(_settle, file)
    return digest.hexdigest()


def _settle(file: BinaryIO) -> None:
    """Have the disk hold what the name will promise."""
    file.flush()
    os.fsync(file.fileno())


def _sweep(folder: Path) -> None:
    """Remove what killed processes left half."""
    for half in folder.glob(".*.part"):
        with suppress(FileNotFoundError):
            if half.stat().st_mtime < time.time() - _STALE:
                half.unlink()
