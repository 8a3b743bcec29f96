"""What the finisher's tests share: the tiny checkpoint, and the repository in which it is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.finish import exported


@pytest.fixture(scope="session")
def tiny_repository(request: pytest.FixtureRequest) -> Path:
    """A model repository with the tiny checkpoint's networks; read it only, or copy it."""
    return exported.repository(request.config.cache)
