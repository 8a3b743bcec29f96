"""Hem and neckline: what each fault of a drawn line does to its score, and when there is none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from bridge.contracts import BodyPoint, Category, Label, Part
from bridge.quality.lines import collar_line, hem_line, hiding

SHAPE = (300, 240)
LEFT, RIGHT, TOP, BOTTOM = 70, 170, 90, 210
Bits = npt.NDArray[np.bool_]


def keypoints(*, shoulders: float = 100, hips: float = 200) -> npt.NDArray[np.float32]:
    """Somebody who stands, shoulders and hips at these rows."""
    points = np.full((33, 4), 120, np.float32)
    points[[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER], :2] = (160, shoulders), (80, shoulders)
    points[[BodyPoint.LEFT_HIP, BodyPoint.RIGHT_HIP], 1] = hips
    return points


def garment(hem: npt.ArrayLike = BOTTOM, collar: npt.ArrayLike = TOP) -> Bits:
    """A piece of cloth between two rows, each one number or one per column."""
    rows, columns = np.indices(SHAPE)
    between = (rows >= np.asarray(collar)) & (rows < np.asarray(hem))
    return np.asarray(between & (columns >= LEFT) & (columns < RIGHT))


def lines(
    region: Bits,
    *,
    laid: Bits | None = None,
    front: Bits | None = None,
    points: npt.NDArray[np.float32] | None = None,
) -> tuple[float | None, float | None]:
    """The scores of hem and neckline of an upper garment."""
    whole = region if laid is None else laid
    layer = np.dstack([np.zeros((*SHAPE, 3), np.uint8), whole.astype(np.uint8) * 255])
    parts = np.where(whole, Part.TORSO, Part.NONE).astype(np.uint8)
    hidden = np.zeros(SHAPE, np.bool_) if front is None else front
    body = keypoints() if points is None else points
    worn = region & ~hidden
    return (
        hem_line(worn, layer, parts, hidden, body, Category.UPPER),
        collar_line(worn, layer, parts, hidden, body),
    )


COLUMNS = np.arange(SHAPE[1])
SHAPES = {
    "straight": (BOTTOM, 0.99, 1.0),
    "slanted": (BOTTOM + COLUMNS // 12, 0.97, 1.0),
    "round": (BOTTOM + np.rint(10 * np.cos((COLUMNS - 120) / 32)), 0.95, 1.0),
    "teeth of 4 px": (BOTTOM + 4 * (COLUMNS // 6 % 2), 0.3, 0.8),
    "teeth of 12 px": (BOTTOM + 12 * (COLUMNS // 6 % 2), 0.1, 0.4),
    "one deep bite": (np.where(abs(COLUMNS - 120) < 15, BOTTOM - 60, BOTTOM), 0.4, 0.75),
    "a step": (np.where(COLUMNS < 120, BOTTOM - 14, BOTTOM), 0.85, 0.97),
    "far too high": (130, 0.0, 0.0),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_hem_is_scored_by_its_line(shape: str) -> None:
    """Straight, slanted and round hems are lines; teeth, bites, steps and hems out of place are not."""
    hem, least, most = SHAPES[shape]
    score, _ = lines(garment(hem))
    assert score is not None
    assert least <= score <= most


def test_a_top_does_not_end_at_the_calves() -> None:
    """A hem is placed by the wearer's own size: the same row is far too low for somebody smaller."""
    assert lines(garment(hem=290))[0] == pytest.approx(1.0, abs=0.02)
    assert lines(garment(hem=290), points=keypoints(shoulders=70, hips=150))[0] == 0.0


@pytest.mark.parametrize(
    ("collar", "least", "most"), [(TOP, 0.99, 1.0), (TOP + 8 * (COLUMNS // 5 % 2), 0.1, 0.6), (160, 0, 0)]
)
def test_a_neckline_is_scored_by_its_line(collar: npt.ArrayLike, least: float, most: float) -> None:
    """The same at the upper end."""
    _, score = lines(garment(collar=collar))
    assert score is not None
    assert least <= score <= most


def test_what_hides_an_end_is_no_fault() -> None:
    """A hand over a third of the hem leaves the rest of it to judge; over nearly all of it nothing is."""
    third, most = np.zeros(SHAPE, np.bool_), np.zeros(SHAPE, np.bool_)
    third[190:230, :110], most[190:230, :150] = True, True
    hem, _ = lines(garment(), front=third)
    assert hem == pytest.approx(1.0, abs=0.02)
    assert lines(garment(), front=most)[0] is None


def test_an_end_that_is_not_worn_is_a_gap() -> None:
    """Where the old clothes show instead of the lower half there is no hem, and nothing in front excuses it."""
    laid = garment()
    worn = laid & ~((COLUMNS > 120) & (np.indices(SHAPE)[0] > 150))
    hem, _ = lines(worn, laid=laid)
    assert hem == pytest.approx(0.5, abs=0.05)
    assert lines(garment(hem=150), laid=laid)[0] == 0.0


def test_a_hem_below_the_photo_is_not_judged() -> None:
    """The photo's lower edge hides it."""
    hidden = hiding(np.zeros(SHAPE, np.uint8), np.full(SHAPE, 255, np.uint8))
    assert lines(garment(hem=SHAPE[0]), laid=garment(hem=SHAPE[0]), front=hidden)[0] is None


def test_whoever_lies_is_not_judged() -> None:
    """Rows say nothing of a body that does not stand."""
    assert lines(garment(), points=keypoints(hips=110)) == (None, None)


def test_trousers_have_two_hems() -> None:
    """Each leg has its own, and a ragged one makes the mean fall by its half."""
    rows, columns = np.indices(SHAPE)
    ragged = 280 + 12 * (columns // 6 % 2)
    left, right = (columns >= 125) & (columns < 165), (columns >= 75) & (columns < 115)
    scores = []
    for hem in (285, ragged):
        laid = (rows >= 190) & ((left & (rows < 285)) | (right & (rows < hem)))
        parts = np.select([laid & left, laid & right], [Part.LEFT_LEG, Part.RIGHT_LEG], Part.NONE).astype(
            np.uint8
        )
        layer = np.dstack([np.zeros((*SHAPE, 3), np.uint8), laid.astype(np.uint8) * 255])
        nothing = np.zeros(SHAPE, np.bool_)
        scores.append(hem_line(laid, layer, parts, nothing, keypoints(), Category.LOWER))
    assert scores[0] == pytest.approx(1.0, abs=0.02)
    assert scores[1] is not None
    assert 0.5 < scores[1] < 0.75


def test_what_may_hide_an_end() -> None:
    """Hair, shoes, what must stay as it is, and the photo's lower edge."""
    labels, edit = np.zeros(SHAPE, np.uint8), np.full(SHAPE, 255, np.uint8)
    labels[0, :3] = Label.HAIR, Label.SHOES, Label.ARMS
    edit[1, 0] = 0
    hidden = hiding(labels, edit)
    assert list(hidden[0, :3]) == [True, True, False]
    assert hidden[1, 0]
    assert hidden[-1].all()
    assert not hidden[2:-1].any()
