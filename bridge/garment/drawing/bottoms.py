"""The pattern of trousers, shorts and skirts, and how one is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bridge.contracts import GarmentPoint
from bridge.garment.drawing.cloth import Cloth, Roundness
from bridge.garment.drawing.curves import Point, Points, Wobble, bend, pair, smooth, stitches
from bridge.garment.drawing.folds import leg_folds, pleats
from bridge.garment.drawing.paint import Painter, Piece
from bridge.garment.drawing.sewing import Landmarks


@dataclass(frozen=True)
class BottomCut:
    """The pattern of trousers, shorts or a skirt; garment units, one side, y down from the waistband's ends.

    Attributes:
        waist: half the waistband's width.
        band: its height.
        dip: how far its front hangs below its ends.
        hip: a point of the side.
        hem: the outer end of the hem.
        crotch: its y; 0 for a skirt.
        inner: the leg's inner end.
        hem_sag: how far a skirt's hem hangs in the middle.
        pleats: how many pleats a skirt has.
    """

    waist: float = 108
    band: float = 32
    dip: float = 7
    hip: Point = (136, 120)
    hem: Point = (118, 800)
    crotch: float = 232
    inner: Point = (34, 806)
    hem_sag: float = 12
    pleats: int = 0


@dataclass(frozen=True)
class BottomLook:
    """The materials of trousers, shorts or a skirt.

    Attributes:
        body: the cloth.
        thread: the colour of its stitches.
        pockets: whether it has pockets, belt loops and a button.
    """

    body: Cloth
    thread: tuple[float, float, float]
    pockets: bool = True


def draw_bottom(
    painter: Painter, cuts: tuple[BottomCut, BottomCut], look: BottomLook
) -> tuple[Points, Landmarks]:
    """Draw trousers, shorts or a skirt.

    Args:
        painter: where.
        cuts: the pattern of the wearer's left and right half; they may differ a little.
        look: the materials.

    Returns:
        The outline of the waistband's inner side that shows, and the landmarks [garment units].
    """
    left, right = cuts
    wobble = Wobble(painter.rng)
    ends = (-right.waist, 0.0), (left.waist, 0.0)
    back = bend(ends[0], (0.0, -left.dip * 0.6), ends[1])
    front = bend(ends[0], (0.0, left.dip * 2), ends[1])
    lap = np.concatenate([back, front[::-1] + np.array([0, 2.0])])
    painter.lay(Piece(lap, look.body, tone=0.55, shadow=0.0))
    sides = wobble(_side(left), 1.6), wobble(_side(right), 1.6) * np.array([-1.0, 1.0])
    if left.crotch:
        for cut, side, sign in zip(cuts, sides, (1, -1), strict=True):
            _draw_leg(painter, cut, look, (side, front), sign, wobble)
        _draw_fly(painter, left, look)
    else:
        _draw_skirt(painter, left, look, sides, front)
    _draw_band(painter, left, look, front)
    return np.concatenate([back, front[::-1]]), _landmarks(cuts)


def _side(cut: BottomCut) -> Points:
    middle = (cut.hip[0] + cut.hem[0]) / 2 - 3, (cut.hip[1] + cut.hem[1]) / 2
    return smooth([(cut.waist, 0.0), (cut.waist + 5, cut.band), cut.hip, middle, cut.hem])


def _draw_leg(
    painter: Painter,
    cut: BottomCut,
    look: BottomLook,
    edges: tuple[Points, Points],
    sign: int,
    wobble: Wobble,
) -> None:
    side, front = edges
    flip = np.array([sign, 1.0])
    knee = (cut.inner[0] * 0.55 + 3, (cut.crotch + cut.inner[1]) * 0.52)
    seam = smooth([cut.inner, knee, (5, cut.crotch + 26), (0.0, cut.crotch)])
    inseam = wobble(seam, 1.2) * flip
    hem = bend(cut.hem, ((cut.hem[0] + cut.inner[0]) / 2, cut.inner[1] + 7), cut.inner) * flip
    half = len(front) // 2
    top = front[half:] if sign > 0 else front[: half + 1][::-1]
    area = np.concatenate([top, side, hem, inseam, np.array([(0.0, top[0, 1])])])
    leg = Roundness(
        (cut.crotch, sign * cut.hip[0] / 2, cut.hip[0] / 2 * 1.06),
        (cut.hem[1], sign * (cut.hem[0] + cut.inner[0]) / 2, (cut.hem[0] - cut.inner[0]) * 0.55),
    )
    folds = leg_folds(cut.hip[0], cut.hem, cut.inner[0], cut.crotch, sign, painter.rng)
    painter.lay(Piece(area, look.body, folds=folds, round=leg, shadow=0.12))
    for lift in (12.0, 16.0):
        painter.line(stitches(hem - np.array([0, lift])), 1.1, look.thread, 0.6)
    painter.shade_line(side - np.array([sign * 9.0, 0]), 1.0, 0.10)


def _draw_fly(painter: Painter, cut: BottomCut, look: BottomLook) -> None:
    painter.shade_line(np.array([(0.0, cut.band), (0.0, cut.crotch)]), 1.6, 0.35)
    turn = bend((22, cut.band), (24, cut.crotch * 0.62), (2, cut.crotch * 0.66))
    for inset in (0.0, 4.0):
        painter.line(stitches(turn - np.array([inset, 0])), 1.1, look.thread, 0.6)
    if not look.pockets:
        return
    low = (cut.hip[0] * 0.92, cut.band + 58)
    mouth = bend((cut.waist * 0.56, cut.band), (cut.waist * 0.70, cut.band + 46), low)
    for sign in (1, -1):
        flip = np.array([sign, 1.0])
        painter.shade_line(mouth * flip, 1.8, 0.4)
        for drop in (5.0, 9.0):
            painter.line(
                stitches((mouth + np.array([-drop * 0.6, drop * 0.8])) * flip), 1.1, look.thread, 0.6
            )


def _draw_skirt(
    painter: Painter, cut: BottomCut, look: BottomLook, sides: tuple[Points, Points], front: Points
) -> None:
    hem = bend(pair(sides[0][-1]), (0.0, cut.hem[1] + 2 * cut.hem_sag), pair(sides[1][-1]))
    area = np.concatenate([front, sides[0], hem, sides[1][::-1]])
    fall = Roundness((0.0, 0.0, cut.waist * 1.08), (cut.hem[1], 0.0, cut.hem[0] * 1.05))
    folds = pleats(cut.waist, cut.hem, cut.band, cut.pleats, painter.rng)
    painter.lay(Piece(area, look.body, folds=folds, round=fall, shadow=0.3))
    for lift in (14.0, 18.0):
        painter.line(stitches(hem - np.array([0, lift])), 1.1, look.thread, 0.5)


def _draw_band(painter: Painter, cut: BottomCut, look: BottomLook, front: Points) -> None:
    low = (front + np.array([0.0, cut.band])) * np.array([1 + 5 / cut.waist, 1.0])
    plain = Cloth(replace(look.body.design, stripes=()), look.body.weave)
    painter.lay(Piece(np.concatenate([front, low[::-1]]), plain, turn=np.pi / 2, shadow=0.2))
    painter.shade_line(low, 1.6, 0.35)
    for lift in (4.0, cut.band - 5):
        painter.line(stitches(front + np.array([0, lift])), 1.1, look.thread, 0.6)
    if not look.pockets:
        return
    for share in (-0.62, 0.62):
        x = share * cut.waist
        y = float(np.interp(x, front[:, 0], front[:, 1]))
        loop = np.array(
            [(x - 6, y - 3), (x + 6, y - 3), (x + 6.5, y + cut.band + 5), (x - 5.5, y + cut.band + 5)]
        )
        painter.lay(Piece(loop, plain, shadow=0.4))
    turn = np.linspace(0, 2 * np.pi, 32)
    disc = np.stack([9 * np.cos(turn), cut.dip + cut.band / 2 + 9 * np.sin(turn)], -1)
    metal = Cloth(replace(plain.design, ground=(176, 160, 132), tile=None), plain.weave)
    painter.lay(Piece(disc, metal, shadow=0.5))


def _landmarks(cuts: tuple[BottomCut, BottomCut]) -> Landmarks:
    found: Landmarks = {}
    for cut, sign, word in zip(cuts, (1, -1), ("LEFT", "RIGHT"), strict=True):
        points = {"WAIST": (cut.waist, 0.0), "HIP": cut.hip, "HEM": cut.hem}
        if cut.crotch:
            points["HEM_INNER"] = cut.inner
        found |= {GarmentPoint[f"{name}_{word}"]: (sign * x, y) for name, (x, y) in points.items()}
    if cuts[0].crotch:
        return found | {GarmentPoint.CROTCH: (0.0, cuts[0].crotch)}
    return found | {GarmentPoint.HEM_CENTRE: (0.0, cuts[0].hem[1] + cuts[0].hem_sag)}
