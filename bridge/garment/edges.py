"""Edges inside the garment that lead from one point of its outline to another: a neckline's, a hem's.

The neighbourhood is brought into a patch in which the two points lie a fixed distance apart; arcs between them are
weighed by how the cloth changes across them; the best is followed from point to point.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from bridge.garment.backdrop import Floats, Numbers, Pixels, to_lab
from bridge.garment.frame import Frame, Points

UNIT = 64.0
"""Half the distance of the two points in the patch [px]."""
STEP = 3.0
"""How far on either side of an arc the cloth is compared [px of the patch]."""
JUMP = 11.0
"""A change of the cloth's tone beyond this counts no more: a label's edge is no better than a seam's."""
AGAINST = -0.5
"""How much a change that goes against the rest of the arc counts at most."""
STRAY = 6
"""How far the edge that is followed may stray from its arc [px of the patch]."""


@dataclass(frozen=True)
class Patch:
    """The neighbourhood of two points of the outline, brought to a fixed size.

    Attributes:
        tone: FP32 [h, w, 3], the cloth's tone. The first channel is logarithmic, so that dark from dark cloth
            differs as much as light from light.
        cloth: FP32 [h, w], the garment's mask, 0 to 1.
        to_photo: FP64 [2, 3], the affine map from patch pixels to the photo.
        centre: the patch's pixel (x, y) at the middle of the two points.
    """

    tone: Floats
    cloth: Floats
    to_photo: Numbers
    centre: Numbers

    def place(self, arcs: Numbers) -> Numbers:
        """Turn arcs [..., 2], given in halves of the points' distance from their middle, into patch pixels."""
        return arcs * UNIT + self.centre

    def lift(self, path: Points) -> Points:
        """Turn patch pixels [n, 2] into photo points."""
        return path @ self.to_photo[:, :2].T + self.to_photo[:, 2]


def cut_patch(
    image: Pixels, mask: Pixels, frame: Frame, ends: tuple[Points, Points], reach: tuple[float, float, float]
) -> Patch:
    """Bring the neighbourhood of two points of the outline into a patch.

    Args:
        image: UINT8 [h, w, 3], the photo.
        mask: UINT8 [h, w], the garment's mask.
        frame: the garment's frame.
        ends: the two points in it, FP64 [2] each: the wearer's right one, then the left.
        reach: how far the patch reaches above, below and aside of their middle, in halves of their distance.
    """
    above, below, aside = reach
    along = (ends[1] - ends[0]) / 2
    middle = (ends[0] + ends[1]) / 2
    corners = frame.to_photo(np.stack([middle, middle + along, middle + np.array([-along[1], along[0]])]))
    axes = np.stack([corners[1] - corners[0], corners[2] - corners[0]], -1) / UNIT
    centre = np.array([aside, above]) * UNIT
    to_photo = np.column_stack([axes, corners[0] - axes @ centre])
    scale = float(np.hypot(*axes[:, 0]))
    soft = cv2.GaussianBlur(image, (0, 0), 1.1 * scale) if scale > 0.4 else image
    # cv2 counts from the middle of the first pixel, the frames from its corner.
    shift = to_photo.copy()
    shift[:, 2] += axes @ np.array([0.5, 0.5]) - 0.5
    size, flags = (
        (round(2 * aside * UNIT), round((above + below) * UNIT)),
        cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )
    seen = cv2.warpAffine(soft, shift, size, flags=flags, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)
    cloth = cv2.warpAffine(mask, shift, size, flags=flags).astype(np.float32) / 255
    tone = to_lab(seen) * np.array([1, 0.8, 0.8], np.float32)
    tone[..., 0] = 40 * np.log(tone[..., 0] + 8)
    return Patch(tone, cloth, to_photo, centre)


@lru_cache(maxsize=4096)
def superellipse(sag: float, power: float, count: int = 63) -> Points:
    """An arc from (-1, 0) to (1, 0) that hangs ``sag`` deep; power 1 is a V, 2 round, more is squarer.

    Returns:
        FP64 [count, 2], evenly spaced points.
    """
    angle = np.linspace(np.pi, 0, count)
    cos, sin = np.cos(angle), np.sin(angle)
    arc = np.stack([np.sign(cos) * np.abs(cos) ** (2 / power), sag * sin ** (2 / power)], -1)
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(arc, axis=0).T))]
    at = np.linspace(0, along[-1], count)
    return np.stack([np.interp(at, along, arc[:, k]) for k in (0, 1)], -1)


def normals(arcs: Numbers) -> Numbers:
    """The unit normals of arcs [..., points, 2] that run to the right: they point down."""
    way = np.gradient(arcs, axis=-2)
    normal = np.stack([-way[..., 1], way[..., 0]], -1)
    return normal / np.maximum(np.hypot(way[..., 0], way[..., 1]), 1e-6)[..., None]


def weigh(patch: Patch, arcs: Numbers, lit: int = 1) -> tuple[Numbers, Numbers]:
    """How well each arc separates an inner side from the front.

    Args:
        patch: the patch.
        arcs: FP64 [arcs, points, 2], in patch pixels.
        lit: 1 where the front, mostly the lighter, lies below the arc, -1 where it lies above.

    Returns:
        The score of the weaker half and the whole together, and that of the weakest quarter, each FP64 [arcs],
        from 0 to about 1.5.
    """
    normal = STEP * normals(arcs)
    above, below = arcs - normal, arcs + normal
    seen = (_sample(patch.cloth, above) > 0.9) & (_sample(patch.cloth, below) > 0.9)
    change = np.clip(lit * (_sample(patch.tone, below) - _sample(patch.tone, above)) / JUMP, -1, 1)
    count = arcs.shape[1]
    parts = [0, count // 5, count // 2, count - count // 5, count]
    halves = [_weigh_part(change[:, p], seen[:, p]) for p in (np.s_[: count // 2], np.s_[count // 2 :])]
    quarters = [_weigh_part(change[:, a:b], seen[:, a:b]) for a, b in pairwise(parts)]
    return 0.5 * np.min(halves, axis=0) + 0.5 * np.mean(halves, axis=0), np.min(quarters, axis=0)


def _weigh_part(change: Numbers, seen: npt.NDArray[np.bool_]) -> Numbers:
    share = seen.mean(1)
    weight = seen / np.maximum(seen.sum(1), 1)[:, None]
    # What goes against the rest, a label's edge, counts only half.
    lighter = (np.maximum(change[..., 0], AGAINST) * weight).sum(1)
    darker = (np.maximum(-change[..., 0], AGAINST) * weight).sum(1)
    hue = (change[..., 1:] * weight[..., None]).sum(1)
    score = np.maximum(lighter, 0.7 * darker) + 0.5 * np.hypot(hue[:, 0], hue[:, 1])
    result: Numbers = np.where(share > 0.45, score * np.minimum(1, share / 0.7), 0)
    return result


def _sample(layer: Floats, at: Numbers) -> Numbers:
    x, y = (np.ascontiguousarray(at[..., k], np.float32) - np.float32(0.5) for k in (0, 1))
    found = cv2.remap(layer, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.astype(np.float64)


def follow(patch: Patch, arc: Points) -> Points:
    """Follow the edge near an arc: the path across its normals along which the cloth changes most (Viterbi 1967).

    Both halves are followed as one, mirrored: a label on one side must not lead the path astray.

    Args:
        patch: the patch.
        arc: FP64 [n, 2], in patch pixels.

    Returns:
        FP64 [2 n, 2], the edge, in patch pixels.
    """
    at = np.linspace(0, len(arc) - 1, 2 * len(arc))
    fine = np.stack([np.interp(at, np.arange(len(arc)), arc[:, k]) for k in (0, 1)], -1)
    normal = normals(fine)
    offsets = np.arange(-STRAY, STRAY + 1.0)
    places = fine[:, None] + offsets[None, :, None] * normal[:, None]
    half = 0.6 * STEP * normal[:, None]
    change = np.clip((_sample(patch.tone, places + half) - _sample(patch.tone, places - half)) / JUMP, -1, 1)
    typical = change[:, STRAY - 1 : STRAY + 2].mean((0, 1))
    gain = change @ typical / max(float(np.linalg.norm(typical)), 1e-6) - 0.02 * np.abs(offsets)
    gain[_sample(patch.cloth, places - half) < 0.5] = 0
    gain = gain + gain[::-1]
    chosen = np.convolve(np.pad(offsets[_cheapest(gain)], 6, mode="edge"), np.ones(13) / 13, mode="valid")
    return fine + chosen[:, None] * normal


def _cheapest(gain: Numbers) -> list[int]:
    """The column of each row on the path of most gain; a step aside costs 0.5."""
    best, came = gain[0].copy(), []
    for row in gain[1:]:
        moves = np.stack([np.roll(best, 1) - 0.5, best, np.roll(best, -1) - 0.5])
        moves[0, 0] = moves[2, -1] = -np.inf
        came.append(moves.argmax(0) - 1)
        best = moves.max(0) + row
    track = [int(best.argmax())]
    for back in reversed(came):
        track.append(track[-1] + int(back[track[-1]]))
    return track[::-1]
