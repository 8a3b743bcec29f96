"""Everything that is known of the photo, in a window of it.

Inside this package points are pixel *indices* (the centre of the top left pixel is (0, 0)), as OpenCV wants them;
the contracts' points lie half a pixel higher.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import cv2
import numpy as np

from bridge.compose.pixels import Bits, Bytes, Floats, Window, dilate, erode
from bridge.contracts import BodyPoint, Category, Label

JAW = (
    234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454,
)  # fmt: skip
"""The face mesh's points along the jaw, from the right ear to the left (MediaPipe's face oval, its lower half)."""
SURE = 0.5
"""Below this score neither the face mesh nor a hand is used."""
SHOULDERS_TO_TORSO = 0.65
"""Distance of the shoulder joints over the distance shoulders to hips, frontal: about 0.33 m to 0.5 m
(ANSUR II: biacromial breadth less the deltoids; suprasternale to trochanter)."""

SLIVER = 0.016
"""Hair narrower than this, over the distance of the shoulder joints, is a misread collar."""
ISLAND, SPOT = 0.15, 0.05
"""Smaller than a square of this side, over the same distance, is an island; skin, a spot of skin's colour."""
STEP = 2
RING = 0.03
"""An island lies in the garment as deep as this, over the same distance."""

OLD: dict[Category, tuple[Label, ...]] = {
    Category.UPPER: (Label.UPPER,),
    Category.LOWER: (Label.LOWER,),
    Category.DRESS: (Label.UPPER, Label.LOWER, Label.DRESS),
}
"""The labels of what each kind of garment replaces; a worn dress is split first, see :func:`split_dress`."""
SKIN = (Label.FACE, Label.NECK, Label.ARMS, Label.HANDS, Label.LEGS)
CLOTH = (Label.UPPER, Label.LOWER, Label.DRESS, Label.SHOES, Label.ACCESSORY)


@dataclass(frozen=True)
class Scene:
    """The photo and what perception saw in it; all planes share one size and frame."""

    image: Bytes  # [h, w, 3]
    matte: Bytes  # [h, w]
    labels: Bytes  # [h, w] of Label
    points: Floats  # [33, 2], BodyPoint rows, pixel indices
    depth: Floats  # [33], px, nearer is negative
    jaw: Floats | None  # [21, 2] from right to left, pixel indices; None without a face
    hands: tuple[Floats, ...]  # [21, 2] each, pixel indices, of the hands that are seen
    layer: Bytes  # [h, w, 4]
    parts: Bytes  # [h, w] of Part
    region: Bits | None  # the user's mask; None: the system decides
    category: Category

    @property
    def unit(self) -> float:
        """The distance of the shoulder joints [px] as it would be seen from the front: the body's scale."""
        shoulders = self.points[[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER]]
        hips = self.points[[BodyPoint.LEFT_HIP, BodyPoint.RIGHT_HIP]]
        across = float(np.linalg.norm(shoulders[0] - shoulders[1]))
        down = float(np.linalg.norm(shoulders.mean(0) - hips.mean(0)))
        return max(across, SHOULDERS_TO_TORSO * down, 16.0)

    def is_any(self, labels: tuple[Label, ...]) -> Bits:
        """Where one of the labels is seen, bool [h, w]."""
        return one_of(self.labels, labels)

    def crop(self, window: Window) -> Scene:
        """The same scene within a window (rows, columns)."""
        shift = np.array([window[1].start, window[0].start], np.float32)
        return replace(
            self,
            image=self.image[window],
            matte=self.matte[window],
            labels=self.labels[window],
            points=self.points - shift,
            jaw=None if self.jaw is None else self.jaw - shift,
            hands=tuple(hand - shift for hand in self.hands),
            layer=self.layer[window],
            parts=self.parts[window],
            region=None if self.region is None else self.region[window],
        )


def one_of(labels: Bytes, wanted: tuple[Label, ...]) -> Bits:
    """Where ``labels`` [h, w] is one of those wanted, bool [h, w]."""
    found = labels == wanted[0]
    for label in wanted[1:]:
        found |= labels == label
    return cast(Bits, found)


def split_dress(labels: Bytes, points: Floats, category: Category) -> Bytes:
    """See a worn dress as a top and a skirt, cut at the waist, when only one of them is replaced.

    Args:
        labels: UINT8 [h, w] of Label.
        points: FP32 [33, 2], BodyPoint rows.
        category: what the new garment is.

    Returns:
        UINT8 [h, w]; the same array when no dress is worn or a dress is put on.
    """
    dress = labels == Label.DRESS
    if category is Category.DRESS or not dress.any():
        return labels
    shoulders = points[[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER]].mean(0)
    hips = points[[BodyPoint.LEFT_HIP, BodyPoint.RIGHT_HIP]].mean(0)
    # Where a dress has its waist seam: two thirds down, a little above the navel.
    waist = shoulders[1] + 0.68 * (hips[1] - shoulders[1])
    above = np.arange(labels.shape[0])[:, None] < waist
    return np.where(dress, np.where(above, Label.UPPER, Label.LOWER), labels).astype(np.uint8)


def tidied(labels: Bytes, old: tuple[Label, ...], unit: float) -> Bytes:
    """Give to the old garment what can only be a part of it: its flowers, its collar's shadow.

    Args:
        labels: UINT8 [h, w] of Label.
        old: the labels of the garment that is replaced.
        unit: the distance of the shoulder joints [px].

    Returns:
        UINT8 [h, w]: without small islands in the garment, and without slivers of hair on it.
    """
    small = np.ascontiguousarray(labels[::STEP, ::STEP])
    garment = one_of(small, old)
    if not garment.any():
        return labels
    size = unit / STEP
    near = dilate(garment, max(2.0, RING * size))
    hair = small == Label.HAIR
    broad = dilate(erode(hair, SLIVER * size / 2), 2 * SLIVER * size)
    fresh = small.copy()
    for label in np.nonzero(np.bincount(small.ravel()))[0]:
        if label not in old:
            side = (SPOT if label in SKIN else ISLAND) * size
            fresh[_islands(small == label, near, side * side)] = old[0]
    # A bright strand across the garment is no neck.
    fresh[_islands(small == Label.NECK, dilate(hair, 2), (ISLAND * size) ** 2)] = Label.HAIR
    fresh[hair & ~broad & dilate(garment, 2)] = old[0]
    return _enlarged(fresh, small, labels)


def _enlarged(fresh: Bytes, small: Bytes, labels: Bytes) -> Bytes:
    """Carry what changed in the reduced labels over to the full ones, and only there."""
    rows, columns = (np.arange(side) // STEP for side in labels.shape)
    # One pixel more, but of the same old label only: nothing of an island must be left at its rim.
    changed = dilate(fresh != small, 1)
    new = cv2.dilate(
        np.where(fresh != small, fresh + np.uint8(1), 0).astype(np.uint8), np.ones((3, 3), np.uint8)
    )
    before = cv2.dilate(
        np.where(fresh != small, small + np.uint8(1), 0).astype(np.uint8), np.ones((3, 3), np.uint8)
    )
    at = np.ix_(rows, columns)
    same = changed[at] & (labels + np.uint8(1) == before[at])
    return np.where(same, new[at] - np.uint8(1), labels).astype(np.uint8)


def _islands(bits: Bits, near: Bits, area: float) -> Bits:
    """The components below an area [px] of which half lies ``near``: what only borders on it has less there."""
    count, islands, stats, _ = cv2.connectedComponentsWithStats(bits.view(np.uint8))
    small = stats[:, cv2.CC_STAT_AREA] < area
    small[0] = False
    if not small.any():
        return np.zeros_like(bits)
    touching = np.bincount(islands[near], minlength=count)
    return cast(Bits, (small & (touching > 0.5 * stats[:, cv2.CC_STAT_AREA]))[islands])
