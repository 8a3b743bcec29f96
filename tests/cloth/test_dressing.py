"""A flat garment put on a body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bridge.cloth.dressing import put_on, size
from bridge.cloth.grading import graded
from bridge.cloth.wearer import Floats, Wearer
from bridge.contracts import BodyPoint, Category, GarmentPoint, Part
from bridge.garment.drawing.wardrobe import Kind
from tests.cloth.garments import flat
from tests.cloth.mannequin import OFFSET, mannequin, wearer

KINDS: tuple[Kind, ...] = ("tee", "sweater", "tank", "trousers", "skirt", "dress", "long_dress")


def edge_lengths(corners: Floats) -> Floats:
    """The length of each triangle's three sides, from its corners [F, 3, k]."""
    return np.linalg.norm(np.roll(corners, 1, axis=1) - corners, axis=2)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_sewn_is_closed(kind: Kind) -> None:
    """No seam has a gap, and most of the cloth has its own size: only where pieces join is it drawn out."""
    garment = flat(kind)
    worn = put_on(garment, wearer())
    np.testing.assert_allclose(worn[garment.seams[:, 0]], worn[garment.seams[:, 1]], atol=1e-9)
    cut = graded(garment, wearer(), size(garment, wearer()))
    stretched = edge_lengths(worn[garment.faces]) / edge_lengths(cut)
    assert 0.7 < np.median(stretched) < 1.1
    assert np.quantile(stretched, 0.95) < 2.5


@pytest.mark.parametrize("kind", ["tee", "tank", "skirt", "dress"])
def test_the_front_lies_before_the_body_and_the_back_behind(kind: Kind) -> None:
    """Away from the seams, each panel is on its own side of the trunk at that height."""
    garment, body = flat(kind), wearer()
    worn = (put_on(garment, body) - body.origin) @ body.axes.T
    middle = (np.abs(worn[:, 0]) < 0.06) & (worn[:, 1] < body.level(0.8)) & (worn[:, 1] > 0)
    front, back = middle & ~garment.back, middle & garment.back
    assert front.sum() > 10
    assert worn[front, 2].min() > 0.1
    assert worn[back, 2].max() < -0.1


@pytest.mark.parametrize(
    ("kind", "level"), [("tee", 0.7), ("tank", 0.7), ("trousers", 0.25), ("skirt", 0.25)]
)
def test_the_panels_leave_room_but_not_too_much(kind: Kind, level: float) -> None:
    """As cut, the garment is wider than half the girth where it must fit, and no tent."""
    garment, body = flat(kind), wearer()
    ends = (GarmentPoint.ARMPIT_LEFT, GarmentPoint.ARMPIT_RIGHT) if level > 0.5 else (
        GarmentPoint.WAIST_LEFT,
        GarmentPoint.WAIST_RIGHT,
    )  # fmt: skip
    rest = graded(garment, body, size(garment, body))
    height = garment.middle(*ends)[1]
    near = np.abs(garment.vertices[garment.faces, 1].mean(axis=1) - height) < 15
    near &= np.isin(
        garment.regions[garment.faces], (Part.TORSO, Part.SKIRT, Part.LEFT_LEG, Part.RIGHT_LEG)
    ).all(axis=1)
    wider = (
        np.ptp(rest[near, :, 0], axis=1).sum()
        / np.ptp(garment.vertices[garment.faces[near], 0], axis=1).sum()
    )
    room = 2 * garment.width(*ends) * wider / body.girth(body.level(level))
    assert 1.02 < room < 1.35


@pytest.mark.parametrize("kind", KINDS)
def test_no_garment_is_longer_than_to_the_floor(kind: Kind) -> None:
    """From the shoulders or the waistband, the garment ends above the floor, and it isn't a doll's either."""
    garment, body = flat(kind), wearer()
    length = size(garment, body) * float(np.ptp(garment.vertices[:, 1]))
    top = body.level(0.25 if garment.category is Category.LOWER else 1.0)
    assert 0.35 < length <= top - body.floor() + 1e-9


@pytest.mark.parametrize(
    ("part", "start", "end"),
    [
        (Part.LEFT_SLEEVE, BodyPoint.LEFT_SHOULDER, BodyPoint.LEFT_WRIST),
        (Part.RIGHT_SLEEVE, BodyPoint.RIGHT_SHOULDER, BodyPoint.RIGHT_WRIST),
    ],
)
def test_sleeves_surround_the_arms(part: Part, start: BodyPoint, end: BodyPoint) -> None:
    """The lower half of a long sleeve has the arm's line in its middle."""
    garment, body = flat("sweater"), wearer()
    worn = (put_on(garment, body) - body.origin) @ body.axes.T
    sleeve, (joint, wrist) = worn[garment.regions == part], body.landmarks[[start, end]]
    heading = (wrist - joint) / np.linalg.norm(wrist - joint)
    along = (sleeve - joint) @ heading
    lower = sleeve[(along > 0.25) & (along < 0.45)]
    off = lower - joint - np.outer((lower - joint) @ heading, heading)
    assert np.linalg.norm(off.mean(axis=0)) < 0.015
    assert np.linalg.norm(off, axis=1).max() < 0.12


def test_a_turned_body_wears_the_same() -> None:
    """Turning and moving the body turns and moves the garment with it."""
    vertices, _, parts, points = mannequin()
    turn = np.array([[np.cos(0.6), 0, np.sin(0.6)], [0, 1, 0], [-np.sin(0.6), 0, np.cos(0.6)]])
    garment = flat("tee")
    straight = put_on(garment, wearer())
    turned = Wearer.of(
        ((vertices - OFFSET) @ turn.T).astype(np.float32),
        parts,
        ((points - OFFSET) @ turn.T).astype(np.float32),
    )
    np.testing.assert_allclose(put_on(garment, turned), (straight - OFFSET) @ turn.T, atol=2e-3)


def test_straps_lie_where_shoulders_carry_them() -> None:
    """A bodice whose straps lie far apart in its photo begins with them within the shoulders' joints."""
    garment, body = flat("tank"), wearer()
    points = garment.points.copy()
    middle = garment.middle(GarmentPoint.COLLAR_LEFT, GarmentPoint.COLLAR_RIGHT)[0]
    names = [
        GarmentPoint.SHOULDER_LEFT,
        GarmentPoint.SHOULDER_RIGHT,
        GarmentPoint.COLLAR_LEFT,
        GarmentPoint.COLLAR_RIGHT,
    ]
    points[names, 0] = middle + 1.3 * (points[names, 0] - middle)
    spread = garment.vertices.copy()
    high = spread[:, 1] < garment.middle(*names[:2])[1] + 5
    spread[high, 0] = middle + 1.3 * (spread[high, 0] - middle)
    worn = (put_on(replace(garment, points=points, vertices=spread), body) - body.origin) @ body.axes.T
    joint = body.landmarks[BodyPoint.LEFT_SHOULDER, 0]
    assert 0.4 * joint < np.abs(worn[high, 0]).mean() < 0.8 * joint
