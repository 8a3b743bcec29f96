"""The pattern of tops and dresses, and how one is drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from bridge.contracts import GarmentPoint
from bridge.garment.drawing.cloth import Fold
from bridge.garment.drawing.curves import Point, Points, arc, bend, shifted, smooth, stitches
from bridge.garment.drawing.paint import Cloth, Painter, Piece

Landmarks = dict[GarmentPoint, Point]


@dataclass(frozen=True)
class TopCut:
    """The pattern of a top or dress; lengths in garment units, one side, y down from the collar's points.

    Attributes:
        neck: half the neckline's width. front_drop, back_drop: its depths in front and behind.
        neck_power: the front neckline's form; 1 is a V, 2 round.
        rib: the width of the collar's ribbing, 0 without.
        shoulder, armpit, waist, hip, hem: points of the side; hip may equal the waist.
        hem_sag: how far the hem's middle hangs below its ends.
        sleeve: its length from the shoulder's tip, 0 without. sleeve_angle: its angle from straight down [rad].
        cuff: its width at the end. cuff_rib: the height of the ribbing there. hem_rib: that at the hem.
    """

    neck: float = 82
    front_drop: float = 74
    back_drop: float = 16
    neck_power: float = 2.0
    rib: float = 19
    shoulder: Point = (198, 46)
    armpit: Point = (182, 214)
    waist: Point = (176, 400)
    hip: Point = (188, 560)
    hem: Point = (190, 640)
    hem_sag: float = 8
    sleeve: float = 190
    sleeve_angle: float = 0.66
    cuff: float = 122
    cuff_rib: float = 0
    hem_rib: float = 0
    hem_stitch: bool = True


@dataclass(frozen=True)
class TopLook:
    """The materials of a top: its body, sleeves, ribbing, and the label's colour inside the collar."""

    body: Cloth
    sleeves: Cloth
    ribbing: Cloth
    thread: tuple[float, float, float]
    label: tuple[float, float, float] | None = (236, 232, 224)
    inside_tone: float = 0.6
    buttons: bool = False


class _Half:
    """One side's curves, in that side's own picture coordinates (x already signed)."""

    def __init__(self, cut: TopCut, sign: int) -> None:
        self.sign = sign
        s = np.array([sign, 1.0])
        self.collar = _at(s, (cut.neck, 0))
        self.shoulder = _at(s, cut.shoulder)
        self.armpit = _at(s, cut.armpit)
        self.hem = _at(s, cut.hem)
        self.waist = _at(s, cut.waist)
        self.hip = _at(s, cut.hip)
        rise = (cut.shoulder[0] + cut.neck) / 2, cut.shoulder[1] * 0.42
        self.top = bend(self.collar, _at(s, rise), self.shoulder)
        knots = [cut.armpit, cut.waist, *([cut.hip] if cut.hip[1] > cut.waist[1] + 20 else []), cut.hem]
        self.side = smooth(knots) * s
        if cut.sleeve:
            inward = min(cut.shoulder[0], cut.armpit[0]) - 20
            self.armhole = bend(self.shoulder, _at(s, (inward, cut.armpit[1] * 0.66)), self.armpit)
        else:
            hollow = (min(cut.shoulder[0], cut.armpit[0]) - 14, cut.armpit[1] * 0.72)
            self.armhole = smooth([cut.shoulder, hollow, cut.armpit]) * s
        self.sleeve = _sleeve(cut) if cut.sleeve else None
        if self.sleeve:
            self.sleeve = tuple(edge * s for edge in self.sleeve)


def _at(sign: Points, point: Point) -> Point:
    return float(point[0] * sign[0]), float(point[1])


def _sleeve(cut: TopCut) -> tuple[Points, Points]:
    """The outer edge from the shoulder to the cuff, and the inner edge from the cuff to the armpit."""
    first, second = cut.sleeve_angle, cut.sleeve_angle * 0.78
    shoulder, armpit = np.array(cut.shoulder), np.array(cut.armpit)
    way = np.array([math.sin(first), math.cos(first)])
    elbow = shoulder + 0.52 * cut.sleeve * way
    cuff = elbow + 0.48 * cut.sleeve * np.array([math.sin(second), math.cos(second)])
    inward = np.array([-math.cos(second), math.sin(second)])
    inner = cuff + cut.cuff * inward
    cap = shoulder + np.array([0.07 * cut.sleeve * math.sin(first) + 5, 0.09 * cut.sleeve * math.cos(first) + 5])
    outer_edge = smooth([tuple(shoulder), tuple(cap), tuple(elbow), tuple(cuff)])
    middle = (armpit + inner) / 2 + inward * -0.03 * cut.sleeve * np.array([1.0, 0.4])
    inner_edge = bend(tuple(inner), tuple(middle), tuple(armpit))
    return outer_edge, inner_edge


def draw_top(painter: Painter, left: TopCut, right: TopCut, look: TopLook) -> tuple[Points, Landmarks]:
    """Draw a top or a dress.

    Args:
        painter: where.
        left, right: the pattern of the wearer's left and right half; they may differ a little.
        look: the materials.

    Returns:
        The outline of the inner side that shows above the front neckline, and the landmarks [garment units].
    """
    halves = (_Half(left, 1), _Half(right, -1))
    front = arc(halves[1].collar, halves[0].collar, left.front_drop, left.neck_power)
    back = arc(halves[1].collar, halves[0].collar, left.back_drop)
    _draw_inside(painter, left, look, front, back)
    if left.sleeve and left.sleeve_angle >= 0.3:
        _draw_sleeves(painter, (left, right), halves, look)
    hem = bend(halves[0].hem, (0.0, left.hem[1] + 2 * left.hem_sag), halves[1].hem)
    _draw_front(painter, left, halves, look, front, hem)
    if left.sleeve and left.sleeve_angle < 0.3:
        _draw_sleeves(painter, (left, right), halves, look)
    _finish_neck(painter, left, halves, look, front)
    return np.concatenate([back, front[::-1]]), _landmarks((left, right), halves, front, hem, long=left.hem[1] > 750)


def _draw_inside(painter: Painter, cut: TopCut, look: TopLook, front: Points, back: Points) -> None:
    """The back's inner side: darker cloth, its tape along the neckline, and the label."""
    area = np.concatenate([back, front[::-1]])
    inside = Cloth(replace(look.body.design, chest=None), look.body.weave)
    painter.lay(Piece(area, inside, tone=look.inside_tone, shadow=0.0, round=_body(cut)))
    if cut.rib:
        tape = np.concatenate([back, _clipped(back + np.array([0, cut.rib * 0.75]), front)[::-1]])
        painter.lay(Piece(tape, look.ribbing, tone=look.inside_tone * 0.86, shadow=0.12))
    room = cut.front_drop - cut.back_drop
    if look.label and room > 50:
        x, y = 19.0, cut.back_drop + cut.rib * 0.75 + 2
        low = y + min(24.0, room * 0.3)
        area = np.array([(-x, y), (x, y), (x, low), (-x, low)])
        paper = Cloth(replace(look.body.design, ground=look.label, stripes=(), tile=None), look.body.weave)
        painter.lay(Piece(area, paper, tone=0.88, shadow=0.3))
        words = [np.array([(-x * k, y + t * (low - y)), (x * k, y + t * (low - y))]) for k, t in ((0.6, 0.4), (0.35, 0.68))]
        painter.line(words, 2.2, (90, 88, 86), 0.7)


def _clipped(path: Points, front: Points) -> Points:
    """Keep a curve above the front neckline, so that the tape ends where the front covers it."""
    limit = np.interp(path[:, 0], front[:, 0], front[:, 1])
    return np.stack([path[:, 0], np.minimum(path[:, 1], limit)], -1)


def _draw_front(
    painter: Painter, cut: TopCut, halves: tuple[_Half, _Half], look: TopLook, front: Points, hem: Points
) -> None:
    left, right = halves
    area = np.concatenate(
        [front, left.top, left.armhole, left.side, hem, right.side[::-1], right.armhole[::-1], right.top[::-1]]
    )
    folds = _body_folds(cut, painter.rng)
    painter.lay(Piece(area, look.body, folds=folds, round=_body(cut), chest=True, shadow=0.45))
    if cut.hem_rib:
        top = hem + np.array([0, -cut.hem_rib])
        top[:, 0] *= 1.004
        _ribbed(painter, look, hem[::-1], top[::-1])
    elif cut.hem_stitch:
        for lift in (12.0, 16.0):
            painter.line(stitches(hem + np.array([0, -lift])), 1.1, look.thread, 0.55)
        painter.shade_line(hem + np.array([0, -19.0]), 1.2, 0.10)


def _draw_sleeves(
    painter: Painter, cuts: tuple[TopCut, TopCut], halves: tuple[_Half, _Half], look: TopLook
) -> None:
    for cut, half in zip(cuts, halves, strict=True):
        assert half.sleeve is not None  # noqa: S101 (for the type checker: the cut has sleeves)
        outer, inner = half.sleeve
        area = np.concatenate([outer, inner, half.armhole[::-1]])
        turn = half.sign * cut.sleeve_angle * 0.89
        middle = (np.array(half.shoulder) + np.array(half.armpit)) / 2
        width = float(np.hypot(*(np.array(half.shoulder) - np.array(half.armpit)))) / 2
        ends = ((0.0, 0.0, width * 1.02), (cut.sleeve, 0.0, cut.cuff / 2 * 1.1))
        folds = _sleeve_folds(cut, half, painter.rng)
        piece = Piece(area, look.sleeves, (float(middle[0]), float(middle[1])), turn, folds, ends, shadow=0.35)
        painter.lay(piece)
        painter.shade_line(half.armhole, 1.6, 0.3)
        _finish_cuff(painter, cut, look, outer, inner)


def _finish_cuff(painter: Painter, cut: TopCut, look: TopLook, outer: Points, inner: Points) -> None:
    end, start = outer[-1], inner[0]
    outer_way, inner_way = outer[-6] - end, inner[3] - start
    outer_way, inner_way = (w / np.hypot(*w) for w in (outer_way, inner_way))
    across = np.linspace(0, 1, 24)[:, None]

    def rung(depth: float) -> Points:
        points: Points = (1 - across) * (end + depth * outer_way) + across * (start + depth * inner_way)
        return points

    if cut.cuff_rib:
        _ribbed(painter, look, rung(0.0), rung(cut.cuff_rib))
    else:
        for depth in (11.0, 15.0):
            painter.line(stitches(rung(depth)), 1.1, look.thread, 0.5)
        painter.shade_line(rung(18.0), 1.1, 0.08)


def _ribbed(painter: Painter, look: TopLook, edge: Points, inner: Points) -> None:
    """A band of ribbing between two curves that run the same way."""
    painter.lay(Piece(np.concatenate([edge, inner[::-1]]), look.ribbing, shadow=0.18))
    count = max(8, int(np.hypot(*np.diff(edge, axis=0).T).sum() / 4.2))
    t = np.linspace(0.01, 0.99, count)
    at = np.linspace(0, 1, len(edge))
    first = np.stack([np.interp(t, at, edge[:, k]) for k in (0, 1)], -1)
    last = np.stack([np.interp(t, at, inner[:, k]) for k in (0, 1)], -1)
    painter.line([np.stack([a, b]) for a, b in zip(first, last, strict=True)], 1.5, (0, 0, 0), 0.13)
    painter.shade_line(inner, 1.4, 0.25)


def _finish_neck(
    painter: Painter, cut: TopCut, halves: tuple[_Half, _Half], look: TopLook, front: Points
) -> None:
    if cut.rib:
        low = _below(front, cut, halves)
        _ribbed(painter, look, front, low)
        painter.line(stitches(low + np.array([0, 4.0])), 1.1, look.thread, 0.5)
    else:
        painter.line(stitches(shifted(front, -7.0)), 1.0, look.thread, 0.5)
    for half in halves:
        painter.shade_line(half.top[6:] + np.array([0.0, 5.0]), 1.0, 0.12)
    if look.buttons:
        _buttons(painter, cut, look, float(front[:, 1].max()) + cut.rib)


def _below(front: Points, cut: TopCut, halves: tuple[_Half, _Half]) -> Points:
    """The ribbing's lower edge: it ends on the shoulder seams, a rib's width from the neckline."""
    ends = []
    for half in halves:
        way = np.hypot(*(half.top - np.array(half.collar)).T)
        ends.append(half.top[int(np.argmax(way > cut.rib))])
    low = arc(tuple(ends[1]), tuple(ends[0]), cut.front_drop + cut.rib - float(ends[0][1]), cut.neck_power)
    return low


def _buttons(painter: Painter, cut: TopCut, look: TopLook, top: float) -> None:
    ys = np.arange(top + 26, cut.hem[1] - 20, 62)
    for x in (-15.0, 15.0):
        painter.shade_line(np.array([(x, top), (x, cut.hem[1] + cut.hem_sag * 0.9)]), 1.2, 0.22)
    turn = np.linspace(0, 2 * np.pi, 24)
    for y in ys:
        disc = np.stack([6.5 * np.cos(turn), y + 6.5 * np.sin(turn)], -1)
        plain = Cloth(replace(look.body.design, ground=(238, 232, 220), tile=None, stripes=()), look.body.weave)
        painter.lay(Piece(disc, plain, shadow=0.5))
        holes = [np.array([(a, y + b), (a + 0.1, y + b)]) for a in (-1.8, 1.8) for b in (-1.8, 1.8)]
        painter.line(holes, 1.6, (110, 100, 90), 0.9)


def _body(cut: TopCut) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    return (cut.armpit[1], 0.0, cut.armpit[0] * 1.03), (cut.hem[1], 0.0, cut.hem[0] * 1.03)


def _body_folds(cut: TopCut, rng: np.random.Generator) -> list[Fold]:
    """Drag lines from the armpits, soft drapes towards the hem."""
    folds = []
    for sign in (-1, 1):
        for _ in range(4):
            begin = (sign * (cut.armpit[0] - rng.uniform(2, 14)), cut.armpit[1] + rng.uniform(-8, 30))
            reach = rng.uniform(0.4, 0.85)
            end = (begin[0] * (1 - reach), begin[1] + rng.uniform(60, 200))
            folds.append(Fold(begin, end, rng.uniform(7, 14), rng.uniform(0.05, 0.13) * -sign, sign * rng.uniform(-18, 18)))
    span = cut.hem[1] - cut.armpit[1]
    for _ in range(9):
        x = rng.uniform(-0.9, 0.9) * cut.hem[0]
        begin = (x, cut.hem[1] - rng.uniform(0, 0.04) * span)
        end = (x * cut.waist[0] / cut.hem[0] + rng.uniform(-20, 20), cut.hem[1] - rng.uniform(0.25, 0.75) * span)
        folds.append(Fold(begin, end, rng.uniform(9, 20), rng.uniform(0.04, 0.10) * rng.choice([-1, 1]), rng.uniform(-20, 20)))
    return folds


def _sleeve_folds(cut: TopCut, half: _Half, rng: np.random.Generator) -> list[Fold]:
    armpit, shoulder = np.array(half.armpit), np.array(half.shoulder)
    way = np.array([half.sign * math.sin(cut.sleeve_angle), math.cos(cut.sleeve_angle)])
    aside = np.array([half.sign * way[1], -abs(way[0])])
    folds = []
    for _ in range(3 + int(cut.sleeve > 300) * 4):
        along = rng.uniform(0.0, 0.85)
        begin = armpit + way * along * cut.sleeve * 0.75 + rng.uniform(-6, 6, 2)
        end = begin + aside * rng.uniform(40, 90) + way * rng.uniform(-30, 80)
        folds.append(Fold(_pair(begin), _pair(end), rng.uniform(6, 11), rng.uniform(0.06, 0.14) * -half.sign, rng.uniform(-10, 10)))
    for _ in range(2):
        begin = shoulder + way * rng.uniform(5, 30) - np.array([half.sign * rng.uniform(10, 40), 0])
        folds.append(Fold(_pair(begin), _pair(begin + way * cut.sleeve * rng.uniform(0.4, 0.7)), rng.uniform(8, 13), rng.uniform(0.04, 0.09), rng.uniform(-8, 8)))
    return folds


def _pair(point: Points) -> Point:
    return float(point[0]), float(point[1])


def _landmarks(
    cuts: tuple[TopCut, TopCut], halves: tuple[_Half, _Half], front: Points, hem: Points, *, long: bool
) -> Landmarks:
    found: Landmarks = {
        GarmentPoint.COLLAR_FRONT: _pair(front[np.argmax(front[:, 1])]),
        GarmentPoint.HEM_CENTRE: _pair(hem[len(hem) // 2]),
    }
    for cut, half, word in zip(cuts, halves, ("LEFT", "RIGHT"), strict=True):
        points = {"COLLAR": half.collar, "SHOULDER": half.shoulder, "ARMPIT": half.armpit, "HEM": half.hem}
        points["WAIST"] = half.waist
        if half.sleeve:
            points |= {"CUFF_OUTER": _pair(half.sleeve[0][-1]), "CUFF_INNER": _pair(half.sleeve[1][0])}
        if long:
            points["HIP"] = half.hip
        found |= {GarmentPoint[f"{name}_{word}"]: point for name, point in points.items()}
    return found
