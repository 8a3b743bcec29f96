"""The garment's inner side that its photo shows above the front neckline.

A shirt on a hanger or a ghost mannequin shows the back of its collar from within: above the edge of the front
neckline. Left in, it would be painted on the wearer's chest. The edge is looked for among superelliptic arcs from one
corner of the neckline to the other; along the right one the cloth changes all the way, and the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bridge.garment.backdrop import Floats, Pixels, to_lab
from bridge.garment.frame import Frame, Points

Numbers = npt.NDArray[np.float64]

UNIT = 64.0
"""Half the neckline's width in the patch that is searched [px]."""
ABOVE, BELOW = 0.6, 2.3
"""How far the patch reaches above and below the neckline's corners, in halves of its width."""
ASIDE = 1.3
"""How far it reaches to either side of the middle, in halves of the neckline's width."""
SAGS = np.linspace(0.12, 1.9, 46)
"""Depths of the front neckline that are tried, in halves of its width; crew necks are 0.5 to 0.9."""
POWERS = (1.0, 1.25, 1.6, 2.0, 2.5, 3.2)
"""Forms that are tried: exponents of the superellipse; 1 is a V, 2 round, more is square."""
ENDS = (-0.07, 0.0, 0.07)
"""Shifts of the arc's ends along the chord that are tried, in halves of its width."""
STEP = 4.0
"""How far on either side of the arc the cloth is compared [px of the patch]."""
CLEAR = 0.34
"""The score from which an edge counts, of at most about 1."""


@dataclass(frozen=True)
class Neckline:
    """The front neckline's edge.

    Attributes:
        edge: FP64 [n, 2], the edge from the right to the left corner, in the garment's frame [px].
        score: how clear it is, 0 to about 1.
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
    arcs = _arcs()
    scores = _score(tone, cloth, arcs)
    best = int(np.argmax(scores))
    if scores[best] < CLEAR:
        return None
    edge = arcs[best] @ to_photo[:, :2].T + to_photo[:, 2]
    return Neckline(frame.to_frame(edge), float(scores[best]))


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

    The tone's first channel is logarithmic, so that a dark inside differs from dark cloth as much as light from light.
    """
    size = (round(2 * ASIDE * UNIT), round((ABOVE + BELOW) * UNIT))
    scale = float(np.hypot(*to_photo[:, 0]))
    soft = cv2.GaussianBlur(image, (0, 0), 1.2 * scale) if scale > 0.5 else image
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    shift = to_photo.copy()
    shift[:, 2] += to_photo[:, :2] @ np.array([0.5, 0.5]) - 0.5
    lab = to_lab(cv2.warpAffine(soft, shift, size, flags=flags, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8))
    cover = cv2.warpAffine(mask, shift, size, flags=flags).astype(np.float32) / 255
    tone = lab * np.float32([1, 0.8, 0.8])
    tone[..., 0] = 40 * np.log(lab[..., 0] + 8)
    return tone, cover


def _arcs() -> Numbers:
    """All arcs that are tried, FP64 [arcs, points, 2], in patch pixels."""
    angle = np.linspace(np.pi, 0, 57)[1:-1]
    cos, sin = np.cos(angle), np.sin(angle)
    arcs = []
    for power in POWERS:
        x = np.sign(cos) * np.abs(cos) ** (2 / power)
        y = sin ** (2 / power)
        for end in ENDS:
            for sag in SAGS:
                arcs.append(np.stack([x * (1 + end), y * sag], -1))
    return np.array(arcs) * UNIT + np.array([ASIDE, ABOVE]) * UNIT


def _score(tone: Floats, cloth: Floats, arcs: Numbers) -> Numbers:
    """How well each arc separates an inside above it from the front below it."""
    way = np.gradient(arcs, axis=1)
    normal = np.stack([-way[..., 1], way[..., 0]], -1) / np.maximum(np.hypot(way[..., 0], way[..., 1]), 1e-6)[..., None]
    normal *= np.sign(normal[..., 1:] + 1e-9)
    above, below = arcs - STEP * normal, arcs + STEP * normal
    seen = (_sample(cloth, above) > 0.9) & (_sample(cloth, below) > 0.9)
    change = np.clip((_sample(tone, below) - _sample(tone, above)) / 12, -1, 1)
    middle = arcs.shape[1] // 2
    halves = [_half(change[:, part], seen[:, part]) for part in (np.s_[:middle], np.s_[middle:])]
    both = np.stack(halves)
    return 0.5 * both.min(0) + 0.5 * both.mean(0)


def _half(change: Numbers, seen: npt.NDArray[np.bool_]) -> Numbers:
    share = seen.mean(1)
    mean = (change * seen[..., None]).sum(1) / np.maximum(seen.sum(1), 1)[:, None]
    light = np.where(mean[:, 0] > 0, mean[:, 0], -0.6 * mean[:, 0])
    score = light + 0.5 * np.hypot(mean[:, 1], mean[:, 2])
    result: Numbers = np.where(share > 0.45, score * np.minimum(1, share / 0.7), 0)
    return result


def _sample(layer: Floats, at: Numbers) -> Numbers:
    x, y = at[..., 0].astype(np.float32) - np.float32(0.5), at[..., 1].astype(np.float32) - np.float32(0.5)
    found = cv2.remap(layer, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.astype(np.float64)
