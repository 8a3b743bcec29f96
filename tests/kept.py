"""Folders that tests make once and keep between runs, for as long as what they are made from stays the same."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

_KEPT = 3600.0
"""How long another state's folder stays [s]: tests that began before a change may still read it."""


def kept_folder(
    cache: pytest.Cache,
    name: str,
    sources: Iterable[str],
    packages: Iterable[str],
    apart: frozenset[str] = frozenset(),
) -> Path:
    """Return the folder of this very state; those that were made an hour before are taken away.

    Args:
        cache: pytest's, which lies in the checkout.
        name: of what is kept.
        sources: files, and folders of modules, that it depends on; below the checkout.
        packages: whose versions it depends on.
        apart: modules of those folders that take no part in it, without ``.py``.
    """
    kept = cache.mkdir(name)
    digest = hashlib.sha256(" ".join(version(package) for package in packages).encode())
    for source in sources:
        path = ROOT / source
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            digest.update(b"" if file.stem in apart else file.read_bytes())
    folder = kept / digest.hexdigest()[:16]
    for other in set(kept.iterdir()) - {folder}:
        if time.time() - other.stat().st_mtime > _KEPT:
            shutil.rmtree(other)
    folder.mkdir(exist_ok=True)
    return folder
