"""The garment's inner side that its photo shows above the front neckline.

A shirt on a hanger or a ghost mannequin shows the back of its collar from within: above the edge of the front
neckline. Left in, it would be painted on the wearer's chest. The edge is looked for among superelliptic arcs from
one corner of the neckline to the other; along the right one the cloth changes all the way and in the same way. It
is then followed from point to point by the cheapest path near the best arc.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bridge.garment.backdrop import Floats, Numbers, Pixels, to_lab
from bridge.garment.frame import Frame, Points

UNIT = 64.0
"""Half the neckline's width in the patch that is searched [px]."""
ABOVE, BELOW, ASIDE = 0.7, 2.5, 1.4
"""How far the patch reaches from the middle of the neckline's chord, in halves of its width."""
SAGS = np.linspace(0.14, 2.1, 50)
"""Depths of the front neckline that are tried, in halves of its width; crew necks are 0.5 to 0.9."""
POWERS = (1.0, 1.2, 1.45, 1.7, 2.0, 2.3)
"""Forms that are tried: exponents of the superellipse; 1 is a V, 2 round, more is square."""
ENDS = (-0.08, 0.0, 0.08)
"""Shifts of the arc's ends along the chord that are tried, in halves of its width."""
RIBS = (9.0, 11.0, 13.0, 15.0, 17.0, 20.0, 23.0, 27.0)
"""Widths of a collar's ribbing, whose two edges run side by side, that are tried [px of the patch]."""
STEP = 3.0
"""How far on either side of the arc the cloth is compared [px of the patch]."""
JUMP = 11.0
"""A change of the cloth's tone beyond this counts no more: a label's edge is no better than a seam's."""
CLEAR = 0.5
"""The score from which an edge counts, of at most about 1.5."""
THINNEST = 0.12
"""A strip thinner than this is a binding of the front [halves of the neckline's width]."""
TAPE = 0.3
"""A strip along the back's edge that is thinner than this may be the tape of the neck's seam, not all of the
inside [halves of the neckline's width]."""


@dataclass(frozen=True)
class Neckline:
    """The front neckline's edge.

    Attributes:
        edge: FP64 [n, 2], the edge from the right to the left corner, in the garment's frame [px].
        score: how clear it is, 0 to about 1.5.
    """

    edge: Points
    score: float


def find_neckline(image: Pixels, mask: Pixels, frame: Frame, right: Points, left: Points) -> Neckline | None:
    """Find the front neckline's edge below the inner back of the collar.

    Args:
        image: UINT8 [h, w, 3], the photo.
        mask: UINT8 [h, w], the garment's mask.
        frame: the garment's frame.
        right, left: FP64 [2], the neckline's corners in that frame [px].

    Returns:
        The edge, or None when no arc stands out, that is when no inner side seems to show.
    """
    to_photo = _patch_to_photo(frame, right, left)
    tone, cloth = _patch(image, mask, to_photo)
    arcs, prior = _arcs()
    score, ends = _edge_score(tone, cloth, arcs)
    best = int(np.argmax(np.minimum(score, 1) + 0.1 * score + 0.1 * _sag(arcs) - prior))
    thick = _sag(arcs) - _dip(cloth)
    if score[best] < CLEAR or thick[best] < THINNEST:
        return None
    if thick[best] < TAPE:
        best = _below_tape(tone, cloth, arcs, best, np.where(thick > thick[best] + 0.15, score, 0), ends)
    edge = _followed(tone, cloth, arcs[best])
    return Neckline(frame.to_frame(edge @ to_photo[:, :2].T + to_photo[:, 2]), float(score[best]))


def _sag(arcs: Numbers) -> Numbers:
    """The depth of each arc, FP64 [arcs], in halves of the neckline's width."""
    depth: Numbers = arcs[:, :, 1].max(1) / UNIT - ABOVE
    return depth


def _dip(cloth: Floats) -> float:
    """How far the middle of the garment's upper outline lies below the chord, in halves of the neckline's width."""
    middle = cloth.shape[1] // 2
    return float(np.median(np.argmax(cloth[:, middle - 3 : middle + 4] > 0.5, axis=0))) / UNIT - ABOVE


def _below_tape(tone: Floats, cloth: Floats, arcs: Numbers, best: int, score: Numbers, ends: Numbers) -> int:
    """Look for the front's ribbing below what may be only the tape of the back: two edges side by side."""
    likely = np.nonzero((score > 0.5) & (ends > 0.2))[0]
    if not len(likely):
        return best
    ribs = np.max([_edge_score(tone, cloth, arcs[likely] + rib * _normal(arcs[likely]))[0] for rib in RIBS], axis=0)
    total = np.minimum(score[likely], 0.6) + np.minimum(ribs, 1.1) + 0.5 * ends[likely]
    found = int(np.argmax(np.where(ribs > 0.6, total, -1)))
    return int(likely[found]) if ribs[found] > 0.6 else best


def _patch_to_photo(frame: Frame, right: Points, left: Points) -> Numbers:
    """The affine map from patch pixels (x, y) to the photo."""
    along = (left - right) / 2
    down = np.array([-along[1], along[0]])
    middle = (left + right) / 2
    corners = frame.to_photo(np.stack([middle, middle + along, middle + down]))
    axes = np.stack([corners[1] - corners[0], corners[2] - corners[0]], -1) / UNIT
    return np.column_stack([axes, corners[0] - axes @ np.array([ASIDE * UNIT, ABOVE * UNIT])])


def _patch(image: Pixels, mask: Pixels, to_photo: Numbers) -> tuple[Floats, Floats]:
    """The cloth's tone FP32 [h, w, 3] and the mask's cover FP32 [h, w] around the neckline.

    The tone's first channel is logarithmic, so that dark from dark cloth differs as much as light from light.
    """
    size = (round(2 * ASIDE * UNIT), round((ABOVE + BELOW) * UNIT))
    scale = float(np.hypot(*to_photo[:, 0]))
    soft = cv2.GaussianBlur(image, (0, 0), 1.1 * scale) if scale > 0.4 else image
    shift = to_photo.copy()
    shift[:, 2] += to_photo[:, :2] @ np.array([0.5, 0.5]) - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    lab = to_lab(cv2.warpAffine(soft, shift, size, flags=flags, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8))
    cover = cv2.warpAffine(mask, shift, size, flags=flags).astype(np.float32) / 255
    tone = lab * np.array([1, 0.8, 0.8], np.float32)
    tone[..., 0] = 40 * np.log(lab[..., 0] + 8)
    return tone, cover


def _arcs() -> tuple[Numbers, Numbers]:
    """All arcs that are tried, FP64 [arcs, points, 2] in patch pixels, and how unlikely each is, FP64 [arcs]."""
    angle = np.linspace(np.pi, 0, 65)[1:-1]
    cos, sin = np.cos(angle), np.sin(angle)
    shapes, prior = [], []
    for power in POWERS:
        x, y = np.sign(cos) * np.abs(cos) ** (2 / power), sin ** (2 / power)
        for end in ENDS:
            for sag in SAGS:
                arc = np.stack([x * (1 + end), y * sag], -1)
                shapes.append(_evenly(arc))
                prior.append(0.25 * max(0, 0.45 - sag) + 0.1 * max(0, sag - 1.0) + 0.8 * abs(end) + 0.3 * max(0, power - 2))
    return np.array(shapes) * UNIT + np.array([ASIDE, ABOVE]) * UNIT, np.array(prior)


def _evenly(arc: Points) -> Points:
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(arc, axis=0).T))]
    at = np.linspace(0, along[-1], len(arc))
    return np.stack([np.interp(at, along, arc[:, k]) for k in (0, 1)], -1)


def _normal(arcs: Numbers) -> Numbers:
    """The unit normals of arcs [..., points, 2], pointing down and out."""
    way = np.gradient(arcs, axis=-2)
    normal = np.stack([-way[..., 1], way[..., 0]], -1)
    return normal / np.maximum(np.hypot(way[..., 0], way[..., 1]), 1e-6)[..., None]


def _edge_score(tone: Floats, cloth: Floats, arcs: Numbers) -> tuple[Numbers, Numbers]:
    """How well each arc separates an inside above it from the front below it.

    Returns:
        The score of the weaker half and the whole together, and that of the weakest quarter, each FP64 [arcs].
    """
    normal = STEP * _normal(arcs)
    above, below = arcs - normal, arcs + normal
    seen = (_sample(cloth, above) > 0.9) & (_sample(cloth, below) > 0.9)
    change = np.clip((_sample(tone, below) - _sample(tone, above)) / JUMP, -1, 1)
    count = arcs.shape[1]
    parts = [0, count // 5, count // 2, count - count // 5, count]
    halves = [_part_score(change[:, p], seen[:, p]) for p in (np.s_[: count // 2], np.s_[count // 2 :])]
    quarters = [_part_score(change[:, a:b], seen[:, a:b]) for a, b in zip(parts[:-1], parts[1:], strict=True)]
    return 0.5 * np.min(halves, axis=0) + 0.5 * np.mean(halves, axis=0), np.min(quarters, axis=0)


def _part_score(change: Numbers, seen: npt.NDArray[np.bool_]) -> Numbers:
    share = seen.mean(1)
    mean = (change * seen[..., None]).sum(1) / np.maximum(seen.sum(1), 1)[:, None]
    light = np.where(mean[:, 0] > 0, mean[:, 0], -0.7 * mean[:, 0])
    score = light + 0.5 * np.hypot(mean[:, 1], mean[:, 2])
    result: Numbers = np.where(share > 0.45, score * np.minimum(1, share / 0.7), 0)
    return result


def _sample(layer: Floats, at: Numbers) -> Numbers:
    x, y = (np.ascontiguousarray(at[..., k], np.float32) - np.float32(0.5) for k in (0, 1))
    found = cv2.remap(layer, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.astype(np.float64)


def _followed(tone: Floats, cloth: Floats, arc: Points) -> Points:
    """Follow the edge near an arc: the path across its normals along which the cloth changes most (Viterbi)."""
    fine = _refined(arc, 4)
    normal = _normal(fine)
    offsets = np.arange(-6.0, 6.5, 1.0)
    at = fine[:, None] + offsets[None, :, None] * normal[:, None]
    half = STEP * 0.6 * normal[:, None]
    change = np.clip((_sample(tone, at + half) - _sample(tone, at - half)) / JUMP, -1, 1)
    middle = len(offsets) // 2
    typical = change[:, middle - 1 : middle + 2].mean((0, 1))
    typical /= max(float(np.linalg.norm(typical)), 1e-6)
    gain = change @ typical - 0.012 * np.abs(offsets)
    gain[_sample(cloth, at - half) < 0.5] = 0
    best, came = gain[0].copy(), []
    for row in gain[1:]:
        moves = np.stack([np.roll(best, 1) - 0.25, best, np.roll(best, -1) - 0.25])
        moves[0, 0] = moves[2, -1] = -np.inf
        step = moves.argmax(0)
        came.append(step - 1)
        best = moves.max(0) + row
    track = [int(best.argmax())]
    for back in reversed(came):
        track.append(track[-1] + int(back[track[-1]]))
    chosen = np.convolve(np.pad(offsets[track[::-1]], 6, mode="edge"), np.ones(13) / 13, mode="valid")
    return fine + chosen[:, None] * normal


def _refined(arc: Points, times: int) -> Points:
    at = np.linspace(0, len(arc) - 1, len(arc) * times // 2)
    return np.stack([np.interp(at, np.arange(len(arc)), arc[:, k]) for k in (0, 1)], -1)


def inside_above(edge: Points, mask: Pixels, frame: Frame) -> Pixels:
    """The part of the garment above the front neckline's edge.

    Args:
        edge: FP64 [n, 2], the edge from corner to corner, in the garment's frame [px].
        mask: UINT8 [h, w], the garment's mask.
        frame: the garment's frame.

    Returns:
        UINT8 [h, w], a soft mask, nowhere more than ``mask``.
    """
    high = float(np.hypot(*(edge[-1] - edge[0])))
    area = frame.to_photo(np.concatenate([edge, edge[::-1] - np.array([0.0, high])]))
    filled = np.zeros_like(mask)
    cv2.fillPoly(filled, [np.rint((area - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    return np.minimum(filled, mask)
