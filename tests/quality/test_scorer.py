"""The model `score`: its report, field by field, and its remarks."""

from __future__ import annotations

import json
from typing import Any, get_type_hints

import cv2
import numpy as np
import pytest

from bridge.contracts import SCORE, Category, Label, Part
from bridge.quality.remarks import cut_edges, remarks
from bridge.quality.report import NETWORKS, Report, Scores, WeightFree, not_measured
from bridge.triton.local import LocalModels
from tests.quality.shirt import SHAPE, inputs


def score(**changed: Any) -> dict[str, Any]:
    """The report of one picture."""
    report: dict[str, Any] = json.loads(LocalModels()["score"](**inputs(**changed))["report"][0])
    return report


def test_the_inputs_are_the_contracts() -> None:
    """This test feeds the model exactly what the ensemble feeds it."""
    assert inputs().keys() == {tensor.name for tensor in SCORE.inputs}


def test_the_report_has_the_fields_that_it_documents() -> None:
    """The JSON holds every documented key in the documented order, and nothing else; no network is installed."""
    report = score()
    assert list(report) == list(get_type_hints(Report))
    assert list(report["scores"]) == list(get_type_hints(WeightFree))
    assert report["not_measured"] == not_measured(())
    assert {*report["scores"], *NETWORKS} == set(get_type_hints(Scores))


def test_a_perfect_picture_scores_perfectly() -> None:
    """The product's own pixels, all seen, nothing else touched."""
    report = score()
    assert report["scores"] == {
        "protected_identity": 1.0,
        "garment_colour": 1.0,
        "garment_detail": 1.0,
        "garment_print": 1.0,
        "leak_iou": 1.0,
        "old_garment_left": 0.0,
        "coverage": 1.0,
        "hem_visible": 1.0,
        "collar_visible": 1.0,
        "hem_line": 1.0,
        "collar_line": 1.0,
    }
    assert report["warnings"] == []
    assert (report["category"], report["expert"], report["seed"]) == ("upper", "warp", 7)
    assert report["sizes"] == {"photo": [192, 256], "garment": [192, 256]}


def test_the_report_names_the_seed_that_was_used() -> None:
    """The caller's own seed comes back; without one it is derived, and other pictures give another."""
    used = [score(seed=np.array([7], np.int64))["seed"], score(seed=np.array([-1], np.int64))["seed"]]
    other = score(seed=np.array([-1], np.int64), image=np.full((*SHAPE, 3), 121, np.uint8))["seed"]
    assert used[0] == 7
    assert used[1] == score(seed=np.array([-1], np.int64))["seed"] >= 0
    assert used[1] != other


def test_a_lower_garment_has_no_collar() -> None:
    """Trousers' waistband is no neckline."""
    report = score(garment_category=np.array([b"lower"], np.object_))
    assert report["scores"]["collar_visible"] is None
    assert report["scores"]["collar_line"] is None


def test_a_picture_without_a_garment_says_so() -> None:
    """An empty layer gives no numbers and one sentence."""
    report = score(layer=np.zeros((*SHAPE, 4), np.uint8), result=np.full((*SHAPE, 3), 120, np.uint8))
    assert report["scores"]["garment_colour"] is None
    assert report["warnings"][0].startswith("Nothing of the garment is seen")


def blobs(random: np.random.Generator, values: int) -> Any:
    """A plane of patches, each of one of the first ``values`` numbers."""
    coarse = random.integers(0, values, random.integers(1, 12, 2), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, SHAPE[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)


@pytest.mark.parametrize("category", [b"upper", b"lower", b"dress"])
@pytest.mark.parametrize("seed", range(12))
def test_any_mess_has_scores_in_range(seed: int, category: bytes) -> None:
    """Whatever the models before hand over, every score is a share or None; detail may be more than there was."""
    random = np.random.default_rng(seed)
    alpha = blobs(random, 2) * np.uint8(255)
    changes = {
        "labels": blobs(random, len(Label)),
        "layer": np.dstack([random.integers(0, 256, (*SHAPE, 3), dtype=np.uint8), alpha]),
        "layer_parts": np.where(alpha > 0, blobs(random, len(Part)), Part.NONE).astype(np.uint8),
        "edit_mask": blobs(random, 2) * np.uint8(255),
        "result": random.integers(0, 256, (*SHAPE, 3), dtype=np.uint8),
        "agnostic": random.integers(0, 256, (*SHAPE, 3), dtype=np.uint8),
        "garment_mask": blobs(random, 2) * np.uint8(255),
        "keypoints": random.uniform(-300, 500, (33, 4)).astype(np.float32),
        "garment_category": np.array([category], np.object_),
    }
    scores = score(**changes)["scores"]
    detail = scores.pop("garment_detail")
    assert detail is None or detail >= 0
    assert all(value is None or 0 <= value <= 1 for value in scores.values())


GOOD = Scores(
    protected_identity=1.0,
    garment_colour=0.9,
    garment_detail=0.8,
    garment_print=0.95,
    leak_iou=1.0,
    old_garment_left=0.0,
    coverage=0.9,
    hem_visible=1.0,
    collar_visible=0.9,
    hem_line=1.0,
    collar_line=0.9,
)


@pytest.mark.parametrize(
    ("change", "category", "words"),
    [
        ({"coverage": 0.3}, Category.UPPER, "Only 30% of the garment"),
        ({"garment_colour": 0.2}, Category.UPPER, "colours differ"),
        ({"garment_detail": 0.1}, Category.UPPER, "detail was lost"),
        ({"old_garment_left": 0.2}, Category.UPPER, "old garment"),
        ({"hem_visible": 0.0}, Category.DRESS, "hem lies outside"),
        ({"leak_iou": 0.7}, Category.UPPER, "should have stayed"),
        ({"old_garment_left": 0.2, "leak_iou": 0.7}, Category.UPPER, "old garment"),
        ({"hem_line": 0.4}, Category.LOWER, "hem is ragged"),
        ({"collar_line": 0.4}, Category.UPPER, "neckline is ragged"),
    ],
)
def test_each_weakness_has_its_sentence(change: Any, category: Category, words: str) -> None:
    """A good picture says nothing; one bad score gives one sentence that names it."""
    mask = np.zeros(SHAPE, np.uint8)
    assert remarks(GOOD, people=1, chosen=-1, garment_mask=mask, category=category) == []
    said = remarks(GOOD | change, people=1, chosen=-1, garment_mask=mask, category=category)
    assert len(said) == 1
    assert words in said[0]


@pytest.mark.parametrize(("people", "chosen", "said"), [(1, -1, 0), (3, -1, 1), (3, 1, 0)])
def test_several_people_are_mentioned_once_and_only_if_nobody_chose(
    people: int, chosen: int, said: int
) -> None:
    """Who was dressed is said only where it was our choice."""
    mask = np.zeros(SHAPE, np.uint8)
    sentences = remarks(GOOD, people=people, chosen=chosen, garment_mask=mask, category=Category.UPPER)
    assert len(sentences) == said


def test_a_garment_that_its_photo_cuts_off_is_named_by_edge() -> None:
    """Both edges that the garment touches are found, and a mere corner is not."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[:40, 30:150] = 255
    mask[:5, :40] = 255
    assert cut_edges(mask) == ["top"]
    mask[:, :2] = 255
    assert cut_edges(mask) == ["left side", "top"]
