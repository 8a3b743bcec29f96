"""The garment's own frame: its axis of symmetry upright in the middle.

A frame point is ``(x, y)`` in pixels of the photo: x from the axis, positive towards the wearer's left (larger x in
the photo), y down along the axis. A frame only rotates and shifts, so lengths stay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]

SEARCH_SIDE = 96
"""The long side of the mask in which the axis is searched [px]: half a degree moves its ends by half a pixel."""
MOST_TILT = 14.0
"""The largest tilt that is looked for [degrees]: people lay garments straighter than that."""


@dataclass(frozen=True)
class Frame:
    """The place of the axis.

    Attributes:
        origin: the photo's point (x, y) [px] that is the frame's (0, 0).
        tilt: the axis' angle from upright [rad], positive when its lower end lies at smaller x.
        symmetry: the share of the mask that lies on the mask again when it is mirrored at the axis, [0, 1].
    """

    origin: tuple[float, float]
    tilt: float
    symmetry: float

    def to_frame(self, points: Points) -> Points:
        """Turn photo points [..., 2] into frame points."""
        return (points - np.array(self.origin)) @ self._rotation()

    def to_photo(self, points: Points) -> Points:
        """Turn frame points [..., 2] into photo points."""
        return points @ self._rotation().T + np.array(self.origin)

    def _rotation(self) -> Points:
        cos, sin = math.cos(self.tilt), math.sin(self.tilt)
        return np.array([[cos, -sin], [sin, cos]])


def find_frame(mask: Pixels) -> Frame:
    """Find the axis at which the garment mirrors itself best.

    Args:
        mask: UINT8 [h, w], the garment's mask.

    Returns:
        The frame, its origin on the axis at the height of the mask's centroid.
    """
    scale = SEARCH_SIDE / max(mask.shape)
    small = (cv2.resize(mask, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) / 255).astype(
        np.float32
    )
    rows, columns = np.nonzero(small > 0.5)
    centre = np.array([columns.mean(), rows.mean()])
    coarse = [(*_mirror(small, centre, tilt), tilt) for tilt in np.arange(-MOST_TILT, MOST_TILT + 1, 2.0)]
    # An upright axis wins a tie: the sides of a photo are a strong hint.
    _, _, best = max(coarse, key=lambda c: c[0] - 0.0012 * abs(c[2]))
    fine = [(*_mirror(small, centre, tilt), tilt) for tilt in best + np.arange(-1.5, 1.6, 0.5)]
    symmetry, shift, tilt = max(fine, key=lambda c: c[0] - 0.0012 * abs(c[2]))
    angle = math.radians(tilt)
    origin = (centre + shift * np.array([math.cos(angle), math.sin(angle)]) + 0.5) / scale
    return Frame((float(origin[0]), float(origin[1])), angle, symmetry)


def _mirror(small: npt.NDArray[np.float32], centre: Points, tilt: float) -> tuple[float, float]:
    """Turn the mask upright around its centroid; the best overlap with its mirror image, and that axis' shift."""
    height, width = small.shape
    side = 2 * max(height, width)
    turn = np.asarray(cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), tilt, 1.0), np.float64)
    turn[:, 2] += side / 2 - centre
    upright = cv2.warpAffine(small, turn, (side, side))
    spectrum = np.fft.rfft(upright, axis=1)
    # The correlation of each row with its mirror image, summed: its peak lies at twice the axis' offset.
    correlation = np.fft.irfft((spectrum**2).sum(0), n=side)
    sums = (side + np.arange(-side // 8, side // 8 + 1)) % side
    best = int(np.argmax(correlation[sums]))
    overlap = correlation[sums][best] / max(float((upright**2).sum()), 1e-6)
    return float(overlap), (best - side // 8) / 2
