"""The pattern of tops and dresses: a few measures, and the curves that follow from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np

from bridge.garment.drawing.cloth import Cloth
from bridge.garment.drawing.curves import Point, Points, Wobble, bend, pair, smooth


class Collar(str, Enum):
    """How the neckline is finished."""

    RIB = "rib"
    BOUND = "bound"
    SHIRT = "shirt"
    TURTLE = "turtle"
    HOOD = "hood"


@dataclass(frozen=True)
class TopCut:
    """The pattern of a top or dress; lengths in garment units, one side, y down from the collar's points.

    Attributes:
        neck: half the neckline's width.
        front_drop: the neckline's depth in front.
        back_drop: its depth behind.
        neck_power: the front neckline's form; 1 is a V, 2 round.
        collar: how it is finished.
        rib: the width of the collar's ribbing.
        shoulder: the shoulder's tip.
        armpit: the armhole's lowest point.
        waist: a point of the side.
        hip: a point of the side; as low as the waist where there is none.
        hem: the hem's end.
        hem_sag: how far the hem's middle hangs below its ends.
        sleeve: its length from the shoulder's tip, 0 without.
        sleeve_angle: its angle from straight down [rad]; below 0.3 it lies over the body.
        cuff: its width at the end.
        cuff_rib: the height of the ribbing there.
        hem_rib: that at the hem.
    """

    neck: float = 82
    front_drop: float = 74
    back_drop: float = 16
    neck_power: float = 2.0
    collar: Collar = Collar.RIB
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

    @property
    def is_dress(self) -> bool:
        """Whether it is long enough for a dress."""
        return self.hem[1] > 750


@dataclass(frozen=True)
class TopLook:
    """The materials of a top.

    Attributes:
        body: of the front and the back.
        sleeves: of the sleeves.
        ribbing: of the collar, the cuffs and the hem.
        thread: the colour of its stitches.
        label: the colour of the label inside the collar, None without.
        inside_tone: how dark the inner side is.
        buttons: whether it has a buttoned front.
    """

    body: Cloth
    sleeves: Cloth
    ribbing: Cloth
    thread: tuple[float, float, float]
    label: tuple[float, float, float] | None = (236, 232, 224)
    inside_tone: float = 0.6
    buttons: bool = False


class TopHalf:
    """One side's curves, x already signed: sign 1 for the wearer's left (larger x)."""

    def __init__(self, cut: TopCut, sign: int, wobble: Wobble) -> None:
        flip = np.array([sign, 1.0])
        self.cut, self.sign = cut, sign
        self.collar, self.shoulder, self.armpit = (
            pair(np.array(p) * flip) for p in ((cut.neck, 0.0), cut.shoulder, cut.armpit)
        )
        self.waist, self.hip, self.hem = (pair(np.array(p) * flip) for p in (cut.waist, cut.hip, cut.hem))
        rise = np.array([(cut.shoulder[0] + cut.neck) / 2, cut.shoulder[1] * 0.42]) * flip
        self.top = bend(self.collar, pair(rise), self.shoulder)
        knots = [cut.armpit, cut.waist, *([cut.hip] if cut.hip[1] > cut.waist[1] + 20 else []), cut.hem]
        self.side = wobble(smooth(knots) * flip, 1.6)
        self.armhole = _armhole(cut) * flip
        self.outer, self.inner = np.zeros((0, 2)), np.zeros((0, 2))
        if cut.sleeve:
            outer, inner = _sleeve(cut)
            self.outer, self.inner = wobble(outer * flip, 1.6), wobble(inner * flip, 1.6)


def _armhole(cut: TopCut) -> Points:
    """The seam, or the open edge, from the shoulder's tip to the armpit."""
    if cut.sleeve:
        inward = min(cut.shoulder[0], cut.armpit[0]) - 20
        return bend(cut.shoulder, (inward, cut.armpit[1] * 0.66), cut.armpit)
    hollow = (min(cut.shoulder[0], cut.armpit[0]) - 14, cut.armpit[1] * 0.72)
    return smooth([cut.shoulder, hollow, cut.armpit])


def _sleeve(cut: TopCut) -> tuple[Points, Points]:
    """The outer edge from the shoulder to the cuff, and the inner edge from the cuff to the armpit."""
    first, second = cut.sleeve_angle, cut.sleeve_angle * 0.78
    shoulder, armpit = np.array(cut.shoulder), np.array(cut.armpit)
    elbow = shoulder + 0.52 * cut.sleeve * np.array([math.sin(first), math.cos(first)])
    cuff = elbow + 0.48 * cut.sleeve * np.array([math.sin(second), math.cos(second)])
    inward = np.array([-math.cos(second), math.sin(second)])
    inner = cuff + cut.cuff * inward
    cap = shoulder + 0.09 * cut.sleeve * np.array([math.sin(first), math.cos(first)]) + np.array([7.0, 2.0])
    outer_edge = smooth([pair(shoulder), pair(cap), pair(elbow), pair(cuff)])
    middle = (armpit + inner) / 2 - 0.03 * cut.sleeve * inward * np.array([1.0, 0.4])
    return outer_edge, bend(pair(inner), pair(middle), pair(armpit))
