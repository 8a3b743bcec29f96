"""Files that others read while we write, or write while we do."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the only right to make a file; a second process waits here until the first is done.

    The lock is a file beside it that stays: to remove it would let two processes hold two locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def part_of(path: Path) -> Path:
    """Return where a file lies until it is complete, on the same file system."""
    return path.with_name(f".{path.name}.part")


def write(path: Path, content: bytes) -> None:
    """Write a file that appears at once and whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    part.write_bytes(content)
    part.replace(path)
