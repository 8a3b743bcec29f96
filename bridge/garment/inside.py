"""The garment's inner side that its photo shows: the back of the collar from within, the back of a longer hem.

Left in, it would be painted on the front of the wearer. The edges of the front are looked for among superelliptic
arcs (:mod:`bridge.garment.edges`); where none stands out, nothing is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from bridge.garment.backdrop import Numbers, Pixels
from bridge.garment.edges import UNIT, Patch, cut_patch, follow, normals, superellipse, weigh
from bridge.garment.frame import Frame, Points

NECK_REACH = (0.7, 2.5, 1.4)
"""How far the neckline's patch reaches above, below and aside, in halves of the neckline's width."""
SAGS = np.linspace(0.14, 2.1, 26)
"""Depths of the front neckline that are tried, in halves of its width; crew necks are 0.5 to 0.9."""
POWERS = (1.0, 1.3, 1.65, 2.0, 2.3)
"""Forms that are tried: exponents of the superellipse."""
ENDS = (-0.08, 0.0, 0.08)
"""Shifts of the arc's ends along the chord that are tried, in halves of its width."""
SECOND = 8
"""How many of the best arcs are varied a little, each end by itself."""
RIBS = (9.0, 11.0, 13.0, 15.0, 17.0, 20.0, 23.0, 27.0)
"""Widths of a collar's ribbing, whose two edges run side by side, that are tried [px of the patch]."""
CLEAR = 0.5
"""The score from which a neckline's edge counts, of at most about 1.5."""
THINNEST = 0.12
"""A strip thinner than this is a binding of the front [halves of the neckline's width]."""
TAPE = 0.3
"""A strip along the back's edge that is thinner than this may be the tape of the neck's seam, not all of the
inside [halves of the neckline's width]."""

HOOD = 1.2
"""What rises higher than this above the shoulders is a hood, not a collar [halves of the neck's width]."""
HOOD_SAG = 0.55
"""How far the front of a hooded garment reaches down between the hood's feet, in the same measure."""
HEM_REACH = (0.5, 0.8, 1.1)
"""How far the hem's patch reaches above, below and aside, in halves of the hem's width."""
HEM_SAGS = np.linspace(-0.06, 0.4, 24)
"""Depths of the front hem that are tried, in halves of its width."""
HEM_ENDS = np.linspace(-0.2, 0.2, 11)
"""Heights of its ends that are tried."""
HEM_POWERS = (1.4, 1.7, 2.0)
"""Forms of the front hem that are tried: exponents of the superellipse."""
HEM_CLEAR, HEM_EVEN = 0.5, 0.3
"""The score from which a front hem counts, all along and in its weakest quarter."""
HEM_ROUND = 0.25
"""Only a garment whose outline hangs this much lower in the middle than at the hem's ends is looked at [halves of
the hem's width]: at a straight hem, stripes would pass for a front hem."""
HEM_THINNEST = 0.15
"""The back hangs at least this much lower than the front in the middle, in halves of the hem's width."""


@dataclass(frozen=True)
class FrontEdge:
    """An edge of the front with the inner side of the back beyond it.

    Attributes:
        edge: FP64 [n, 2], from the wearer's right to the left, in the garment's frame [px].
        score: how clear it is, 0 to about 1.5.
    """

    edge: Points
    score: float


def find_neckline(image: Pixels, mask: Pixels, frame: Frame, right: Points, left: Points) -> FrontEdge | None:
    """Find the front neckline's edge below the inner back of the collar.

    Args:
        image: UINT8 [h, w, 3], the photo.
        mask: UINT8 [h, w], the garment's mask.
        frame: the garment's frame.
        right: FP64 [2], the neckline's right corner in that frame [px].
        left: FP64 [2], its left corner.

    Returns:
        The edge, or None when no arc stands out, that is when no inner side seems to show.
    """
    patch = cut_patch(image, mask, frame, (right, left), NECK_REACH)
    first, arcs = _first_arcs()
    liking = _like(patch, first, arcs)[0]
    tried = np.concatenate([_varied(first[k]) for k in np.argsort(-liking)[:SECOND]])
    arcs = _neck_arcs(tried)
    liking, score, _ = _like(patch, tried, arcs)
    best = int(np.argmax(liking))
    thick = tried[:, 0] - _dip(patch)
    if score[best] < CLEAR or thick[best] < THINNEST:
        return None
    lower = _below_tape(patch, tried[best, 0] + 0.15) if thick[best] < TAPE else None
    edge = patch.place(arcs[best] if lower is None else lower)
    # In a thin strip, the edges of tape and label lie near and would lead the path astray.
    edge = follow(patch, edge) if thick[best] > TAPE else edge
    return FrontEdge(frame.to_frame(patch.lift(edge)), float(score[best]))


def _neck_arcs(shapes: Numbers) -> Numbers:
    """The arcs of shapes (sag, power, shift of the left end, shift of the right end), FP64 [shapes, points, 2]."""
    forms, own = np.unique(shapes[:, :2].round(3), axis=0, return_inverse=True)
    arcs = np.array([superellipse(float(sag), float(power)) for sag, power in forms])[own]
    x = arcs[:, :, 0]
    arcs[:, :, 0] = x * (1 + np.where(x > 0, shapes[:, 2:3], shapes[:, 3:4]))
    return arcs


@lru_cache(maxsize=1)
def _first_arcs() -> tuple[Numbers, Numbers]:
    """The shapes that are tried everywhere, and their arcs."""
    shapes = np.array([(sag, power, end, end) for sag in SAGS for power in POWERS for end in ENDS])
    return shapes, _neck_arcs(shapes)


def _varied(shape: Numbers) -> Numbers:
    """Shapes near one, FP64 [n, 4]."""
    steps = [(-0.04, 0.0, 0.04), (-0.15, 0.0, 0.15), (-0.06, 0.0, 0.06), (-0.06, 0.0, 0.06)]
    around = np.stack(np.meshgrid(*steps, indexing="ij"), -1).reshape(-1, 4)
    near: Numbers = np.maximum(shape + around, [0.1, 0.9, -0.2, -0.2])
    return near


def _like(patch: Patch, shapes: Numbers, arcs: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """How much is for each shape: its liking, its edge's score and weakest quarter, each FP64 [shapes]."""
    score, weakest = weigh(patch, patch.place(arcs))
    sag, power, left, right = shapes.T
    odd = 0.25 * np.maximum(0, 0.45 - sag) + 0.1 * np.maximum(0, sag - 1) + 0.3 * np.maximum(0, power - 2)
    odd += 0.4 * (np.abs(left) + np.abs(right))
    return np.minimum(score, 1) + 0.1 * score + 0.1 * sag - odd, score, weakest


def _dip(patch: Patch) -> float:
    """How far the middle of the garment's upper outline lies below the chord, in halves of the neckline's width."""
    middle = patch.cloth.shape[1] // 2
    top = np.argmax(patch.cloth[:, middle - 3 : middle + 4] > 0.5, axis=0)
    return float((np.median(top) - patch.centre[1]) / UNIT)


def _below_tape(patch: Patch, least: float) -> Points | None:
    """Look for the front's ribbing below what may be only the tape of the back: two edges side by side.

    Args:
        patch: the neckline's neighbourhood.
        least: how deep they hang at least, in halves of the neckline's width.
    """
    shapes, arcs = _first_arcs()
    _, score, weakest = _like(patch, shapes, arcs)
    likely = np.nonzero((shapes[:, 0] > least) & (score > 0.5) & (weakest > 0.2))[0]
    if not len(likely):
        return None
    placed = patch.place(arcs[likely])
    across = normals(placed)
    ribs = np.max([weigh(patch, placed + rib * across)[0] for rib in RIBS], axis=0)
    total = np.minimum(score[likely], 0.6) + np.minimum(ribs, 1.1) + 0.5 * weakest[likely]
    found = int(np.argmax(np.where(ribs > 0.6, total, -1)))
    return arcs[likely[found]] if ribs[found] > 0.6 else None


def hood_edge(feet: tuple[Points, Points], rims: tuple[Points, Points]) -> FrontEdge | None:
    """The edge above which a hood lies, where the garment has one: worn, it hangs behind the neck.

    Args:
        feet: FP64 [2] each, where hood and shoulders meet on the right and on the left [px].
        rims: FP64 [2] each, the corners above them: as high as the feet where there is neither collar nor hood.
    """
    half = float(np.hypot(*(feet[1] - feet[0]))) / 2
    rise = (feet[0][1] + feet[1][1] - rims[0][1] - rims[1][1]) / 2
    if rise < HOOD * half:
        return None
    arc = superellipse(HOOD_SAG, 1.4)
    middle, along = (feet[0] + feet[1]) / 2, (feet[1] - feet[0]) / 2
    edge = middle + arc[:, :1] * along + arc[:, 1:] * np.array([-along[1], along[0]])
    return FrontEdge(edge, 0.4)


def find_front_hem(
    image: Pixels, mask: Pixels, frame: Frame, right: Points, left: Points
) -> FrontEdge | None:
    """Find the front hem's edge above the inner side of a back that hangs lower.

    Args:
        image: UINT8 [h, w, 3], the photo.
        mask: UINT8 [h, w], the garment's mask.
        frame: the garment's frame.
        right: FP64 [2], the hem's right end in that frame [px].
        left: FP64 [2], its left end.

    Returns:
        The edge, or None when the back hangs no lower or no edge stands out.
    """
    patch = cut_patch(image, mask, frame, (right, left), HEM_REACH)
    middle = patch.cloth.shape[1] // 2
    column = np.nonzero(patch.cloth[:, middle - 3 : middle + 4].mean(1) > 0.5)[0]
    bottom = (column[-1] - patch.centre[1]) / UNIT if len(column) else 0.0
    if bottom < HEM_ROUND:
        return None
    arcs = np.array(
        [superellipse(s, p) + np.array([0, e]) for s in HEM_SAGS for p in HEM_POWERS for e in HEM_ENDS]
    )
    arcs = arcs[arcs[:, arcs.shape[1] // 2, 1] < bottom - HEM_THINNEST]
    placed = patch.place(arcs)
    score, weakest = weigh(patch, placed, lit=-1)
    best = int(np.argmax(score))
    if score[best] < HEM_CLEAR or weakest[best] < HEM_EVEN:
        return None
    return FrontEdge(frame.to_frame(patch.lift(follow(patch, placed[best]))), float(score[best]))


def beyond(edge: Points, mask: Pixels, frame: Frame, *, above: bool) -> Pixels:
    """The part of the garment above or below an edge of its front.

    Args:
        edge: FP64 [n, 2], from one side to the other, in the garment's frame [px].
        mask: UINT8 [h, w], the garment's mask.
        frame: the garment's frame.
        above: whether the part above is wanted.

    Returns:
        UINT8 [h, w], a soft mask, nowhere more than ``mask``.
    """
    far = np.array([0.0, -max(mask.shape) if above else max(mask.shape)])
    area = frame.to_photo(np.concatenate([edge, edge[::-1] + far]))
    filled = np.zeros_like(mask)
    cv2.fillPoly(filled, [np.rint((area - 0.5) * 16).astype(np.int32)], (255,), cv2.LINE_AA, shift=4)
    return np.minimum(filled, mask)
