"""How a neckline is finished: ribbing, a bound edge, a shirt's collar, a turtleneck, a hood."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bridge.garment.drawing.cloth import Cloth
from bridge.garment.drawing.curves import Points, arc, bend, pair, shifted, smooth, stitches
from bridge.garment.drawing.paint import Painter, Piece, ribbed
from bridge.garment.drawing.patterns import Collar, TopCut, TopHalf, TopLook

Halves = tuple[TopHalf, TopHalf]


class Neck:
    """The neckline's curves.

    Attributes:
        front: FP64 [n, 2], the front's edge from the wearer's right to the left [garment units].
        back: FP64 [n, 2], the back's edge, in the same direction.
    """

    def __init__(self, cut: TopCut, halves: Halves) -> None:
        left, right = halves[0].collar, halves[1].collar
        self.front = arc(right, left, cut.front_drop, cut.neck_power)
        self.back = arc(right, left, cut.back_drop)
        if cut.collar is Collar.SHIRT:
            self.back = arc((-0.86 * cut.neck, -22.0), (0.86 * cut.neck, -22.0), -9.0)
            self.front = smooth([pair(self.back[0]), (-cut.neck * 0.74, 8.0), (0.0, cut.front_drop)], 24)
            self.front = np.concatenate([self.front, self.front[::-1] * np.array([-1.0, 1.0])])
        elif cut.collar is Collar.TURTLE:
            high = -62.0
            self.back = arc((-0.8 * cut.neck, high), (0.8 * cut.neck, high), -5.0)
            self.front = arc((-0.8 * cut.neck, high), (0.8 * cut.neck, high), 12.0)
        elif cut.collar is Collar.HOOD:
            self.back = smooth(
                [(-62.0, -92.0), (-34.0, -138.0), (0.0, -150.0), (34.0, -138.0), (62.0, -92.0)]
            )
            self.front = smooth([(-62.0, -92.0), (-60.0, -20.0), (0.0, cut.front_drop)], 24)
            self.front = np.concatenate([self.front, self.front[::-1] * np.array([-1.0, 1.0])])

    @property
    def inside(self) -> Points:
        """The outline of the inner side that shows."""
        return np.concatenate([self.back, self.front[::-1]])


def draw_inside(painter: Painter, cut: TopCut, look: TopLook, neck: Neck) -> None:
    """The back's inner side: darker cloth, its tape along the neckline, and the label."""
    inside = Cloth(replace(look.body.design, chest=None), look.body.weave)
    painter.lay(Piece(neck.inside, inside, tone=look.inside_tone, shadow=0.0))
    if cut.rib and cut.collar is Collar.RIB:
        limit = np.interp(neck.back[:, 0], neck.front[:, 0], neck.front[:, 1])
        low = np.minimum(neck.back[:, 1] + cut.rib * 0.75, limit)
        tape = np.concatenate([neck.back, np.stack([neck.back[:, 0], low], -1)[::-1]])
        painter.lay(Piece(tape, look.ribbing, tone=look.inside_tone * 0.86, shadow=0.12))
    top = float(neck.back[len(neck.back) // 2, 1]) + cut.rib * 0.75 + 2
    room = float(neck.front[:, 1].max()) - top
    if look.label and room > 36:
        _draw_label(painter, look, top, min(24.0, room * 0.4))


def _draw_label(painter: Painter, look: TopLook, top: float, height: float) -> None:
    x, low = 19.0, top + height
    area = np.array([(-x, top), (x, top), (x, low), (-x, low)])
    label = look.label or (255.0, 255.0, 255.0)
    paper = Cloth(replace(look.body.design, ground=label, stripes=(), tile=None), look.body.weave)
    painter.lay(Piece(area, paper, tone=0.88, shadow=0.3))
    words = [
        np.array([(-x * k, top + t * height), (x * k, top + t * height)])
        for k, t in ((0.6, 0.4), (0.35, 0.68))
    ]
    painter.line(words, 2.2, (90, 88, 86), 0.7)


def finish_neck(painter: Painter, cut: TopCut, halves: Halves, look: TopLook, neck: Neck) -> None:
    """Finish the neckline's edge."""
    if cut.collar is Collar.SHIRT:
        _draw_leaves(painter, cut, look)
    elif cut.collar is Collar.TURTLE:
        _draw_tube(painter, cut, look, neck)
    elif cut.collar is Collar.HOOD:
        _draw_hood(painter, cut, look, neck)
    elif cut.collar is Collar.RIB:
        low = _below(cut, halves)
        ribbed(painter, look.ribbing, neck.front, low)
        painter.line(stitches(low + np.array([0, 4.0])), 1.1, look.thread, 0.5)
    else:
        painter.line(stitches(shifted(neck.front, -7.0)), 1.0, look.thread, 0.5)
    for half in halves:
        painter.shade_line(half.top[6:] + np.array([0.0, 5.0]), 1.0, 0.12)


def _below(cut: TopCut, halves: Halves) -> Points:
    """The ribbing's lower edge: it ends on the shoulder seams, a rib's width from the neckline."""
    ends = []
    for half in halves:
        way = np.hypot(*(half.top - np.array(half.collar)).T)
        ends.append(half.top[int(np.argmax(way > cut.rib))])
    return arc(pair(ends[1]), pair(ends[0]), cut.front_drop + cut.rib - float(ends[0][1]), cut.neck_power)


def _draw_leaves(painter: Painter, cut: TopCut, look: TopLook) -> None:
    """The two leaves of a shirt's collar, folded down over the shoulders."""
    for sign in (-1, 1):
        flip = np.array([sign, 1.0])
        fold = smooth([(0.86 * cut.neck, -22.0), (0.74 * cut.neck, 8.0), (3.0, cut.front_drop)], 24) * flip
        edge = (
            bend((0.55 * cut.neck, cut.front_drop + 36), (cut.neck * 1.0, 36.0), (cut.neck + 24, 13.0)) * flip
        )
        over = bend((cut.neck + 24, 13.0), (cut.neck + 4, -16.0), (0.86 * cut.neck, -22.0)) * flip
        painter.lay(Piece(np.concatenate([fold, edge, over]), look.body, turn=0.5 * sign, shadow=0.5))
        painter.line(stitches(edge + np.array([-3.0 * sign, -5.0])), 1.0, look.thread, 0.5)
        painter.shade_line(fold, 1.4, 0.25)


def _draw_tube(painter: Painter, cut: TopCut, look: TopLook, neck: Neck) -> None:
    """A turtleneck: ribbing from the shoulders up to its fold."""
    low = arc((-cut.neck - 6, 3.0), (cut.neck + 6, 3.0), 26.0)
    ribbed(painter, look.ribbing, neck.front, low)


def _draw_hood(painter: Painter, cut: TopCut, look: TopLook, neck: Neck) -> None:
    """A hood that stands up behind the neck: its two edges cross in front."""
    crown = smooth([(0.0, -176.0), (58.0, -158.0), (96.0, -96.0), (cut.neck + 22, 10.0)])
    for sign in (-1, 1):
        flip = np.array([sign, 1.0])
        low = bend((cut.neck + 22, 10.0), (46.0, cut.front_drop + 30), (-8.0 * sign, cut.front_drop + 16))
        rim = np.concatenate([neck.front[: len(neck.front) // 2], np.zeros((0, 2))]) * np.array([-1.0, 1.0])
        inner = np.concatenate([np.array([(0.0, -150.0)]), smooth([(34.0, -138.0), (62.0, -92.0)]), rim])
        painter.lay(Piece(np.concatenate([crown, low, inner[::-1]]) * flip, look.body, shadow=0.45))
        painter.line(stitches((rim + np.array([9.0, 2.0])) * flip), 1.0, look.thread, 0.5)
