"""The tiny checkpoint and the repository that is made of it, shared with the finisher's own tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.finish import exported


@pytest.fixture(scope="session")
def checkpoint(request: pytest.FixtureRequest) -> Path:
    """The tiny checkpoint as it would be published; read it only."""
    return exported.checkpoint(request.config.cache)


@pytest.fixture(scope="session")
def tiny_repository(request: pytest.FixtureRequest) -> Path:
    """A model repository with the tiny checkpoint's networks; read it only, or copy it."""
    return exported.repository(request.config.cache)
