"""The paired protocol on tiny folders and a stand-in whose answers are known."""

from __future__ import annotations

import io
import json
import re
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from benchmarks import quality
from benchmarks.metrics import Metrics
from benchmarks.photos import category_of, gather, pair_folders
from benchmarks.tables import of_quality
from bridge.contracts import Category, Expert
from bridge.errors import BadInput
from bridge.triton.model import Arrays
from tests.benchmarks.standin import StandIn

KEYS = [
    "ssim",
    "ssim_masked",
    "flat_ssim",
    "flat_ssim_masked",
    "colour_error",
    "detail",
    "print_error",
    "outside_change",
    "seconds",
]


def silent(line: str) -> None:
    """Nobody listens."""


def test_the_json_has_exactly_the_agreed_keys(pairs: Path) -> None:
    """Two pairs and their mean, each with the nine measures and nothing else; it survives JSON."""
    found = quality.run(StandIn().models, pairs, out=None, say=silent)
    data = json.loads(json.dumps(found.to_json()))
    assert list(data) == ["pairs", "mean", "experts"]
    assert list(data["pairs"]) == ["first", "second"]
    assert [list(row) for row in (*data["pairs"].values(), data["mean"])] == [KEYS] * 3
    assert [field.name for field in fields(Metrics)] == KEYS


def test_the_truth_scores_perfectly_and_the_control_does_not(pairs: Path) -> None:
    """The person's own photo as the answer: similarity 1, its flat-paint control far less."""
    row = quality.run(StandIn(colour=None).models, pairs, out=None, say=silent).pairs["first"]
    assert (row.ssim, row.ssim_masked, row.outside_change) == (1.0, 1.0, 0)
    assert row.detail == pytest.approx(1.0)
    assert row.flat_ssim_masked is not None
    assert row.flat_ssim_masked < 0.3


def test_flat_paint_is_its_own_control(pairs: Path) -> None:
    """A result that is already one colour has hardly any detail and about its control's similarity."""
    row = quality.run(StandIn(colour=128).models, pairs, out=None, say=silent).pairs["first"]
    assert row.detail == pytest.approx(0.0, abs=1e-3)
    assert row.ssim == pytest.approx(row.flat_ssim, abs=0.02)
    assert row.print_error is None


def test_the_table_shows_every_measure_in_80_columns(pairs: Path) -> None:
    """Figures are cut nowhere, and what was not measured is a dash."""
    console = Console(width=80, record=True, quiet=False, file=io.StringIO())
    console.print(of_quality(quality.run(StandIn(128).models, pairs, out=None, say=silent)))
    shown = console.export_text()
    assert "…" not in shown
    assert re.search(r"^\s*second\s.*\s-\s+0\s+\d+\.\d\d\s*$", shown, flags=re.MULTILINE)


@pytest.mark.parametrize(("asked", "used"), [("auto", "warp"), ("drape", "drape")])
def test_the_expert_that_was_used_is_named(pairs: Path, asked: str, used: str) -> None:
    """What was asked for reaches the try-on; what its reports say is in the data and in the table."""
    found = quality.run(StandIn().models, pairs, out=None, say=silent, expert=Expert(asked))
    assert found.to_json()["experts"] == {"first": used, "second": used}
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(of_quality(found))
    assert console.export_text().count(used) == 2


def test_a_failed_pair_does_not_stop_the_others(pairs: Path) -> None:
    """A photo that shows nobody, a folder without a garment, a mask without white: each is told in words."""
    nobody = np.zeros((240, 180, 3), np.uint8)
    for name in ("nobody", "no garment", "no mask"):
        (pairs / name).mkdir()
        for picture in ("person", "garment", "mask"):
            cv2.imwrite(str(pairs / name / f"{picture}.png"), nobody + 255 * (name != "nobody"))
    cv2.imwrite(str(pairs / "no mask" / "mask.png"), nobody)
    (pairs / "no garment" / "garment.png").unlink()
    found = quality.run(StandIn().models, pairs, out=None, say=silent)
    assert set(found.pairs) == {"first", "second"}
    assert "Nobody was found" in found.failures["nobody"]
    assert "no picture named garment" in found.failures["no garment"]
    assert "no white" in found.failures["no mask"]


def test_a_fault_of_ours_does_not_stop_the_others_either(pairs: Path) -> None:
    """An error that nobody foresaw costs its own pair only, and is told by its name."""

    class Faulty(StandIn):
        def __call__(self, **arrays: object) -> Arrays:
            if self.asked == 0:
                self.asked += 1
                raise ZeroDivisionError("by a stand-in")
            return super().__call__(**arrays)

    found = quality.run(Faulty().models, pairs, out=None, say=silent)
    assert found.failures == {"first": "ZeroDivisionError: by a stand-in"}
    assert set(found.pairs) == {"second"}


def test_an_answer_that_changes_is_a_failure(pairs: Path) -> None:
    """The same request must give the same picture; a stand-in that drifts is found out."""

    class Drifting(StandIn):
        def __call__(self, **arrays: object) -> Arrays:
            self.colour = 90 + self.asked
            return super().__call__(**arrays)

    found = quality.run(Drifting().models, pairs, out=None, say=silent)
    assert not found.pairs
    assert "two different pictures" in found.failures["first"]


def test_the_pictures_lie_side_by_side(pairs: Path, tmp_path: Path) -> None:
    """One sheet per pair: person, garment, agnostic, result, truth, difference in one row."""
    quality.run(StandIn().models, pairs, out=tmp_path / "out", say=silent)
    sheets = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in sheets] == ["first.png", "second.png"]
    picture = cv2.imread(str(sheets[0]))
    assert picture.shape[1] > 6 * quality.TILE[0]
    assert quality.TILE[1] < picture.shape[0] < 2 * quality.TILE[1]


def test_a_folder_without_pairs_says_what_it_must_hold(tmp_path: Path) -> None:
    """The sentence names the folder and the form."""
    with pytest.raises(BadInput, match="folders with person, garment and mask"):
        pair_folders(tmp_path)


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("upper_02015", Category.UPPER),
        ("dress_1", Category.DRESS),
        ("LOWER_1", Category.LOWER),
        ("00055_00", Category.AUTO),
        ("dressing", Category.AUTO),
    ],
)
def test_a_file_name_may_claim_a_category(name: str, category: Category) -> None:
    """Only a whole word before the first underscore counts."""
    assert category_of(name) is category


def test_people_and_garments_of_pairs_join_in(pairs: Path, tmp_path: Path) -> None:
    """A folder that does not exist adds nothing; no folder at all is told in words."""
    people, garments = gather(tmp_path / "none", tmp_path / "none", pairs)
    assert [photo.name for photo in people] == [photo.name for photo in garments] == ["first", "second"]
    with pytest.raises(BadInput, match="No photos of people"):
        gather(tmp_path / "none", tmp_path / "none", tmp_path / "none")
