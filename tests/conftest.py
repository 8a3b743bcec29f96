"""What every area's tests may ask for: the running server, its client, the models in this process, the photos."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.triton.client import TritonClient
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.local import LocalModels

PHOTOS = Path(os.environ.get("VFR_PHOTOS", Path(__file__).parents[2] / "shared" / "photos"))


@pytest.fixture(scope="session", autouse=True)
def _data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Databases and pictures of tests never lie where the user's own do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VFR_DATA", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTriton]:
    """The whole model repository on an embedded server, one for all tests."""
    with EmbeddedTriton(log=tmp_path_factory.mktemp("triton") / "triton.log") as server:
        yield server


@pytest.fixture(scope="session")
def client(triton: EmbeddedTriton) -> Iterator[TritonClient]:
    """A client of that server."""
    with TritonClient(triton.url) as client:
        yield client


@pytest.fixture(scope="session")
def local() -> LocalModels:
    """The same models in this process, loaded when first used."""
    return LocalModels()


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of the research photos; use it with the marker ``photos``."""
    if not PHOTOS.is_dir():
        pytest.skip(f"the research photos are not at {PHOTOS}; VFR_PHOTOS says where they are")
    return PHOTOS
