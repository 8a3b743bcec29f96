"""The landmarks of what hangs from the shoulders: tops and dresses, one side at a time."""

from __future__ import annotations

import numpy as np

from bridge.garment.outline import Numbers, Outline, Side, deepest, farthest, turning
from bridge.garment.sleeves import Sleeve, find_sleeves

Found = dict[str, tuple[float, float, float]]
"""Landmarks of one side by name, as (x, y, score) in that side's coordinates."""

ARMHOLE = 0.48
"""The depth of an armhole as a share of the width between the shoulders' tips, where it is hidden."""
STEEP = 0.62
"""A sleeve whose cuff lies less than this far aside per length hangs steeply."""
HOLLOW = 0.04
"""An armhole is at least this hollow [half widths]."""
ASKEW = 0.12
"""Two shoulders that lie further apart than this when one is mirrored aren't both right [half widths]."""
UNEVEN = 0.15
"""Two armholes end at heights that differ by less than this [half widths]."""
CAP = 0.9
"""A hanging sleeve's cap reaches out further than the shoulder's tip, which lies at this share of it."""
LOWEST_ARMHOLE = 0.62
"""A sleeve that hangs beside the body hides its armpit when the gap begins lower than this share."""


def half_width(outline: Outline, begin: float = 0.28, end: float = 0.7) -> float:
    """Half the width of the garment's body [px]: its narrowest between two shares of its height."""
    rows = len(outline.runs)
    both = outline.runs[int(begin * rows) : int(end * rows), :, 1].mean(1)
    both = both[np.isfinite(both)]
    return max(float(np.percentile(both, 10)), 8.0) if len(both) else 8.0


def read_sides(outline: Outline, width: float, *, long: bool) -> list[tuple[Side, Found]]:
    """Read both sides of a top or a dress.

    Args:
        outline: the whole outline.
        width: half the width of the garment's body [px].
        long: whether it is a dress, whose hips are wanted as well.

    Returns:
        The left and the right side with their landmarks; see :func:`_read_side`.
    """
    halves, sleeves = (outline.left, outline.right), find_sleeves(outline, width)
    read = [_read_side(h, outline, s, width, long=long) for h, s in zip(halves, sleeves, strict=True)]
    tips = [np.array(found["shoulder"][:2]) for found in read]
    if all(sleeves) and float(np.hypot(*(tips[0] - tips[1]))) > ASKEW * width:
        # A gathered sleeve's cap passes for the shoulder on one side: the higher one is right.
        read = [
            _read_side(h, outline, s, width, long=long, shoulder_at=min(tips, key=lambda t: t[1]))
            for h, s in zip(halves, sleeves, strict=True)
        ]
    return list(zip(halves, _agree(read[0], read[1], halves, width), strict=True))


def _read_side(
    side: Side,
    outline: Outline,
    sleeve: Sleeve | None,
    width: float,
    *,
    long: bool,
    shoulder_at: Numbers | None = None,
) -> Found:
    """Read one side of a top or a dress.

    Args:
        side: the half of the outline.
        outline: the whole outline.
        sleeve: the sleeve on that side, None for a sleeveless side.
        width: half the width of the garment's body [px].
        long: whether it is a dress, whose hips are wanted as well.
        shoulder_at: FP64 [2], where the shoulder's tip is expected [px], None to judge by the sleeve.

    Returns:
        rim, collar, shoulder, armpit, cuff_outer, cuff_inner, waist, hip, hem: those that there are. The rim is
        the neckline's corner; the collar lies below it where a standing collar rises from the shoulders.
    """
    limit = sleeve.outer if sleeve else _sleeveless_limit(side, width)
    rim, collar = _collar(side, sleeve, limit, width)
    found: Found = {}
    if sleeve:
        shoulder = _shoulder(side, collar, sleeve, width, shoulder_at)
        armpit, trust = _armpit(side, sleeve, side.path[shoulder])
        found["cuff_outer"] = (*side.path[sleeve.outer], 0.9)
        found["cuff_inner"] = (*side.path[sleeve.inner], 0.9)
        below = sleeve.notch
    else:
        shoulder, below = _armhole(side, collar, limit, width)
        armpit, trust = side.path[below], 0.8
    found["rim"] = (*side.path[rim], 0.9)
    found["collar"] = (*side.path[collar], 0.9)
    found["shoulder"] = (*side.path[shoulder], 0.8)
    found["armpit"] = (armpit[0], armpit[1], trust)
    low = side.path[:, 1] > outline.bottom - 0.04 * outline.height
    # The hem ends on the axis, or where the front of an open jacket begins.
    hem, _ = farthest(side.path, below, int(np.nonzero(low)[0][-1]) if low[below:].any() else len(low) - 1)
    found["hem"] = (*side.path[hem], 0.9)
    return found | _flank(side, outline, found, long=long)


def _sleeveless_limit(side: Side, width: float) -> int:
    """The point on the side about as far below the top as the body is wide: below any armhole."""
    x, y = side.path[:, 0], side.path[:, 1]
    depth = min(1.5 * width, 0.6 * np.ptp(y))
    outside = (y > y.min() + depth) & (x > 0.55 * width)
    return int(np.argmax(outside)) if outside.any() else len(y) // 2


def _collar(side: Side, sleeve: Sleeve | None, limit: int, width: float) -> tuple[int, int]:
    """The corner between the neckline and the shoulder.

    It stands out from the chord between the neckline's middle and the shoulder. Where a standing collar or a hood
    rises from the shoulders, the corner at its foot is given as well; else the same again.
    """
    if sleeve:
        outward = np.nonzero(side.path[:limit, 0] > 0.8 * max(width, 0.9 * side.path[sleeve.notch, 0]))[0]
        end = int(outward[0]) if len(outward) else limit
    else:
        end, _ = farthest(side.path, 0, limit)
    corner, depth = farthest(side.path, 0, end)
    if depth < 0.02 * width:
        corner = end
    end = max(end, corner + 1)
    foot, depth = deepest(side.path, corner, end)
    rise = side.path[foot, 1] - side.path[corner, 1]
    closed = side.path[0, 1] < side.path[corner, 1] + 0.5 * rise
    high = closed and rise > 0.12 * width and depth > 0.06 * width and side.path[foot, 0] < 0.7 * width
    return corner, foot if high else corner


def _shoulder(side: Side, collar: int, sleeve: Sleeve, width: float, expected: Numbers | None) -> int:
    """The shoulder's tip: where the outline bends down into the sleeve, about above the armpit.

    Where the sleeve hangs steeply, it lies a little inside of the corner between shoulder and sleeve; where it is
    spread, that corner is flat and the armpit says more.
    """
    index = np.arange(collar + 2, max(collar + 4, sleeve.outer - 2))
    if expected is not None:
        away = np.hypot(*(side.path[index] - expected).T) / expected[0]
    else:
        aside = 1.05 * min(float(side.path[sleeve.notch, 0]), 1.15 * width)
        fall = side.path[sleeve.outer] - side.path[collar]
        if fall[0] < STEEP * fall[1]:
            aside = CAP * float(side.path[farthest(side.path, collar, sleeve.outer)[0], 0])
        away = side.path[index, 0] / aside - 1
    reach = max(4, round(0.22 * width / side.step))
    # From the collar on, so that its own corner doesn't count.
    bend = np.clip(turning(side.path[collar:], reach)[index - collar], 0, 0.9) + 0.12
    return int(index[np.argmax(bend * np.exp(-((away / 0.25) ** 2)))])


def _armpit(side: Side, sleeve: Sleeve, shoulder: Numbers) -> tuple[Numbers, float]:
    """The armpit: the notch, the top of an enclosed gap above it, or a guess where the sleeve hides it."""
    notch = side.path[sleeve.notch]
    gaps = [g for g in side.gaps if shoulder[1] < g[1] < notch[1] and g[0] > 0.5 * notch[0]]
    highest = min(gaps, key=lambda g: float(g[1]), default=notch)
    across = 2 * shoulder[0]
    cuff = (side.path[sleeve.outer] + side.path[sleeve.inner]) / 2
    hangs = abs(cuff[0] - shoulder[0]) < 0.55 * (cuff[1] - shoulder[1])
    if hangs and highest[1] - shoulder[1] > LOWEST_ARMHOLE * across:
        return np.array([min(highest[0], shoulder[0]), shoulder[1] + ARMHOLE * across]), 0.4
    return highest, 0.9


def _armhole(side: Side, collar: int, limit: int, width: float) -> tuple[int, int]:
    """A sleeveless side: the outer end of the strap's top, and the corner where the armhole meets the side."""
    hollow, depth = deepest(side.path, collar, limit)
    if depth > HOLLOW * width:
        shoulder, _ = farthest(side.path, collar, hollow)
    else:
        # A wide shoulder hides the armhole's hollow from the collar; the hollow shows from the shoulder's tip.
        shoulder, _ = farthest(side.path, collar, limit)
        hollow, depth = deepest(side.path, shoulder, limit)
    if depth < HOLLOW * width:
        low = side.path[shoulder, 1] + ARMHOLE * 2 * max(side.path[shoulder, 0], 0.7 * width)
        below = np.nonzero(side.path[shoulder:, 1] > low)[0]
        return shoulder, shoulder + (int(below[0]) if len(below) else 1)
    end = hollow + int(np.argmax(side.path[hollow:, 1] > side.path[hollow, 1] + 1.1 * width))
    end = max(end, hollow + 1)
    bend = turning(side.path, max(4, round(0.16 * width / side.step)))[hollow:end]
    x = side.path[hollow:end, 0]
    return shoulder, hollow + int(np.argmax(np.where(x > 0.8 * x.max(), bend, -np.pi)))


def _agree(left: Found, right: Found, outlines: tuple[Side, Side], width: float) -> tuple[Found, Found]:
    """Bring the armpits of a sleeveless garment to one height, where a round side leaves it open.

    Args:
        left: the left side's landmarks.
        right: the right side's.
        outlines: the left and the right side.
        width: half the width of the garment's body [px].
    """
    apart = abs(left["armpit"][1] - right["armpit"][1])
    if "cuff_outer" in left or "cuff_outer" in right or apart < UNEVEN * width:
        return left, right
    height = (left["armpit"][1] + right["armpit"][1]) / 2
    both = []
    for found, side in zip((left, right), outlines, strict=True):
        outer = side.path[: int(np.argmax(side.path[:, 1])) + 1]
        low = int(np.argmin(np.abs(outer[:, 1] - height) + 1e3 * (outer[:, 0] < 0.5 * found["armpit"][0])))
        both.append(found | {"armpit": (*outer[low], found["armpit"][2])})
    return both[0], both[1]


def _flank(side: Side, outline: Outline, found: Found, *, long: bool) -> Found:
    """Waist and hip: on the side, at heights that the shoulders' width suggests."""
    across = 2 * found["shoulder"][0]
    top, bottom = found["armpit"][1], found["hem"][1]
    heights = np.arange(top, bottom)
    if len(heights) < 4:
        return {}
    xs = _side_at(side, outline, found, heights)
    share = (heights - top) / max(bottom - top, 1)
    expected = min(0.55 * across / max(bottom - top, 1), 0.6)
    cost = xs / max(float(np.median(xs)), 1) + 0.5 * np.clip(np.abs(share - expected) - 0.1, 0, 1)
    cost[(share < 0.12) | (share > 0.9)] = np.inf
    waist = int(np.argmin(cost))
    points: Found = {"waist": (float(xs[waist]), float(heights[waist]), 0.7)}
    if long:
        hip = min(int(waist + 0.5 * across), waist + (len(heights) - waist) * 2 // 3)
        points["hip"] = (float(xs[hip]), float(heights[hip]), 0.6)
    return points


def _side_at(side: Side, outline: Outline, found: Found, heights: Numbers) -> Numbers:
    """The side's x at the given heights; where a sleeve covers it, drawn through from above to below."""
    rows = np.clip((heights - outline.top).astype(int), 0, len(outline.runs) - 1)
    column = 0 if side.sign > 0 else 1
    xs = outline.runs[rows, column, 1].copy()
    if "cuff_outer" in found:
        lowest = max(found["cuff_outer"][1], found["cuff_inner"][1])
        xs[(heights < lowest + 2) & (xs > outline.outer[rows, column] - 0.15 * found["shoulder"][0])] = np.nan
    xs[0], seen = found["armpit"][0], ~np.isnan(xs)
    seen[0] = True
    return np.interp(heights, heights[seen], xs[seen])
