"""The garment cut out of a photo with a plain wall behind it.

Background is what is connected to the rim and looks like the wall, or like a soft shadow on it: darker, of the
same hue, without an edge; and the wall seen through the garment, between straps, beside sleeves and between legs.
"""

from __future__ import annotations

import cv2
import numpy as np

from bridge.garment.backdrop import Backdrop, Bools, Floats, Pixels, Window, rim_mask

SHADOW_DEPTH = 30.0
"""How much darker than the wall a shadow on it may be [L units]."""
SHADOW_TINT = 5.0
"""How far a shadow's hue may stray from the wall's [Lab units]."""
SHADOW_SLOPE = 0.8
"""The steepest change inside a shadow [L units per pixel of a 1024 px picture]; an edge is steeper."""
MOST_LOOSE = 15.0
"""How far the wall may differ from itself where the cloth differs much more [Lab units]."""
PALE = 8.0
"""Cloth nearer to the wall's colour than this may be taken for wall here and there [Lab units]."""
NARROW = 0.007
"""Half the width of the narrow end of a gap, as a share of the picture's long side."""


def cut_from_wall(image: Pixels, backdrop: Backdrop) -> Bools:
    """Cut the garment out of a photo with a plain wall.

    Args:
        image: UINT8 [h, w, 3], the photo, RGB.
        backdrop: its wall.

    Returns:
        BOOL [h, w], true on what isn't wall.
    """
    found = np.zeros(image.shape[:2], bool)
    window = _window(image, backdrop)
    offset = backdrop.offset(image, window)
    distance = _length(offset)
    calm = _calm(offset, distance)
    quiet = 3.5 + 3.5 * backdrop.noise
    alike = (_length(calm) < 0.7 + 1.2 * backdrop.noise) & (distance < quiet)
    outside = _connected_to_rim(alike)
    outside |= _shadow(calm, outside, backdrop.noise)
    # Cloth that differs much from the wall leaves room for the wall to differ from itself beside it.
    deep = cv2.erode(_bytes(~outside), np.ones((9, 9), np.uint8)) > 0
    contrast = float(np.percentile(distance[deep][::7], 10)) if deep.any() else 0.0
    loose = distance < max(quiet, min(0.3 * contrast, MOST_LOOSE))
    outside |= (cv2.dilate(_bytes(outside), np.ones((7, 7), np.uint8)) > 0) & loose
    pockets = _pockets(offset, loose & ~outside, outside, 1.2 + 1.5 * backdrop.noise, contrast)
    found[window] = _mend(~(outside | pockets), distance)
    return found


def _mend(solid: Bools, distance: Floats) -> Bools:
    """Close the nicks in the outline of cloth that is partly as pale as the wall."""
    nick = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    mask = _bytes(solid)
    pale = cv2.erode(cv2.erode(mask, np.ones((5, 5), np.uint8)) & _bytes(distance < PALE), np.ones((3, 3), np.uint8))
    near = cv2.dilate(pale, np.ones((25, 25), np.uint8)) > 0
    mended: Bools = solid | ((cv2.morphologyEx(mask, cv2.MORPH_CLOSE, nick) > 0) & near)
    return mended


def _bytes(mask: Bools) -> Pixels:
    return mask.view(np.uint8)


def _length(vectors: Floats) -> Floats:
    a, b, c = cv2.split(vectors)
    return cv2.magnitude(cv2.magnitude(a, b), c).astype(np.float32, copy=False)


def _window(image: Pixels, backdrop: Backdrop) -> Window:
    """The part of the photo that isn't plainly wall, with a margin: the rest needs no look at full size."""
    step = 4
    small = cv2.resize(image, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA).astype(np.uint8)
    whole = np.s_[0 : small.shape[0], 0 : small.shape[1]]
    other = cv2.medianBlur(_bytes(_length(backdrop.offset(small, whole)) > 1.2 + 1.5 * backdrop.noise), 3) > 0
    spans = []
    for axis in (1, 0):
        seen = np.nonzero(other.any(axis))[0]
        side = image.shape[1 - axis]
        margin = side // 20
        first, last = (int(seen[0]), int(seen[-1]) + 1) if len(seen) else (0, side)
        spans.append(slice(max(0, first * step - margin), min(side, last * step + margin)))
    return spans[0], spans[1]


def _calm(offset: Floats, distance: Floats) -> Floats:
    """Smooth away grain and what JPEG leaves beside an edge, without letting the garment bleed into the wall."""
    quiet = (distance < 6).astype(np.float32)
    layers = cv2.merge([*cv2.split(offset * quiet[..., None]), quiet])
    total = cv2.GaussianBlur(layers, (9, 9), 1.6)
    calm = total[..., :3] / np.maximum(total[..., 3:], np.float32(1e-3))
    calm[total[..., 3] < 0.05] = 100
    return calm.astype(np.float32, copy=False)


def _shadow(calm: Floats, outside: Bools, noise: float) -> Bools:
    """Soft shadows beside the wall: darker, of its hue, without an edge, and no wider than a shadow is."""
    reach = max(3, round(0.02 * max(outside.shape)))
    near = cv2.dilate(_bytes(outside), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) > 0
    light, red, yellow = cv2.split(calm)
    slope = cv2.magnitude(*(cv2.Sobel(light, cv2.CV_32F, *d, scale=1 / 8) for d in ((1, 0), (0, 1))))
    steepest = SHADOW_SLOPE * 1024 / max(outside.shape) + 0.5 * noise
    dim = (light < 1 + noise) & (light > -SHADOW_DEPTH)
    found: Bools = near & ~outside & dim & (slope < steepest) & (cv2.magnitude(red, yellow) < SHADOW_TINT + 2 * noise)
    return found


def _connected_to_rim(alike: Bools) -> Bools:
    """What of ``alike`` is connected to the rim by passages at least five pixels wide.

    A garment as white as its wall has an outline with gaps; a narrow passage must not let the wall in.
    """
    wide = cv2.erode(_bytes(alike), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    count, labels = cv2.connectedComponents(wide, connectivity=4)
    at_rim = np.zeros(count, bool)
    at_rim[labels[rim_mask(alike.shape)]] = True
    at_rim[0] = False
    grown = cv2.dilate(_bytes(at_rim[labels]), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    found: Bools = (grown > 0) & alike
    return found


def _pockets(offset: Floats, inner: Bools, outside: Bools, error: float, contrast: float) -> Bools:
    """The wall seen through the garment.

    Args:
        offset: FP32 [h, w, 3], every pixel's difference from the wall [Lab units].
        inner: BOOL [h, w], what resembles the wall but isn't connected to the rim.
        outside: BOOL [h, w], what is.
        error: how far the wall may differ from itself [Lab units].
        contrast: how far the cloth differs from the wall [Lab units].

    Returns:
        BOOL [h, w], those pieces of ``inner`` that are wall.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(_bytes(inner), connectivity=4)
    pockets = np.zeros(inner.shape, bool)
    beyond = cv2.dilate(_bytes(outside), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    for index in range(1, count):
        x, y, w, h, area = stats[index]
        if area < 2e-5 * inner.size:
            continue
        window = np.s_[y : y + h, x : x + w]
        here = labels[window] == index
        if _is_pocket(offset[window][here], here, beyond[window], error, contrast, max(inner.shape)):
            pockets[window] |= here
    return pockets


def _is_pocket(offset: Floats, here: Bools, beyond: Pixels, error: float, contrast: float, side: int) -> bool:
    """Judge one piece: it looks like the wall and lies deep in the garment, or is the narrow end of a gap.

    A white print on a dark shirt is shaded cloth and differs a little; the inside of a white sleeve has the wall
    right beyond its thin outline; the narrow end of a gap lies in the shadow of both its sides.
    """
    padded = np.pad(_bytes(here), 1)
    ring = here & (cv2.erode(padded, np.ones((3, 3), np.uint8))[1:-1, 1:-1] == 0)
    share_beyond = float((beyond[ring] > 0).mean())
    narrow = share_beyond > 0 and cv2.distanceTransform(padded, cv2.DIST_L2, 3).max() < NARROW * side
    # Colour bleeds into a narrow gap, as JPEG stores it at half the resolution: lightness tells more there.
    weights = np.array([1.0, 1.0, 1.0] if contrast < 20 else [1.0, 0.4, 0.4], np.float32)
    # The lower quartile: the rest of a narrow piece is mixed with the cloth beside it.
    alike = float(np.percentile(np.linalg.norm(offset * weights, axis=1), 25)) < error + min(0.03 * contrast, 0.9)
    if alike:
        return narrow or (share_beyond < 0.5 and here.sum() > 1e-4 * side**2)
    mean = offset.mean(0)
    return bool(narrow and contrast > 25 and mean[0] < 0 and np.hypot(mean[1], mean[2]) < 1.5)
