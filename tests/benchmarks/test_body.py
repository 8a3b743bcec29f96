"""The body of a photo as files: written by the command, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.inputs import person
from bridge.imaging.decode import decode_image
from bridge.imaging.encode import Format, encode_image


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """The photo of an installed package."""
    path = tmp_path / "me.jpg"
    path.write_bytes(encode_image(person(), Format.JPEG))
    return path


def test_a_body_is_written_and_measured(photo: Path, tmp_path: Path) -> None:
    """All files are there; the measurements are those of the file, and the height is the one that was given."""
    out = tmp_path / "mine"
    said = CliRunner().invoke(
        app, ["body", str(photo), "--height", "1680", "--texture", "128", "--out", str(out)]
    )
    assert said.exit_code == 0, said.output
    assert {path.name for path in out.iterdir()} == {
        *("body.obj", "body.mtl", "body.npz", "keypoints.json", "texture.png", "texture_seen.png"),
        *("texture_parts.png", "depth.png", "normals.png", "over_photo.png"),
    }
    measured = json.loads((out / "keypoints.json").read_text())["measurements_cm"]
    assert measured["height"] == pytest.approx(168, abs=2)
    assert all(f"{value:.1f}" in said.output for value in measured.values())
    assert "guess" not in said.output
    photo_, over = (decode_image(path.read_bytes()) for path in (photo, out / "over_photo.png"))
    assert photo_.shape == over.shape


def test_a_height_that_cannot_be_is_told(photo: Path, tmp_path: Path) -> None:
    """In one sentence; nothing is written."""
    said = CliRunner().invoke(app, ["body", str(photo), "--height", "168", "--out", str(tmp_path / "mine")])
    assert (said.exit_code, (tmp_path / "mine").exists()) == (1, False)
    assert "give 1000 to 2500 mm" in said.output
