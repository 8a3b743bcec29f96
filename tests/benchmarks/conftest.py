"""Tiny folders of pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.standin import write_pair


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two pairs, one of PNG with a grey mask, one of JPEG with a mask of three channels."""
    write_pair(tmp_path / "pairs" / "first")
    write_pair(tmp_path / "pairs" / "second", seed=5, suffix=".jpg", channels=3)
    return tmp_path / "pairs"
