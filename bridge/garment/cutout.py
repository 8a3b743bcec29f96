"""The garment cut out of its product photo.

On a plain wall the background is what is connected to the rim and looks like the wall, or like a soft shadow on
it: darker, of the same hue, without an edge. On any other background a colour model of the rim and one of the
middle compete (:mod:`bridge.garment.clutter`). Either way the edge is then measured from the colours on its two
sides and drawn slightly inside, so that no fringe of the wall comes along.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from bridge.errors import NoGarment
from bridge.garment.backdrop import Backdrop, Bools, Floats, Pixels, find_backdrop, rim_mask, to_lab
from bridge.garment.clutter import cut_from_clutter

SHADOW_DEPTH = 30.0
"""How much darker than the wall a shadow on it may be [L units]."""
SHADOW_TINT = 5.0
"""How far a shadow's hue may stray from the wall's [Lab units]."""
SHADOW_SLOPE = 0.8
"""The steepest change inside a shadow [L units per pixel of a 1024 px picture]; a garment's edge is steeper."""
SMALLEST = 0.012
"""The smallest garment, as a share of the picture."""


def cut_out(image: Pixels) -> Pixels:
    """Cut the garment out of its photo.

    Args:
        image: UINT8 [h, w, 3], the product photo.

    Returns:
        UINT8 [h, w], the garment's mask with a soft edge of about two pixels.

    Raises:
        NoGarment: nothing stands out from the background.
    """
    lab = to_lab(image)
    backdrop = find_backdrop(lab)
    found = cut_from_clutter(image) if backdrop is None else _cut_from_wall(lab, backdrop)
    solid = _keep_garment(found)
    return _soften(image, solid)


def _cut_from_wall(lab: Floats, backdrop: Backdrop) -> Bools:
    offset = lab - backdrop.lab
    distance = np.sqrt(np.einsum("hwc,hwc->hw", offset, offset))
    calm = _calm(offset, distance)
    alike = (np.sqrt(np.einsum("hwc,hwc->hw", calm, calm)) < 0.7 + 1.2 * backdrop.noise) & (
        distance < 3.5 + 3.5 * backdrop.noise
    )
    outside = _connected_to_rim(alike)
    outside |= _shadow(calm, outside, backdrop.noise)
    return ~(
        outside | _pockets(distance, (distance < 4 + 3 * backdrop.noise) & ~outside, outside, backdrop.noise)
    )


def _calm(offset: Floats, distance: Floats) -> Floats:
    """Smooth away grain and what JPEG leaves beside an edge, without letting the garment bleed into the wall."""
    quiet = (distance < 6).astype(np.float32)
    weight = cv2.GaussianBlur(quiet, (0, 0), 1.6)
    calm = cv2.GaussianBlur(offset * quiet[..., None], (0, 0), 1.6) / np.maximum(weight, 1e-3)[..., None]
    calm[weight < 0.05] = 100
    return calm  # type: ignore[no-any-return]


def _shadow(calm: Floats, outside: Bools, noise: float) -> Bools:
    """Soft shadows on the wall: darker, of its hue, without an edge, and no wider than a shadow is."""
    slope = np.hypot(*(cv2.Sobel(calm[..., 0], cv2.CV_32F, *d, scale=1 / 8) for d in ((1, 0), (0, 1))))
    steepest = SHADOW_SLOPE * 1024 / max(outside.shape) + 0.5 * noise
    tint = np.hypot(calm[..., 1], calm[..., 2])
    dim = (calm[..., 0] < 1 + noise) & (calm[..., 0] > -SHADOW_DEPTH)
    shadow = dim & (tint < SHADOW_TINT + 2 * noise) & (slope < steepest) & ~outside
    reach = max(3, round(0.02 * max(outside.shape)))
    near = (
        cv2.dilate(outside.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) > 0
    )
    found: Bools = shadow & near
    return found


def _connected_to_rim(alike: Bools) -> Bools:
    """What of ``alike`` is connected to the rim by passages at least three pixels wide.

    A garment as white as its wall has an outline with gaps; a narrow passage must not let the wall in.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    wide = cv2.erode(alike.astype(np.uint8), kernel, borderValue=1)
    _, labels = cv2.connectedComponents(wide, connectivity=4)
    rim = rim_mask(alike.shape) & (wide > 0)
    outside = np.isin(labels, np.unique(labels[rim])) & (wide > 0)
    grown = cv2.dilate(outside.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    found: Bools = (grown > 0) & alike
    return found


def _pockets(distance: Floats, inner: Bools, outside: Bools, noise: float) -> Bools:
    """The wall seen through the garment: between straps, between a sleeve and the body, between legs.

    A pocket looks exactly like the wall and lies deep in the garment. A white print on a dark shirt is shaded
    cloth and differs a little; the inside of a white sleeve has the wall right beyond its thin outline.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(inner.astype(np.uint8), connectivity=4)
    pockets = np.zeros(inner.shape, bool)
    beyond = cv2.dilate(outside.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))) > 0
    for index in range(1, count):
        x, y, w, h, area = stats[index]
        if area < 1e-4 * inner.size:
            continue
        window = np.s_[y : y + h, x : x + w]
        here = labels[window] == index
        ring = here & ~(cv2.erode(here.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0)
        if (
            np.median(distance[window][here]) < 1.2 + noise * 1.5
            and (beyond[window] & ring).sum() < 0.5 * ring.sum()
        ):
            pockets[window] |= here
    return pockets


def _keep_garment(found: Bools) -> Bools:
    """Keep the largest piece and those of some size beside it; close pinholes."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if count < 2 or areas.max() < SMALLEST * found.size:
        raise NoGarment(
            "No garment stands out from the background of the garment's photo. Please send a photo that shows "
            "one garment from the front, on a plain background of another colour."
        )
    keep = np.r_[False, areas > 0.03 * areas.max()]
    solid = keep[labels]
    count, labels, stats, _ = cv2.connectedComponentsWithStats((~solid).astype(np.uint8), connectivity=4)
    pinhole = stats[:, cv2.CC_STAT_AREA] < 6e-5 * found.size
    pinhole[0] = False
    closed: Bools = solid | (pinhole[labels] & ~solid)
    return closed


def _soften(image: Pixels, solid: Bools) -> Pixels:
    """Measure how much of each pixel at the edge is garment, from the colours on both sides of it."""
    mask = solid.astype(np.uint8)
    band = (cv2.dilate(mask, np.ones((5, 5), np.uint8)) > 0) & (
        cv2.erode(mask, np.ones((5, 5), np.uint8)) == 0
    )
    inner = cv2.erode(mask, np.ones((7, 7), np.uint8))
    outer = 1 - cv2.dilate(mask, np.ones((7, 7), np.uint8))
    rows, columns = np.nonzero(band)
    front, has_front = _spread(image, inner, rows, columns)
    back, has_back = _spread(image, outer, rows, columns)
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
    size = (9, 9)
    total = cv2.boxFilter(weight.astype(np.float32), -1, size, normalize=False)[rows, columns]
    colours = cv2.boxFilter(image * weight[..., None], cv2.CV_32F, size, normalize=False)[rows, columns]
    return colours / np.maximum(total, 1)[:, None], (total > 3).astype(np.float32)
