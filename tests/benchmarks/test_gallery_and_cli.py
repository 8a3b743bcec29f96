"""The gallery on a stand-in, the sheets, and the command line's help."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import gallery
from benchmarks.__main__ import app
from benchmarks.photos import Photo
from benchmarks.sheet import CAPTION, GAP, Tile, contact_sheet
from bridge.contracts import Category
from bridge.imaging.encode import encode_image
from tests.benchmarks.standin import StandIn, textured


def test_everybody_in_everything_and_failures_are_tiles(tmp_path: Path) -> None:
    """Two people in two garments: three pictures and one sentence, on one sheet and one per category."""
    nobody = encode_image(np.zeros((240, 180, 3), np.uint8))
    people = [Photo("ann", encode_image(textured(0))), Photo("nobody", nobody)]
    garments = [Photo("upper_1", encode_image(textured(1)), Category.UPPER), Photo("broken", b"no picture")]
    fittings = gallery.run(StandIn().models, people, garments, out=tmp_path, say=lambda line: None)
    assert [(f.person, f.garment) for f in fittings] == [
        ("ann", "upper_1"),
        ("ann", "broken"),
        ("nobody", "upper_1"),
        ("nobody", "broken"),
    ]
    assert [f.picture is not None for f in fittings] == [True, False, False, False]
    assert "Nobody was found" in fittings[2].sentence
    assert {path.name for path in tmp_path.iterdir()} == {
        "all.jpg",
        "upper.png",
        "ann__upper_1.jpg",
        "reports.json",
    }
    reports = json.loads((tmp_path / "reports.json").read_text())
    assert reports["ann__upper_1"]["category"] == "upper"
    assert "Nobody was found" in reports["nobody__upper_1"]
    width, height = gallery.TILE
    whole = cv2.imread(str(tmp_path / "all.jpg"))
    assert whole.shape[:2] == (3 * (height + CAPTION + GAP) + GAP, 3 * (width + GAP) + GAP)


@pytest.mark.parametrize("shape", [(400, 100), (100, 400), (40, 40)])
def test_tiles_keep_their_proportions(shape: tuple[int, int]) -> None:
    """A tall, a wide and a small picture fill their tile on one side and are not stretched."""
    red = np.zeros((*shape, 3), np.uint8)
    red[..., 0] = 255
    sheet = contact_sheet([[Tile("red", red)]], width=120, height=160)
    rows, columns = np.nonzero((sheet == (255, 0, 0)).all(axis=2))
    drawn = (np.ptp(rows) + 1, np.ptp(columns) + 1)
    assert drawn[0] / drawn[1] == pytest.approx(shape[0] / shape[1], rel=0.05)
    assert drawn[0] == 160 or drawn[1] == 120


def test_an_empty_tile_is_white_and_a_sentence_is_not() -> None:
    """A failure is seen at once among the pictures."""
    empty = contact_sheet([[Tile("")]], width=120, height=160)
    told = contact_sheet([[Tile("", sentence="Nobody was found in the photo.")]], width=120, height=160)
    assert (empty == 255).all()
    assert (told != 255).any(axis=2).mean() > 0.5


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", ["quality", "latency", "load", "gallery", "demo", "geometry", "body3d"]),
        ("quality", ["--pairs", "--json", "--out", "--local", "--expert"]),
        ("latency", ["--runs", "--json", "--person", "--garment"]),
        ("geometry", ["--runs", "--people", "--json", "--person", "--garment", "--newton"]),
        ("body3d", ["--person", "--garment", "--category", "--out", "--local"]),
        ("load", ["--callers", "--requests", "--json"]),
        ("gallery", ["--people", "--garments", "--pairs", "--photos"]),
    ],
)
def test_help_names_every_way_in(command: str, words: list[str]) -> None:
    """Each command explains itself and its options."""
    shown = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}).invoke(
        app, [*command.split(), "--help"]
    )
    assert shown.exit_code == 0
    assert [word for word in words if word not in shown.output] == []


def test_a_folder_that_does_not_exist_is_told_before_anything_starts(tmp_path: Path) -> None:
    """No server is started for a mistyped path."""
    shown = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["quality", "--pairs", str(tmp_path / "none")])
    assert shown.exit_code == 2
    assert "does not" in shown.output
