"""The pattern of trousers, shorts and skirts, and how one is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bridge.contracts import GarmentPoint
from bridge.garment.drawing.cloth import Fold
from bridge.garment.drawing.curves import Point, Points, bend, smooth, stitches
from bridge.garment.drawing.paint import Cloth, Painter, Piece
from bridge.garment.drawing.tops import Landmarks


@dataclass(frozen=True)
class BottomCut:
    """The pattern of trousers, shorts or a skirt; garment units, one side, y down from the waistband's ends.

    Attributes:
        waist: half the waistband's width. band: its height. dip: how far its front hangs below its ends.
        hip, hem: points of the side.
        crotch: its y; 0 for a skirt. inner: the leg's inner end (x, y).
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
    """The materials: the cloth, and the thread of its seams."""

    body: Cloth
    thread: tuple[float, float, float]
    pockets: bool = True


def draw_bottom(painter: Painter, left: BottomCut, right: BottomCut, look: BottomLook) -> tuple[Points, Landmarks]:
    """Draw trousers, shorts or a skirt.

    Args:
        painter: where.
        left, right: the pattern of the wearer's left and right half.
        look: the materials.

    Returns:
        The outline of the waistband's inner side that shows, and the landmarks [garment units].
    """
    ends = (-right.waist, 0.0), (left.waist, 0.0)
    back = bend(ends[0], (0.0, -left.dip * 0.6), ends[1])
    front = bend(ends[0], (0.0, left.dip * 2), ends[1])
    inside = np.concatenate([back, front[::-1]])
    painter.lay(Piece(np.concatenate([back, front[::-1] + np.array([0, 2.0])]), look.body, tone=0.55, shadow=0.0))
    sides = tuple(_side(cut) * np.array([sign, 1.0]) for cut, sign in ((left, 1), (right, -1)))
    if left.crotch:
        _draw_legs(painter, (left, right), look, sides, front)
    else:
        _draw_skirt(painter, left, look, sides, front)
    _draw_band(painter, left, look, front)
    return inside, _landmarks((left, right))


def _side(cut: BottomCut) -> Points:
    middle = (cut.hip[0] + cut.hem[0]) / 2 - 3, (cut.hip[1] + cut.hem[1]) / 2
    return smooth([(cut.waist, 0.0), (cut.waist + 5, cut.band), cut.hip, middle, cut.hem])


def _draw_legs(
    painter: Painter,
    cuts: tuple[BottomCut, BottomCut],
    look: BottomLook,
    sides: tuple[Points, ...],
    front: Points,
) -> None:
    crotch = (0.0, cuts[0].crotch)
    half = len(front) // 2
    for cut, side, sign in zip(cuts, sides, (1, -1), strict=True):
        inner = (sign * cut.inner[0], cut.inner[1])
        seam = smooth([inner, (sign * (cut.inner[0] * 0.55 + 3), (crotch[1] + inner[1]) * 0.52), (sign * 5, crotch[1] + 26), crotch])
        hem = bend((sign * cut.hem[0], cut.hem[1]), (sign * (cut.hem[0] + cut.inner[0]) / 2, cut.inner[1] + 7), inner)
        top = front[half:] if sign > 0 else front[: half + 1][::-1]
        area = np.concatenate([top, side, hem, seam, np.array([(0.0, top[0, 1])])])
        middle = sign * (cut.hem[0] + cut.inner[0]) / 2
        width = (cut.hem[0] - cut.inner[0]) / 2
        round_ = (cut.crotch, sign * cut.hip[0] / 2, cut.hip[0] / 2 * 1.06), (cut.hem[1], middle, width * 1.1)
        piece = Piece(area, look.body, folds=_leg_folds(cut, sign, painter.rng), round=round_, shadow=0.12)
        painter.lay(piece)
        for lift in (12.0, 16.0):
            painter.line(stitches(hem + np.array([0, -lift])), 1.1, look.thread, 0.6)
        painter.shade_line(side + np.array([-sign * 9.0, 0]), 1.0, 0.10)
    fly = np.array([(0.0, cuts[0].band), (0.0, crotch[1])])
    painter.shade_line(fly, 1.6, 0.35)
    _draw_fly(painter, cuts[0], look)


def _draw_fly(painter: Painter, cut: BottomCut, look: BottomLook) -> None:
    turn = bend((22, cut.band), (24, cut.crotch * 0.62), (2, cut.crotch * 0.66))
    for inset in (0.0, 4.0):
        painter.line(stitches(turn - np.array([inset, 0])), 1.1, look.thread, 0.6)
    if look.pockets:
        for sign in (1, -1):
            mouth = bend(
                (sign * cut.waist * 0.56, cut.band), (sign * cut.waist * 0.70, cut.band + 46), (sign * cut.hip[0] * 0.92, cut.band + 58)
            )
            painter.shade_line(mouth, 1.8, 0.4)
            for drop in (5.0, 9.0):
                painter.line(stitches(mouth + np.array([-sign * drop * 0.6, drop * 0.8])), 1.1, look.thread, 0.6)


def _draw_skirt(
    painter: Painter, cut: BottomCut, look: BottomLook, sides: tuple[Points, ...], front: Points
) -> None:
    hem = bend(_last(sides[0]), (0.0, cut.hem[1] + 2 * cut.hem_sag), _last(sides[1]))
    area = np.concatenate([front, sides[0], hem, sides[1][::-1]])
    round_ = (0.0, 0.0, cut.waist * 1.08), (cut.hem[1], 0.0, cut.hem[0] * 1.05)
    painter.lay(Piece(area, look.body, folds=_pleats(cut, painter.rng), round=round_, shadow=0.3))
    for lift in (14.0, 18.0):
        painter.line(stitches(hem + np.array([0, -lift])), 1.1, look.thread, 0.5)


def _last(path: Points) -> Point:
    return float(path[-1, 0]), float(path[-1, 1])


def _pleats(cut: BottomCut, rng: np.random.Generator) -> list[Fold]:
    folds = []
    count = cut.pleats or 7
    for k in range(count):
        share = (k + 0.5) / count * 2 - 1 + (0 if cut.pleats else rng.uniform(-0.12, 0.12))
        depth = 0.16 if cut.pleats else rng.uniform(0.05, 0.11)
        end, begin = (share * cut.waist, cut.band + rng.uniform(4, 60)), (share * cut.hem[0] * 0.97, cut.hem[1] + 4)
        folds.append(Fold(begin, end, rng.uniform(12, 18), depth * (1 if cut.pleats else rng.choice([-1, 1]))))
    return folds


def _leg_folds(cut: BottomCut, sign: int, rng: np.random.Generator) -> list[Fold]:
    folds = []
    long = cut.hem[1] - cut.crotch > 250
    for _ in range(5):
        begin = (sign * rng.uniform(2, 14), cut.crotch + rng.uniform(-30, 26))
        end = (sign * cut.hip[0] * rng.uniform(0.5, 0.95), begin[1] + rng.uniform(-90, 40))
        folds.append(Fold(begin, end, rng.uniform(5, 10), rng.uniform(0.05, 0.12) * -sign, rng.uniform(-8, 8)))
    middle = (cut.hem[0] + cut.inner[0]) / 2
    crease = Fold((sign * middle, cut.hem[1]), (sign * cut.hip[0] * 0.52, cut.crotch * 0.75), 9, 0.05)
    folds.append(crease)
    for _ in range(7 if long else 2):
        y = cut.crotch + (cut.hem[1] - cut.crotch) * rng.uniform(0.2, 0.95)
        x = sign * rng.uniform(cut.inner[0], cut.hem[0])
        folds.append(Fold((x, y), (x + rng.uniform(-50, 50), y - rng.uniform(20, 80)), rng.uniform(6, 12), rng.uniform(0.03, 0.09) * rng.choice([-1, 1]), rng.uniform(-8, 8)))
    return folds


def _draw_band(painter: Painter, cut: BottomCut, look: BottomLook, front: Points) -> None:
    low = front + np.array([0.0, cut.band])
    low[:, 0] *= 1 + 5 / cut.waist
    plain = look.body if not look.body.design.stripes else Cloth(replace(look.body.design, stripes=()), look.body.weave)
    painter.lay(Piece(np.concatenate([front, low[::-1]]), plain, turn=np.pi / 2, shadow=0.2))
    painter.shade_line(low, 1.6, 0.35)
    for lift in (4.0, cut.band - 5):
        painter.line(stitches(front + np.array([0, lift])), 1.1, look.thread, 0.6)
    if look.pockets:
        for share in (-0.62, 0.62):
            x = share * cut.waist
            y = float(np.interp(x, front[:, 0], front[:, 1]))
            loop = np.array([(x - 6, y - 3), (x + 6, y - 3), (x + 6.5, y + cut.band + 5), (x - 5.5, y + cut.band + 5)])
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
