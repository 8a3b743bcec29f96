"""Sleeves on one side of an outline: whether there is one, where it joins the body and where it ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bridge.garment.outline import Numbers, Outline, Side, dents, turning

Indices = npt.NDArray[np.intp]

LEDGE = 0.13
"""A sleeve ends in an edge that runs back towards the body for at least this share of the body's half width: its
cuff, and the under side of a short sleeve. The side of a dress runs back too, but downwards."""
APART = 0.25
"""Two cuffs that lie further apart than this when one is mirrored aren't both right [half widths]."""
SHARP = -0.45
"""An armpit turns inward at least this sharply [rad]; a waist does not."""
LEVEL = 1.0
"""How steeply such an edge may descend (down per inward)."""


@dataclass(frozen=True)
class Sleeve:
    """A sleeve, as indices into the half path.

    Attributes:
        outer: the cuff's end on the edge that comes from the shoulder.
        inner: the cuff's end on the edge that comes from the armpit.
        notch: where the outline leaves the sleeve and goes on along the body.
        score: how well the cuff's ends were found; comparable between the two sides.
    """

    outer: int
    inner: int
    notch: int
    score: float


def find_sleeves(outline: Outline, half_width: float) -> tuple[Sleeve | None, Sleeve | None]:
    """Find both sleeves, left and right; where they disagree, the clearer one is mirrored.

    Args:
        outline: the garment's outline.
        half_width: half the width of the garment's body [px].
    """
    left, right = (_find_sleeve(side, half_width) for side in (outline.left, outline.right))
    if left is None or right is None:
        return left, right
    apart = outline.left.path[[left.outer, left.inner]] - outline.right.path[[right.outer, right.inner]]
    if float(np.hypot(*apart.mean(0))) < APART * half_width:
        return left, right
    if left.score < right.score:
        return _mirrored(right, outline.right, outline.left, left), right
    return left, _mirrored(left, outline.left, outline.right, right)


def _mirrored(clear: Sleeve, source: Side, target: Side, own: Sleeve) -> Sleeve:
    """Move a sleeve's cuff to where the clearer sleeve of the other side has it."""
    outer, inner = (
        int(np.argmin(np.hypot(*(target.path - source.path[index]).T)))
        for index in (clear.outer, clear.inner)
    )
    return Sleeve(min(outer, inner), max(outer, inner), max(own.notch, inner), own.score)


def _find_sleeve(side: Side, half_width: float) -> Sleeve | None:
    notches = [
        (depth, _corner(side, first, last, half_width))
        for first, _, last, depth in dents(side.path)
        if depth > 0.05 * half_width
        and side.path[first : last + 1, 0].max() > side.path[last, 0] + LEDGE * half_width
        and side.path[first : last + 1, 0].max() > 0.9 * half_width
        and _ledge(side, first, last) > LEDGE * half_width
    ]
    lowest = side.path[:, 1].max() - 0.1 * np.ptp(side.path[:, 1])
    notches = [n for n in notches if side.path[n[1], 0] > 0.3 * half_width and side.path[n[1], 1] < lowest]
    if not notches:
        return None
    _, notch = max(notches)
    return _cuff(side, notch, half_width)


def _corner(side: Side, first: int, last: int, half_width: float) -> int:
    """The sharpest inward turn of a concavity before its deepest point, which may be the waist."""
    bend = turning(side.path, max(3, round(0.1 * half_width / side.step)))
    inner = first + (last - first) // 4
    sharpest = inner + int(np.argmin(bend[inner : last + 1]))
    return sharpest if bend[sharpest] < SHARP else last


def _ledge(side: Side, first: int, last: int) -> float:
    """How far the outline runs back towards the body before the notch, without going down much [px]."""
    step = np.diff(side.path[max(0, first - 40) : last + 1], axis=0)
    level = (step[:, 0] < 0) & (step[:, 1] < LEVEL * -step[:, 0])
    return float(-step[level, 0].sum())


def _cuff(side: Side, notch: int, half_width: float) -> Sleeve:
    """The two turning points between which the sleeve ends.

    Every pair of points between the shoulder and the notch is weighed: both turn outward, the way between them is
    straight, it lies far from the sleeve's root and crosses the sleeve instead of following it.
    """
    begin = int(np.argmax(side.path[:notch, 0] > 0.85 * min(side.path[notch, 0], 1.2 * half_width)))
    index = np.arange(begin, notch + 1)
    if len(index) < 8:
        return Sleeve(begin, notch, notch, -np.inf)
    bend = np.clip(turning(side.path, 6), -0.5, 1.3) + np.clip(turning(side.path, 12), -0.5, 1.3)
    # Where the sleeve lies on the body, the cuff ends at the notch itself.
    bend[notch - 2 : notch + 1] = np.maximum(bend[notch - 2 : notch + 1], 0.5)
    index = np.r_[index[: -1 : max(1, len(index) // 110)], notch]
    at = side.path[index]
    first, second = np.triu_indices(len(index), k=3)
    chord = at[second] - at[first]
    length = np.hypot(chord[:, 0], chord[:, 1])
    way = (index[second] - index[first]) * side.step
    root = _root(side, begin, notch, half_width)
    middle = (at[first] + at[second]) / 2 - root
    reach = np.hypot(middle[:, 0], middle[:, 1])
    across = np.abs((chord * _direction(at, first, second)).sum(-1)) / np.maximum(length, 1)
    fits = (length > 0.16 * half_width) & (length < 1.1 * half_width)
    score = bend[index[first]] + bend[index[second]] + 3.0 * reach / max(float(reach.max()), 1) - 1.6 * across
    score += 0.5 * np.minimum(length / half_width, 0.8)
    score -= 4 * np.clip(way / np.maximum(length, 1) - 1.03, 0, 2)
    score = np.where(fits, score, -np.inf)
    best = int(np.argmax(score))
    return Sleeve(int(index[first[best]]), int(index[second[best]]), notch, float(score[best]))


def _root(side: Side, begin: int, notch: int, half_width: float) -> Numbers:
    """The middle of the armhole: below the shoulder, and no lower than the notch."""
    low = min(side.path[notch, 1], side.path[begin, 1] + 0.9 * half_width)
    root: Numbers = np.array(
        [(side.path[begin, 0] + side.path[notch, 0]) / 2, (side.path[begin, 1] + low) / 2]
    )
    return root


def _direction(at: Numbers, first: Indices, second: Indices) -> Numbers:
    """The sleeve's direction just before the cuff: the mean of both edges' last stretch [unit vector]."""
    before = at[np.maximum(first - 8, 0)] - at[first]
    after = at[np.minimum(second + 8, len(at) - 1)] - at[second]
    both = before / np.maximum(np.hypot(before[:, 0], before[:, 1]), 1e-6)[:, None]
    both = both + after / np.maximum(np.hypot(after[:, 0], after[:, 1]), 1e-6)[:, None]
    direction: Numbers = both / np.maximum(np.hypot(both[:, 0], both[:, 1]), 1e-6)[:, None]
    return direction
