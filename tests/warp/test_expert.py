"""The warp expert on drawn people in drawn garments, both of known shape."""

import numpy as np
import pytest

from bridge.contracts import BodyPoint as P
from bridge.contracts import Part
from bridge.errors import BodyOutOfFrame
from tests.warp.figure import STANDING, Figure

CROSSED = {P.LEFT_WRIST: (330, 600), P.RIGHT_WRIST: (438, 600)}
RAISED = {
    P.LEFT_ELBOW: (700, 250), P.RIGHT_ELBOW: (68, 250), P.LEFT_WRIST: (740, 90), P.RIGHT_WRIST: (28, 90),
}  # fmt: skip


def part_at(parts: np.ndarray, x: float, y: float) -> Part:
    """The part that covers a point."""
    return Part(parts[round(y), round(x)])


def along(figure: Figure, start: P, end: P, share: float) -> tuple[float, float]:
    """A point on a bone."""
    a, b = figure.keypoints[start, :2], figure.keypoints[end, :2]
    return tuple(a + (b - a) * share)


def test_a_tee_covers_chest_and_upper_arms_only() -> None:
    """Chest and sleeves are covered, the throat and the forearms are not."""
    figure = Figure()
    layer, parts = figure.wear("tee")
    assert part_at(parts, 384, 500) == Part.TORSO
    assert part_at(parts, *along(figure, P.LEFT_SHOULDER, P.LEFT_ELBOW, 0.3)) == Part.LEFT_SLEEVE
    assert part_at(parts, *along(figure, P.RIGHT_SHOULDER, P.RIGHT_ELBOW, 0.3)) == Part.RIGHT_SLEEVE
    assert layer[250, 384, 3] == 0
    assert layer[round(along(figure, P.LEFT_ELBOW, P.LEFT_WRIST, 0.5)[1]), 571, 3] == 0


@pytest.mark.parametrize("joints", [{}, CROSSED, RAISED], ids=["hanging", "crossed", "raised"])
def test_long_sleeves_follow_the_arms(joints: dict[P, tuple[float, float]]) -> None:
    """However the arms are held, the sleeves lie on upper and lower arm, without holes in between."""
    figure = Figure(joints)
    _, parts = figure.wear("sweater")
    sides = [(Part.LEFT_SLEEVE, "LEFT"), (Part.RIGHT_SLEEVE, "RIGHT")]
    for sleeve, side in sides:
        shoulder, elbow, wrist = (P[f"{side}_{joint}"] for joint in ("SHOULDER", "ELBOW", "WRIST"))
        bones = [(shoulder, elbow, share) for share in (0.5, 0.7, 0.9)] + [
            (elbow, wrist, share) for share in (0.1, 0.3)
        ]
        for start, end, share in bones:
            seen = part_at(parts, *along(figure, start, end, share))
            # Where the forearms cross, one sleeve lies over the other.
            assert seen in ((Part.LEFT_SLEEVE, Part.RIGHT_SLEEVE) if joints is CROSSED else (sleeve,))


def test_length_comes_from_the_garment() -> None:
    """A long dress reaches further down than a tee, and a camisole of straps leaves the arms bare."""
    figure = Figure(zoom=0.62)
    hems = {}
    for kind in ("tee", "dress", "long_dress"):
        _, parts = figure.wear(kind)
        hems[kind] = np.flatnonzero((parts == Part.TORSO).any(axis=1)).max()
    assert hems["tee"] < hems["dress"]
    assert hems["tee"] < hems["long_dress"]
    _, parts = figure.wear("camisole")
    assert set(np.unique(parts)) == {Part.NONE, Part.TORSO}


def test_trousers_have_two_legs_and_no_gap_at_the_crotch() -> None:
    """Each leg has its own part, and the line between them is closed from waist to crotch."""
    figure = Figure(zoom=0.62)
    layer, parts = figure.wear("trousers")
    left = along(figure, P.LEFT_HIP, P.LEFT_KNEE, 0.6)
    right = along(figure, P.RIGHT_HIP, P.RIGHT_KNEE, 0.6)
    assert part_at(parts, *left) == Part.LEFT_LEG
    assert part_at(parts, *right) == Part.RIGHT_LEG
    hips = figure.keypoints[[P.LEFT_HIP, P.RIGHT_HIP], :2].mean(axis=0)
    column = layer[round(hips[1]) - 40 : round(hips[1]) + 10, round(hips[0]), 3]
    assert (column > 250).all()


def test_a_skirt_is_one_piece_on_both_hips() -> None:
    """A skirt covers both thighs and what is between them."""
    figure = Figure(zoom=0.62)
    _, parts = figure.wear("skirt")
    y = along(figure, P.LEFT_HIP, P.LEFT_KNEE, 0.4)[1]
    for x in (180, 238, 296):
        assert part_at(parts, x, y) == Part.SKIRT


def test_a_print_is_not_mirrored_on_someone_seen_from_behind() -> None:
    """Left and right swapped, as in a view from behind, the garment is laid just the same."""
    mirrored = {
        p: STANDING[P[p.name.replace("LEFT", "RIGHT")]] for p in STANDING if p.name.startswith("LEFT")
    }
    mirrored |= {
        p: STANDING[P[p.name.replace("RIGHT", "LEFT")]] for p in STANDING if p.name.startswith("RIGHT")
    }
    front, _ = Figure().wear("tee")
    behind, _ = Figure(mirrored).wear("tee")
    assert np.array_equal(front, behind)


def test_the_same_request_gives_the_same_layer() -> None:
    """Nothing is random."""
    assert np.array_equal(Figure().wear("blouse")[0], Figure().wear("blouse")[0])


@pytest.mark.parametrize(("kind", "zoom"), [("tee", 4.0), ("trousers", 1.6)])
def test_a_body_outside_the_photo_is_refused(kind: str, zoom: float) -> None:
    """Where the photo ends above what the garment covers, a sentence says so."""
    with pytest.raises(BodyOutOfFrame, match="use one that shows"):
        Figure(zoom=zoom).wear(kind)
