"""Where cloth folds: drag lines from the armpits, drapes towards the hem, creases at the elbow and the crotch."""

from __future__ import annotations

import math

import numpy as np

from bridge.garment.drawing.cloth import Fold
from bridge.garment.drawing.curves import pair
from bridge.garment.drawing.patterns import TopCut, TopHalf


def body_folds(cut: TopCut, rng: np.random.Generator) -> list[Fold]:
    """Drag lines from the armpits, soft drapes towards the hem."""
    folds = []
    for sign in (-1, 1):
        for _ in range(5):
            begin = (sign * (cut.armpit[0] - rng.uniform(2, 14)), cut.armpit[1] + rng.uniform(-8, 40))
            reach = rng.uniform(0.4, 0.9)
            end = (begin[0] * (1 - reach), begin[1] + rng.uniform(50, 210))
            depth = rng.uniform(0.05, 0.14) * -sign
            folds.append(Fold(begin, end, rng.uniform(6, 13), depth, sign * rng.uniform(-18, 18)))
    span = cut.hem[1] - cut.armpit[1]
    for _ in range(11):
        x = rng.uniform(-0.92, 0.92) * cut.hem[0]
        begin = (x, cut.hem[1] - rng.uniform(0, 0.04) * span)
        end = (
            x * cut.waist[0] / cut.hem[0] + rng.uniform(-24, 24),
            cut.hem[1] - rng.uniform(0.25, 0.8) * span,
        )
        depth = rng.uniform(0.04, 0.11) * rng.choice([-1, 1])
        folds.append(Fold(begin, end, rng.uniform(8, 19), depth, rng.uniform(-20, 20)))
    return folds


def sleeve_folds(half: TopHalf, rng: np.random.Generator) -> list[Fold]:
    """Creases across the sleeve from its inner edge, and a long one from the shoulder."""
    cut, armpit, shoulder = half.cut, np.array(half.armpit), np.array(half.shoulder)
    way = np.array([half.sign * math.sin(cut.sleeve_angle), math.cos(cut.sleeve_angle)])
    aside = np.array([half.sign * way[1], -abs(way[0])])
    folds = []
    for _ in range(4 + 5 * (cut.sleeve > 300)):
        begin = armpit + way * rng.uniform(0.0, 0.85) * cut.sleeve * 0.75 + rng.uniform(-6, 6, 2)
        end = begin + aside * rng.uniform(40, 90) + way * rng.uniform(-40, 80)
        depth = rng.uniform(0.06, 0.15) * -half.sign
        folds.append(Fold(pair(begin), pair(end), rng.uniform(5, 10), depth, rng.uniform(-10, 10)))
    for _ in range(2):
        begin = shoulder + way * rng.uniform(5, 30) - np.array([half.sign * rng.uniform(10, 40), 0])
        end = begin + way * cut.sleeve * rng.uniform(0.4, 0.7)
        folds.append(
            Fold(pair(begin), pair(end), rng.uniform(8, 13), rng.uniform(0.04, 0.09), rng.uniform(-8, 8))
        )
    return folds


def leg_folds(
    hip: float, hem: tuple[float, float], inner: float, crotch: float, sign: int, rng: np.random.Generator
) -> list[Fold]:
    """Creases that fan out from the crotch, the pressed line of the leg, and small ones at knee and ankle."""
    folds = []
    for _ in range(6):
        begin = (sign * rng.uniform(2, 14), crotch + rng.uniform(-34, 26))
        end = (sign * hip * rng.uniform(0.5, 0.98), begin[1] + rng.uniform(-90, 40))
        depth = rng.uniform(0.05, 0.12) * -sign
        folds.append(Fold(begin, end, rng.uniform(4, 9), depth, rng.uniform(-8, 8)))
    folds.append(Fold((sign * (hem[0] + inner) / 2, hem[1]), (sign * hip * 0.52, crotch * 0.75), 9, 0.05))
    for _ in range(10 if hem[1] - crotch > 250 else 3):
        y = crotch + (hem[1] - crotch) * rng.uniform(0.2, 0.97)
        x = sign * rng.uniform(inner, hem[0])
        end = (x + rng.uniform(-60, 60), y - rng.uniform(10, 70))
        depth = rng.uniform(0.03, 0.10) * rng.choice([-1, 1])
        folds.append(Fold((x, y), end, rng.uniform(5, 11), depth, rng.uniform(-8, 8)))
    return folds


def pleats(
    waist: float, hem: tuple[float, float], top: float, count: int, rng: np.random.Generator
) -> list[Fold]:
    """The pleats of a skirt, or, for ``count`` 0, the soft folds in which it falls."""
    folds = []
    for k in range(count or 7):
        share = (k + 0.5) / (count or 7) * 2 - 1 + (0 if count else rng.uniform(-0.12, 0.12))
        depth = 0.17 if count else rng.uniform(0.05, 0.11) * rng.choice([-1, 1])
        end = (share * waist, top + rng.uniform(4, 30 if count else 90))
        folds.append(Fold((share * hem[0] * 0.97, hem[1] + 4), end, rng.uniform(10, 15), depth))
    return folds
