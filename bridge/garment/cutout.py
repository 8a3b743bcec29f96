"""The garment cut out of its product photo.

A plain wall is found and taken away (:mod:`bridge.garment.wall`); on any other background a colour model of the rim
and one of the middle compete (:mod:`bridge.garment.clutter`). Either way the edge is then measured from the colours
on its two sides and drawn slightly inside, so that no fringe of the background comes along.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from bridge.errors import NoGarment
from bridge.garment.backdrop import Bools, Floats, Pixels, Window, find_backdrop, rim_mask
from bridge.garment.clutter import cut_from_clutter
from bridge.garment.hanger import without_hanger
from bridge.garment.wall import cut_from_wall

SMALLEST = 0.012
"""The smallest garment, as a share of the picture."""
MOST_AT_RIM = 0.08
"""A wall that leaves more than this share of the picture's rim unexplained was none."""
PINHOLE = 6e-5
"""A hole smaller than this share of the picture is a glint or grain, not a gap."""


def cut_out(image: Pixels) -> Pixels:
    """Cut the garment out of its photo.

    Args:
        image: UINT8 [h, w, 3], the product photo.

    Returns:
        UINT8 [h, w], the garment's mask with a soft edge of about two pixels.

    Raises:
        NoGarment: nothing stands out from the background.
    """
    backdrop = find_backdrop(image)
    found = cut_from_clutter(image) if backdrop is None else cut_from_wall(image, backdrop)
    if backdrop is not None and found[rim_mask(found.shape)].mean() > MOST_AT_RIM:
        other = cut_from_clutter(image)
        found = other if other.mean() > SMALLEST else found
    solid, window = _keep_garment(found)
    solid[window] = without_hanger(image[window], solid[window])
    mask = np.zeros(solid.shape, np.uint8)
    mask[window] = _soften(image[window], solid[window])
    return mask


def _keep_garment(found: Bools) -> tuple[Bools, Window]:
    """Keep the largest piece and those of some size beside it; close pinholes. Also their window."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found.view(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if count < 2 or areas.max() < SMALLEST * found.size:
        raise NoGarment(
            "No garment stands out from the background of the garment's photo. Please send a photo that "
            "shows one garment from the front, on a plain background of another colour."
        )
    keep = np.r_[False, areas > 0.03 * areas.max()]
    solid = keep[labels]
    left, top, right, bottom = (
        int(f(stats[keep][:, k] + s))
        for f, k, s in (
            (np.min, cv2.CC_STAT_LEFT, 0),
            (np.min, cv2.CC_STAT_TOP, 0),
            (np.max, cv2.CC_STAT_LEFT, stats[keep][:, cv2.CC_STAT_WIDTH]),
            (np.max, cv2.CC_STAT_TOP, stats[keep][:, cv2.CC_STAT_HEIGHT]),
        )
    )
    window = np.s_[max(0, top - 8) : bottom + 8, max(0, left - 8) : right + 8]
    empty = ~solid[window]
    _, labels, stats, _ = cv2.connectedComponentsWithStats(empty.view(np.uint8), connectivity=4)
    pinhole = stats[:, cv2.CC_STAT_AREA] < PINHOLE * found.size
    pinhole[0] = False
    solid[window] |= pinhole[labels]
    return solid, window


def _soften(image: Pixels, solid: Bools) -> Pixels:
    """Measure how much of each pixel at the edge is garment, from the colours on both sides of it."""
    mask = solid.astype(np.uint8)
    wide, wider = np.ones((5, 5), np.uint8), np.ones((7, 7), np.uint8)
    rows, columns = np.nonzero(cv2.dilate(mask, wide) > cv2.erode(mask, wide))
    front, has_front = _spread(image, cv2.erode(mask, wider).astype(np.uint8), rows, columns)
    back, has_back = _spread(image, (1 - cv2.dilate(mask, wider)).astype(np.uint8), rows, columns)
    across = front - back
    length = (across**2).sum(-1)
    share = ((image[rows, columns] - back) * across).sum(-1) / np.maximum(length, 1)
    drawn = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0)[rows, columns]
    trust = np.clip((np.sqrt(length) - 12) / 30, 0, 1) * has_front * has_back
    alpha = trust * np.clip(share, 0, 1) + (1 - trust) * drawn
    alpha = np.minimum(alpha, np.clip(drawn * 2.2, 0, 1))
    soft = mask * np.uint8(255)
    soft[rows, columns] = np.rint(255 * np.clip((alpha - 0.25) / 0.65, 0, 1)).astype(np.uint8)
    return soft


def _spread(
    image: Pixels, weight: Pixels, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """The mean colour of the pixels of ``weight`` near each given pixel, and whether there are any."""
    layers = cv2.merge([*cv2.split(image * weight[..., None]), weight])
    total = cv2.boxFilter(layers, cv2.CV_32F, (9, 9), normalize=False)[rows, columns]
    count = total[:, 3:]
    return (total[:, :3] / np.maximum(count, 1)).astype(np.float32), (count[:, 0] > 3).astype(np.float32)
