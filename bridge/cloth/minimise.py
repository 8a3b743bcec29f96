"""How the sum of terms is made small."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from bridge.cloth.terms import Term
from bridge.cloth.wearer import Floats

_PAIRS = 8
"""Steps that are remembered."""
_ENOUGH, _SHORTER, _SHORTEST = 1e-4, 0.4, 1e-3
"""Of a step: the share of the promised descent that must come, how much shorter the next try is, the last try."""
_FIRST = 0.005
"""The longest first step [m]."""


def minimised(terms: Sequence[Term], x: Floats, step: Floats, count: int) -> Floats:
    """Return the vertices [N, 3] after a few steps towards the least sum of the terms.

    L-BFGS with a diagonal to begin with (Nocedal and Wright, *Numerical Optimization*, 2006, algorithms 7.4 and 3.1).

    Args:
        terms: what is to be small.
        x: FP64 [N, 3], the vertices [m].
        step: FP64 [N, 1], about the inverse of the second derivative by a vertex [m2].
        count: the most steps.
    """
    pairs: deque[tuple[Floats, Floats]] = deque(maxlen=_PAIRS)
    value, gradient = _sum(terms, x)
    for _ in range(count):
        way = _direction(gradient, pairs, step)
        slope, length = float((gradient * way).sum()), 1.0
        if not pairs:
            length = min(1.0, _FIRST / max(float(np.abs(way).max()), 1e-12))
        while True:
            there, (lower, turned) = x - length * way, _sum(terms, x - length * way)
            if lower <= value - _ENOUGH * length * slope or length < _SHORTEST:
                break
            length *= _SHORTER
        if not lower < value:
            break
        if float(((there - x) * (turned - gradient)).sum()) > 0:
            pairs.append((there - x, turned - gradient))
        x, value, gradient = there, lower, turned
    return x


def _direction(gradient: Floats, pairs: Sequence[tuple[Floats, Floats]], step: Floats) -> Floats:
    """Return the gradient times the inverse of the second derivative, as far as the last steps tell."""
    way, shares = gradient.copy(), []
    for moved, turned in reversed(pairs):
        share = float((moved * way).sum() / (moved * turned).sum())
        shares.append(share)
        way -= share * turned
    if pairs:
        moved, turned = pairs[-1]
        step = step * float((moved * turned).sum() / (turned * turned * step).sum())
    way *= step
    for (moved, turned), share in zip(pairs, reversed(shares), strict=True):
        way += moved * (share - float((turned * way).sum() / (moved * turned).sum()))
    return way


def _sum(terms: Sequence[Term], x: Floats) -> tuple[float, Floats]:
    """Return the sum of the terms' values, and of their gradients."""
    values, gradients = zip(*(term(x) for term in terms), strict=True)
    return float(sum(values)), np.sum(gradients, axis=0)
