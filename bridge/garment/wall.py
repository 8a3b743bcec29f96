"""The garment cut out of a photo with a plain wall behind it.

Background is what is connected to the rim and looks like the wall, or like a soft shadow on it: darker, of the
same hue, without an edge; and the wall seen through the garment, between straps, beside sleeves and between legs.
"""

from __future__ import annotations

import cv2
import numpy as np

from bridge.garment.backdrop import Backdrop, Bools, Floats, Pixels, Window, rim_mask

Planes = tuple[Floats, Floats, Floats]
"""L, a and b of a picture in CIE Lab, each FP32 [h, w]."""

SHADOW_DEPTH = 30.0
"""How much darker than the wall a shadow on it may be [L units]."""
SHADOW_TINT = 5.0
"""How far a shadow's hue may stray from the wall's [Lab units]."""
PLAINLY = 20.0
"""Cloth that differs from the wall by more than this is no white on white [Lab units]."""
NEUTRAL = (2.5, 1.2)
"""How far a shadow's hue may stray from the wall's where it is followed far, for other cloth and for white on white
[Lab units]: beside coloured cloth, JPEG spreads its hue."""
RAGGED = 1.03
"""Closing the nicks of a rightly cut garment adds less than this to its area: the narrow ends of a few gaps."""
SHADOW_SLOPE = 0.8
"""The steepest change inside a shadow [L units per pixel of a 1024 px picture]; an edge is steeper."""
MOST_LOOSE = 15.0
"""How far the wall may differ from itself where the cloth differs much more [Lab units]."""
PALE = 8.0
"""Cloth nearer to the wall's colour than this may be taken for wall here and there [Lab units]."""
MOST_GAPS = 10
"""More enclosed views of the wall than this are a pattern on the cloth that happens to have the wall's colour."""
SHADE = 11.0
"""How much darker than the wall an enclosed view of it may be, in the shadow of what encloses it [L units]."""
WIDE = 9.0
"""Half the width from which a gap holds pixels that JPEG keeps free of the cloth's colour [px]: a block of 16."""
PALE_SHARE = 0.06
"""Cloth with more than this share of so pale places may have pale stripes that reach its outline."""
STRIPE = 0.05
"""The height of the stripes across sleeves that are bridged, as a share of the picture's long side. Upwards only:
the gap between a sleeve and the body is higher than it is wide, and stays."""
SLENDER = 2.5
"""In pale cloth, only what is this many times as high as wide is taken for a gap beside a sleeve."""
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
    planes = _split(offset)
    distance = _length(planes)
    calm = _calm(planes, distance)
    quiet = 3.5 + 3.5 * backdrop.noise
    alike = (_length(calm) < 0.7 + 1.2 * backdrop.noise) & (distance < quiet)
    outside = _connected_to_rim(alike)
    pale = _contrast(distance, ~outside)[1] < PLAINLY
    outside |= _shadow(calm, outside, backdrop.noise, pale=pale)
    # Cloth that differs much from the wall leaves room for the wall to differ from itself beside it.
    contrast, typical = _contrast(distance, ~outside)
    loose = distance < max(quiet, min(0.3 * contrast, MOST_LOOSE))
    outside |= (cv2.dilate(_bytes(outside), np.ones((7, 7), np.uint8)) > 0) & loose
    pockets = _pockets(offset, loose & ~outside, outside, 1.2 + 1.5 * backdrop.noise, (contrast, typical))
    found[window] = _mend(~(outside | pockets), distance)
    return found


def _contrast(distance: Floats, cloth: Bools) -> tuple[float, float]:
    """How far the palest tenth of the cloth and its middle differ from the wall [Lab units]."""
    deep = cv2.erode(_bytes(cloth), np.ones((9, 9), np.uint8)) > 0
    palest, middle = np.percentile(distance[deep][::7], (10, 50)) if deep.any() else (0.0, 0.0)
    return float(palest), float(middle)


def _mend(solid: Bools, distance: Floats) -> Bools:
    """Close the nicks in the outline of cloth that is partly as pale as the wall, and bridge its pale stripes."""
    nick = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    mask = _bytes(solid)
    deep = cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0
    pale = cv2.erode(_bytes(deep & (distance < PALE)), np.ones((3, 3), np.uint8))
    near = cv2.dilate(pale, np.ones((25, 25), np.uint8)) > 0
    mended: Bools = solid | ((cv2.morphologyEx(mask, cv2.MORPH_CLOSE, nick) > 0) & near)
    if pale.sum() > PALE_SHARE * deep.sum():
        length = round(STRIPE * max(solid.shape))
        dark = _bytes(solid & (distance > PLAINLY))
        bridged = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((length, 1), np.uint8)) > 0
        mended |= bridged & (distance < 1.5 * PALE)
    return mended


def _bytes(mask: Bools) -> Pixels:
    return mask.view(np.uint8)


def _split(vectors: Floats) -> Planes:
    light, red, yellow = (plane.astype(np.float32, copy=False) for plane in cv2.split(vectors))
    return light, red, yellow


def _length(planes: Planes) -> Floats:
    light, red, yellow = planes
    return cv2.magnitude(cv2.magnitude(light, red), yellow).astype(np.float32, copy=False)


def _window(image: Pixels, backdrop: Backdrop) -> Window:
    """The part of the photo that isn't plainly wall, with a margin: the rest needs no look at full size."""
    step = 4
    small = cv2.resize(image, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA).astype(np.uint8)
    whole = np.s_[0 : small.shape[0], 0 : small.shape[1]]
    other = (
        cv2.medianBlur(_bytes(_length(_split(backdrop.offset(small, whole))) > 1.2 + 1.5 * backdrop.noise), 3)
        > 0
    )
    spans = []
    for axis in (1, 0):
        seen = np.nonzero(other.any(axis))[0]
        side = image.shape[1 - axis]
        margin = side // 20
        first, last = (int(seen[0]), int(seen[-1]) + 1) if len(seen) else (0, side)
        spans.append(slice(max(0, first * step - margin), min(side, last * step + margin)))
    return spans[0], spans[1]


def _calm(planes: Planes, distance: Floats) -> Planes:
    """Smooth away grain and what JPEG leaves beside an edge, without letting the garment bleed into the wall."""
    quiet = (distance < 6).astype(np.float32)
    weight = cv2.GaussianBlur(quiet, (9, 9), 1.6)
    far = weight < 0.05
    weight[far] = 1
    light, red, yellow = (
        cv2.divide(cv2.GaussianBlur(cv2.multiply(plane, quiet), (9, 9), 1.6), weight).astype(
            np.float32, copy=False
        )
        for plane in planes
    )
    light[far] = 100
    return light, red, yellow


def _shadow(calm: Planes, outside: Bools, noise: float, *, pale: bool) -> Bools:
    """Soft shadows on the wall: darker, of its hue, without an edge, and connected to it.

    Where that would take the garment itself apart, a shadow is followed only a little way.
    """
    light, red, yellow = calm
    slope = cv2.magnitude(*(cv2.Sobel(light, cv2.CV_32F, *d, scale=1 / 8) for d in ((1, 0), (0, 1))))
    steepest = SHADOW_SLOPE * 1024 / max(outside.shape) + 0.5 * noise
    tint = cv2.magnitude(red, yellow)
    dim = (light < 1 + noise) & (light > -SHADOW_DEPTH) & (slope < steepest)
    neutral = dim & (tint < NEUTRAL[pale] + 2 * noise)
    reached = _reached(outside, neutral)
    if _holds_together(~reached, (0.8 if pale else 0.5) * float((~outside).sum())):
        return reached
    reach = max(3, round(0.02 * max(outside.shape)))
    near = cv2.dilate(_bytes(outside), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) > 0
    found: Bools = near & ~outside & dim & (tint < SHADOW_TINT + 2 * noise)
    return found


def _holds_together(cloth: Bools, least: float) -> bool:
    """Whether what is left as the garment is one piece of at least this area [px] without many deep nicks."""
    small = cv2.medianBlur(np.ascontiguousarray(cloth[::4, ::4]).view(np.uint8), 3)
    _, _, stats, _ = cv2.connectedComponentsWithStats(small, connectivity=8)
    areas = 16 * stats[1:, cv2.CC_STAT_AREA]
    if not len(areas) or areas.max() < max(least, 0.85 * areas.sum()):
        return False
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    return float(closed.sum()) < RAGGED * float(small.sum())


def _reached(outside: Bools, alike: Bools) -> Bools:
    """What of ``alike`` is connected to ``outside``."""
    count, labels = cv2.connectedComponents(_bytes(outside | alike), connectivity=4)
    reached = np.zeros(count, bool)
    reached[labels[outside]] = True
    reached[0] = False
    found: Bools = reached[labels]
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


def _pockets(
    offset: Floats, inner: Bools, outside: Bools, error: float, contrast: tuple[float, float]
) -> Bools:
    """The wall seen through the garment.

    Args:
        offset: FP32 [h, w, 3], every pixel's difference from the wall [Lab units].
        inner: BOOL [h, w], what resembles the wall but isn't connected to the rim.
        outside: BOOL [h, w], what is.
        error: how far the wall may differ from itself [Lab units].
        contrast: how far its palest tenth and its middle differ from the wall [Lab units].

    Returns:
        BOOL [h, w], those pieces of ``inner`` that are wall.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(_bytes(inner), connectivity=4)
    ends, gaps = np.zeros(inner.shape, bool), np.zeros(inner.shape, bool)
    beyond = cv2.dilate(_bytes(outside), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))) > 0
    found = 0
    for index in range(1, count):
        x, y, w, h, area = stats[index]
        if area < 2e-5 * inner.size:
            continue
        window = np.s_[y : y + h, x : x + w]
        here = labels[window] == index
        piece = offset[window]
        share = _share_beyond(here, beyond[window])
        if share and _is_end(piece, here, error, contrast[0], NARROW * max(inner.shape)):
            ends[window] |= here
        elif contrast[0] < PALE and h < SLENDER * w:
            continue
        elif share < 0.5 and area > 1e-4 * inner.size and _is_gap(piece, here, error, contrast[1]):
            gaps[window] |= here
            found += 1
    return ends | gaps if found <= MOST_GAPS else ends


def _share_beyond(here: Bools, beyond: Bools) -> float:
    """The share of a piece's rim that lies next to the outside."""
    ring = here & (cv2.erode(np.pad(_bytes(here), 1), np.ones((3, 3), np.uint8))[1:-1, 1:-1] == 0)
    return float(beyond[ring].mean())


def _is_end(offset: Floats, here: Bools, error: float, contrast: float, narrow: float) -> bool:
    """Whether a piece beside the outside is the narrow end of a gap: like the wall, or in its sides' shadow."""
    if cv2.distanceTransform(np.pad(_bytes(here), 1), cv2.DIST_L2, 3).max() > narrow:
        return False
    # Colour bleeds into a narrow gap, as JPEG stores it at half the resolution: lightness tells more there.
    weights = np.array([1.0, 1.0, 1.0] if contrast < 20 else [1.0, 0.4, 0.4], np.float32)
    # The lower quartile: the rest of a narrow piece is mixed with the cloth beside it.
    lower = float(np.percentile(np.linalg.norm(offset[here] * weights, axis=1), 25))
    mean = offset[here].mean(0)
    shaded = contrast > 25 and mean[0] < 0 and float(np.hypot(mean[1], mean[2])) < 1.5
    return lower < error + min(0.03 * contrast, 0.9) or bool(shaded)


def _is_gap(offset: Floats, here: Bools, error: float, contrast: float) -> bool:
    """Whether an enclosed piece is a view of the wall: as light and even as the wall, or in a soft shadow.

    A white print is cloth: its weave and its shading show. The rim of the piece doesn't count, it is mixed.
    """
    core = cv2.erode(np.pad(_bytes(here), 1), np.ones((5, 5), np.uint8))[1:-1, 1:-1] > 0
    if core.sum() < 12:
        return False
    light, red, yellow = offset[core].T
    tint = float(np.hypot(np.median(red), np.median(yellow)))
    middle = float(np.median(light))
    if not -SHADE < middle < 0.5 * error or tint > error + 1:
        return False
    if middle > -0.5 * error and float(light.std()) < 0.6 * error:
        # JPEG lets colour bleed into narrow gaps, not into wide ones.
        wide = cv2.distanceTransform(np.pad(_bytes(here), 1), cv2.DIST_L2, 3).max() > WIDE
        return tint < 0.6 * error or not wide
    if contrast < 25 or core.sum() < 200:
        return False
    weight = here.astype(np.float32)
    smooth = cv2.GaussianBlur(offset[..., 0] * weight, (0, 0), 2) / np.maximum(
        cv2.GaussianBlur(weight, (0, 0), 2), 0.01
    )
    grain = float((offset[..., 0] - smooth)[core].std())
    return tint < 0.6 * error and grain < 0.4 * error
