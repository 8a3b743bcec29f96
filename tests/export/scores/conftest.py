"""The learned scores' networks, small and of random weights, as files and installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.scores import exported, tiny


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The files as they would be published, by their ids; read them only."""
    return tiny.write(tmp_path_factory.mktemp("scores"))


@pytest.fixture(scope="session")
def repository(request: pytest.FixtureRequest) -> Path:
    """A model repository with all four networks; read it only, or copy it."""
    return exported.repository(request.config.cache)
