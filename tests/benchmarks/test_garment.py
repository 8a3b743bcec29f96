"""A garment's photo as files: written by the command, and what it prints."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.inputs import drawn, person
from bridge.imaging.decode import decode_image
from bridge.imaging.encode import Format, encode_image

PATTERN = {"garment.obj", "garment.mtl", "garment.json", "garment_front.png"}
DRAPED = {"draped.obj", "draped.mtl", "draped.npz"}


@pytest.fixture
def photos(tmp_path: Path) -> tuple[Path, Path]:
    """A garment that the project draws, and the person of an installed package."""
    garment, wearer = tmp_path / "sweater.png", tmp_path / "me.jpg"
    garment.write_bytes(drawn("sweater"))
    wearer.write_bytes(encode_image(person(), Format.JPEG))
    return garment, wearer


def test_a_pattern_is_written(photos: tuple[Path, Path], tmp_path: Path) -> None:
    """Panels, seams and textures, one for each side that a photo shows, of the fabric that was named."""
    garment, _ = photos
    out = tmp_path / "mine"
    words = ["garment", str(garment), "--back", str(garment), "--fabric", "satin", "--texture", "128"]
    said = CliRunner().invoke(app, [*words, "--out", str(out)])
    assert said.exit_code == 0, said.output
    assert {path.name for path in out.iterdir()} == PATTERN | {"garment_back.png"}
    sewing = json.loads((out / "garment.json").read_text())
    assert (sewing["fabric"], sewing["openings"], sewing["thickness_m"]) == ("satin", 4, 0.005)
    assert str(sewing["vertices"]) in said.output
    assert decode_image((out / "garment_back.png").read_bytes()).shape == (128, 128, 3)


def test_on_a_person_it_is_draped(photos: tuple[Path, Path], tmp_path: Path) -> None:
    """The draped mesh lies beside the pattern, has its vertices, and wears its texture."""
    garment, wearer = photos
    out = tmp_path / "worn"
    words = ["garment", str(garment), "--person", str(wearer), "--texture", "64", "--out", str(out)]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, said.output
    assert {path.name for path in out.iterdir()} == PATTERN | DRAPED
    vertices = json.loads((out / "garment.json").read_text())["vertices"]
    with np.load(io.BytesIO((out / "draped.npz").read_bytes()), allow_pickle=False) as kept:
        assert kept["vertices"].shape == (vertices, 3)
    assert "garment_front.png" in (out / "draped.mtl").read_text()
    assert "mean strain" in said.output


def test_what_can_not_be_used_is_told(photos: tuple[Path, Path], tmp_path: Path) -> None:
    """In one sentence; nothing is written."""
    empty = tmp_path / "empty.jpg"
    empty.write_bytes(b"")
    for words in ([str(empty)], [str(photos[0]), "--person", str(empty)]):
        out = tmp_path / "none"
        said = CliRunner().invoke(app, ["garment", *words, "--texture", "64", "--out", str(out)])
        assert (said.exit_code, out.exists()) == (1, False)
        assert "Traceback" not in said.output
