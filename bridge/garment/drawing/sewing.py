"""How a top or a dress is drawn from its pattern: inside, sleeves, front, hem and collar, laid on one another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bridge.contracts import GarmentPoint
from bridge.garment.drawing.cloth import Cloth, Roundness
from bridge.garment.drawing.collars import Halves, Neck, draw_inside, finish_neck
from bridge.garment.drawing.curves import Point, Points, Wobble, bend, pair, stitches
from bridge.garment.drawing.folds import body_folds, sleeve_folds
from bridge.garment.drawing.paint import Painter, Piece, ribbed
from bridge.garment.drawing.patterns import Collar, TopCut, TopHalf, TopLook

Landmarks = dict[GarmentPoint, Point]
"""Where a drawn garment's landmarks are [garment units]."""

OVER_BODY = 0.3
"""A sleeve that hangs more steeply than this lies over the body [rad]."""


def draw_top(painter: Painter, cuts: tuple[TopCut, TopCut], look: TopLook) -> tuple[Points, Landmarks]:
    """Draw a top or a dress.

    Args:
        painter: where.
        cuts: the pattern of the wearer's left and right half; they may differ a little.
        look: the materials.

    Returns:
        The outline of the inner side that shows above the front neckline, and the landmarks [garment units].
    """
    wobble = Wobble(painter.rng)
    halves = (TopHalf(cuts[0], 1, wobble), TopHalf(cuts[1], -1, wobble))
    cut = cuts[0]
    neck = Neck(cut, halves)
    draw_inside(painter, cut, look, neck)
    if cut.sleeve and cut.sleeve_angle >= OVER_BODY:
        _draw_sleeves(painter, halves, look)
    low = bend(halves[0].hem, (0.0, cut.hem[1] + 2 * cut.hem_sag), halves[1].hem)
    hem = wobble(low, 0.0 if cut.hem_rib else 1.2)
    _draw_front(painter, halves, look, neck, hem)
    if cut.sleeve and cut.sleeve_angle < OVER_BODY:
        _draw_sleeves(painter, halves, look)
    finish_neck(painter, cut, halves, look, neck)
    if look.buttons:
        _draw_buttons(painter, cut, look, float(neck.front[:, 1].max()) + cut.rib)
    return neck.inside, _landmarks(halves, neck, hem)


def _draw_front(painter: Painter, halves: Halves, look: TopLook, neck: Neck, hem: Points) -> None:
    left, right = halves
    cut = left.cut
    upper = neck.front
    if cut.collar in (Collar.SHIRT, Collar.TURTLE, Collar.HOOD):
        upper = bend(
            right.collar, (0.0, 2 * cut.front_drop if cut.collar is Collar.SHIRT else 20.0), left.collar
        )
    sides = [left.top, left.armhole, left.side, hem, right.side[::-1], right.armhole[::-1], right.top[::-1]]
    body = Roundness((cut.armpit[1], 0.0, cut.armpit[0] * 1.03), (cut.hem[1], 0.0, cut.hem[0] * 1.03))
    folds = body_folds(cut, painter.rng)
    painter.lay(
        Piece(np.concatenate([upper, *sides]), look.body, folds=folds, round=body, chest=True, shadow=0.45)
    )
    if cut.hem_rib:
        ribbed(
            painter, look.ribbing, hem[::-1], (hem * np.array([1.004, 1]) - np.array([0, cut.hem_rib]))[::-1]
        )
        return
    for lift in (12.0, 16.0):
        painter.line(stitches(hem - np.array([0, lift])), 1.1, look.thread, 0.55)
    painter.shade_line(hem - np.array([0, 19.0]), 1.2, 0.10)


def _draw_sleeves(painter: Painter, halves: Halves, look: TopLook) -> None:
    for half in halves:
        cut = half.cut
        area = np.concatenate([half.outer, half.inner, half.armhole[::-1]])
        middle = (np.array(half.shoulder) + np.array(half.armpit)) / 2
        width = float(np.hypot(*(np.array(half.shoulder) - np.array(half.armpit)))) / 2
        arm = Roundness((0.0, 0.0, width * 1.02), (cut.sleeve, 0.0, cut.cuff / 2 * 1.1))
        turn = half.sign * cut.sleeve_angle * 0.89
        folds = sleeve_folds(half, painter.rng)
        painter.lay(Piece(area, look.sleeves, pair(middle), turn, folds, arm, shadow=0.35))
        painter.shade_line(half.armhole, 1.6, 0.3)
        _finish_cuff(painter, half, look)


def _finish_cuff(painter: Painter, half: TopHalf, look: TopLook) -> None:
    end, start = half.outer[-1], half.inner[0]
    outer_way, inner_way = (way / np.hypot(*way) for way in (half.outer[-6] - end, half.inner[3] - start))
    across = np.linspace(0, 1, 24)[:, None]

    def rung(depth: float) -> Points:
        points: Points = (1 - across) * (end + depth * outer_way) + across * (start + depth * inner_way)
        return points

    if half.cut.cuff_rib:
        ribbed(painter, look.ribbing, rung(0.0), rung(half.cut.cuff_rib))
        return
    for depth in (11.0, 15.0):
        painter.line(stitches(rung(depth)), 1.1, look.thread, 0.5)
    painter.shade_line(rung(18.0), 1.1, 0.08)


def _draw_buttons(painter: Painter, cut: TopCut, look: TopLook, top: float) -> None:
    """A buttoned front: two seams and a row of four-holed buttons."""
    for x in (-15.0, 15.0):
        painter.shade_line(np.array([(x, top), (x, cut.hem[1] + cut.hem_sag * 0.9)]), 1.2, 0.22)
    turn = np.linspace(0, 2 * np.pi, 24)
    horn = Cloth(replace(look.body.design, ground=(238, 232, 220), tile=None, stripes=()), look.body.weave)
    for y in np.arange(top + 26, cut.hem[1] - 20, 62):
        painter.lay(Piece(np.stack([6.5 * np.cos(turn), y + 6.5 * np.sin(turn)], -1), horn, shadow=0.5))
        holes = [np.array([(a, y + b), (a + 0.1, y + b)]) for a in (-1.8, 1.8) for b in (-1.8, 1.8)]
        painter.line(holes, 1.6, (110, 100, 90), 0.9)


def _landmarks(halves: Halves, neck: Neck, hem: Points) -> Landmarks:
    found: Landmarks = {
        GarmentPoint.COLLAR_FRONT: pair(neck.front[np.argmax(neck.front[:, 1])]),
        GarmentPoint.HEM_CENTRE: pair(hem[len(hem) // 2]),
    }
    for half, word in zip(halves, ("LEFT", "RIGHT"), strict=True):
        points = {"COLLAR": half.collar, "SHOULDER": half.shoulder, "ARMPIT": half.armpit, "HEM": half.hem}
        points["WAIST"] = half.waist
        if half.cut.sleeve:
            points |= {"CUFF_OUTER": pair(half.outer[-1]), "CUFF_INNER": pair(half.inner[0])}
        if half.cut.is_dress:
            points["HIP"] = half.hip
        found |= {GarmentPoint[f"{name}_{word}"]: point for name, point in points.items()}
    return found
