"""`python -m export scores`: what a person sees."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from export.__main__ import app
from export.scores import command


def said(*words: str) -> tuple[int, str]:
    """Run a command; return its exit status and its words without line breaks."""
    done = CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
    return done.exit_code, " ".join(done.output.split())


def test_help_names_every_option() -> None:
    """And every network."""
    status, words = said("scores", "--help")
    assert status == 0
    assert all(each in words for each in ("--only", "--half", "--card", "--repository", "clip", "face"))


def test_what_is_missing_is_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all networks at once, and no traceback."""
    monkeypatch.setenv("VFR_ARTIFACTS", str(tmp_path))
    status, words = said("scores", "--repository", str(tmp_path / "models"))
    ids = "clip_vit_large_patch14 alexnet lpips_alex aesthetic_predictor auraface"
    assert status == 1
    assert "ArtifactMissing: clip_vit_large_patch14 and alexnet" in words
    assert f"`python -m export fetch {ids}`" in words
    status, words = said("scores", "--only", "face", "--repository", str(tmp_path / "models"))
    assert "auraface is not on this machine" in words
    assert not (tmp_path / "models").exists()


def test_an_unknown_card_or_network_is_told(
    sources: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With those that there are."""
    monkeypatch.setattr(command, "locate", lambda *_: sources)
    status, words = said("scores", "--only", "aesthetic", "--card", "l5", "--repository", str(tmp_path))
    assert (status, "no card 'l5'" in words) == (1, True)
    status, words = said("scores", "--only", "beauty")
    assert (status, "aesthetic" in words) == (2, True)


def test_what_was_proven_is_shown(
    sources: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How far each output lies from its source, and the bound."""
    monkeypatch.setattr(command, "locate", lambda *_: sources)
    status, words = said("scores", "--only", "aesthetic", "--only", "face", "--repository", str(tmp_path))
    assert status == 0
    assert "face_embed embedding 0.0e+00 0.0e+00 0.0002 onnxruntime 1.2 MB" in words
    assert "aesthetic rating" in words
