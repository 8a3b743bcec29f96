"""From a published checkpoint to a picture: what ``python -m export sdxl`` installs is what the server serves."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bridge.checkout import REPOSITORY
from bridge.triton.embedded import EmbeddedTriton
from export.sdxl.choice import Choice
from export.sdxl.install import install
from tests.finish import tiny
from tests.finish.studio import difference, job, reference, studio
from tests.triton.finish.served import Served


@pytest.mark.slow
def test_what_is_installed_is_served(tmp_path: Path) -> None:
    """The checkpoint's folder goes in, diffusers' picture comes out."""
    source = tiny.write(tmp_path / "source") / "base"
    repository = tmp_path / "models"
    shutil.copytree(
        REPOSITORY / "finish", repository / "finish", ignore=shutil.ignore_patterns("*.json", "tokenizer*")
    )
    choice = Choice(str(source), tiny.BUCKETS[:1], licence="Apache-2.0", commercial_use=True)
    layout = install(choice, repository).layout
    with EmbeddedTriton(repository, log=tmp_path / "log") as server:
        each = job(1)
        answer = Served(server, repository, layout).finish(each)[0]
    assert difference(answer.image, reference(studio(), [each])[0]) <= 1
    assert answer.report["sha256"] == layout.sha256
