"""Scores of a try-on that need no weights, each with its definition and range.

Images are ``uint8 [H, W, 3]`` RGB, masks ``uint8 [H, W]``, regions ``bool [H, W]``; a region holds the pixels
that a score looks at.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import Category, Label, Part

Pixels = npt.NDArray[np.uint8]
Region = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

IN_FRONT = (Label.HAIR, Label.FACE, Label.HANDS, Label.ACCESSORY)
"""What lies in front of any garment."""

REPLACED = {
    Category.UPPER: (Label.UPPER,),
    Category.LOWER: (Label.LOWER,),
    Category.DRESS: (Label.UPPER, Label.LOWER, Label.DRESS),
}
"""What a garment of each category takes the place of. A worn dress is not in the list of an upper or lower
garment: its other half stays on."""

SLEEVES = (Part.NONE, Part.LEFT_SLEEVE, Part.RIGHT_SLEEVE)
"""The parts of a layer that say nothing of its hem and its neckline."""

DETAIL_SIGMA = 2.0
"""[px] What is finer than this blur counts as detail: seams, ribs, letters' edges, small folds. At 768x1024
it leaves out the broad folds, whose place nobody can predict."""

COLOUR_RANGE = 50.0
"""Distance in Lab at which :func:`colour_likeness` reaches 0: about that of two clearly different hues."""

EDGE_WIDTH = 3
"""[px] How far inside the soft edge of a layer its hem and neckline are looked at."""


def changed_pixels(image: Pixels, result: Pixels) -> Region:
    """Return where any channel of the result differs from the photo."""
    red, green, blue = cv2.split(cv2.absdiff(image, result))
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.bool_)


def protected_identity(changed: Region, edit_mask: Pixels) -> float:
    """Return the share of the pixels outside ``edit_mask`` that equal the photo bit for bit, [0, 1].

    A picture that may change everywhere has nothing to protect and gets 1.
    """
    outside = edit_mask == 0
    if not outside.any():
        return 1.0
    return 1.0 - float(np.count_nonzero(changed & outside) / np.count_nonzero(outside))


def visible_garment(changed: Region, edit_mask: Pixels, labels: Pixels, layer: Pixels) -> Region:
    """Return where the new garment is seen.

    That is where its layer covers most of a pixel, the picture was changed, and no hair, face, hand or bag
    lies in front. Single pixels that happen to keep their colour count as changed when most of their
    neighbours changed.
    """
    covered = (layer[..., 3] >= 128) & (edit_mask > 0) & ~among(labels, IN_FRONT)
    return np.asarray(covered & (changed | (cv2.medianBlur(changed.astype(np.uint8), 5) > 0)))


def colour_likeness(result: Pixels, worn: Region, product: Pixels, shown: Region) -> float | None:
    """Return how alike the worn and the shown garment's colours are, [0, 1].

    The distance of two distributions along L, a and b each is the 1-Wasserstein distance, which in one
    dimension is the area between the cumulative histograms (Rubner, Tomasi, Guibas 2000, "The Earth Mover's
    Distance"). Lightness counts half, because the scene's own light falls on the worn garment. The three make
    one Euclidean length d in Lab units, and the likeness is ``1 - d / COLOUR_RANGE``, at least 0.
    """
    if not (worn.any() and shown.any()):
        return None
    gaps = np.abs(_lab_cumulative(result, worn) - _lab_cumulative(product, shown)).sum(axis=1)
    lightness, a, b = gaps * (100 / 255, 1.0, 1.0)  # OpenCV stretches L from [0, 100] to [0, 255]
    distance = float(np.sqrt((lightness / 2) ** 2 + a**2 + b**2))
    return max(0.0, 1.0 - distance / COLOUR_RANGE)


def fine_detail(image: Pixels, region: Region) -> float:
    """Return the mean absolute luma of what is finer than ``DETAIL_SIGMA`` inside the region, in grey levels.

    This is the "texture energy" of Laws (1980, "Rapid texture identification") with a Gaussian high-pass:
    absolute rather than squared, so that a print's few strong edges do not drown the cloth. The region is
    shrunk first, so that its own outline does not count; 0 when nothing is left of it.
    """
    margin = int(3 * DETAIL_SIGMA)
    padded = np.pad(region.astype(np.uint8), margin)  # what lies beyond the picture is outside the region
    inner = cv2.erode(padded, np.ones((2 * margin + 1,) * 2, np.uint8))[margin:-margin, margin:-margin]
    if not inner.any():
        return 0.0
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    high = cv2.absdiff(luma, cv2.GaussianBlur(luma, (0, 0), DETAIL_SIGMA))
    return float(high[inner > 0].mean())


def detail_ratio(result: Pixels, worn: Region, layer: Pixels, product: Pixels, shown: Region) -> float | None:
    """Return the fine detail of the worn garment relative to the product photo at the worn size, >= 0.

    The product photo is scaled so that the garment covers as many pixels in it as the layer does, because
    detail that a smaller picture can't hold is no loss.
    """
    laid = int((layer[..., 3] >= 128).sum())
    if not (laid and worn.any() and shown.any()):
        return None
    scale = float(np.sqrt(laid / shown.sum()))
    size = tuple(max(1, round(side * scale)) for side in shown.shape[::-1])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(product, size, interpolation=method)
    where = cv2.resize(shown.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    reference = fine_detail(np.asarray(small, np.uint8), np.asarray(where))
    return fine_detail(result, worn) / reference if reference > 0 else None


def print_likeness(result: Pixels, worn: Region, layer: Pixels) -> float | None:
    """Return how much of the garment's print and weave is where the layer laid it, [0, 1].

    The contrast and structure of SSIM (Wang et al. 2004, "Image Quality Assessment: From Error Visibility to
    Structural Similarity", without its luminance, because the scene's light falls on the worn garment) between the
    result and the layer. Both lie in the photo's frame, so that no registration is needed; whether the layer itself
    is bent rightly it does not say. Pixels count by the layer's own contrast, so that plain cloth does not outvote
    the print on it; None without any.
    """
    x, y, width, height = cv2.boundingRect(worn.astype(np.uint8))
    window = (slice(y, y + height), slice(x, x + width))
    inner = cv2.erode(np.pad(worn[window].astype(np.uint8), 1), np.ones((2 * EDGE_WIDTH + 1,) * 2, np.uint8))[
        1:-1, 1:-1
    ]
    if not inner.any():
        return None
    first, second = (
        cv2.cvtColor(i, cv2.COLOR_RGB2GRAY).astype(np.float32)
        for i in (layer[window][..., :3], result[window])
    )
    variances, likeness = _contrast_structure(first, second)
    weights = np.sqrt(variances[inner > 0])
    return max(0.0, float(np.average(likeness[inner > 0], weights=weights))) if weights.sum() > 0 else None


def _contrast_structure(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Return the local variance of the first luma and the two's contrast-structure of SSIM, both ``[H, W]``."""
    blur = partial(cv2.GaussianBlur, ksize=(11, 11), sigmaX=1.5)
    mean_1, mean_2 = blur(first), blur(second)
    variance_1, variance_2 = blur(first**2) - mean_1**2, blur(second**2) - mean_2**2
    stable = (0.03 * 255) ** 2
    both = 2 * (blur(first * second) - mean_1 * mean_2) + stable
    return np.maximum(variance_1, 0), np.asarray(both / (variance_1 + variance_2 + stable), np.float32)


def old_garment_left(changed: Region, labels: Pixels, layer: Pixels, category: Category) -> float | None:
    """Return the share of the old garment that is still seen, unchanged, beside the new one, [0, 1].

    None when the person wears nothing that this category replaces.
    """
    old = among(labels, REPLACED[category])
    if not old.any():
        return None
    left = old & ~changed & (layer[..., 3] < 128)
    return float(np.count_nonzero(left) / np.count_nonzero(old))


def coverage(worn: Region, layer: Pixels) -> float | None:
    """Return the share of the laid garment that is seen, [0, 1]."""
    laid = layer[..., 3] >= 128
    return float((worn & laid).sum() / laid.sum()) if laid.any() else None


def hem_visible(worn: Region, layer: Pixels, parts: Pixels) -> float | None:
    """Return the share of the hem that is seen, [0, 1].

    The hem is the lowest pixel of each column of the garment without its sleeves, as far as it lies in the
    lowest tenth of the garment's height. A hem that the photo's lower edge cuts off is not seen.
    """
    body = _body(layer, parts)
    if not body.any():
        return None
    columns, bottoms = lowest(body)
    rows = np.flatnonzero(body.any(axis=1))
    hem = bottoms >= rows[-1] - 0.1 * (rows[-1] - rows[0])
    columns, bottoms = columns[hem], bottoms[hem]
    inside = bottoms < body.shape[0] - 1
    return float((worn[np.maximum(bottoms - EDGE_WIDTH, 0), columns] & inside).mean())


def collar_visible(worn: Region, layer: Pixels, parts: Pixels) -> float | None:
    """Return the share of the neckline that is seen, [0, 1].

    The neckline is the highest pixel of each column in the middle third of the garment without its sleeves.
    """
    body = _body(layer, parts)
    if not body.any():
        return None
    flipped, heights = lowest(body[::-1])
    first, last = flipped[0], flipped[-1]
    third = (last - first) / 3
    middle = (flipped >= first + third) & (flipped <= last - third)
    tops = body.shape[0] - 1 - heights[middle]
    return float(worn[np.minimum(tops + EDGE_WIDTH, body.shape[0] - 1), flipped[middle]].mean())


def _lab_cumulative(image: Pixels, region: Region) -> npt.NDArray[np.float64]:
    """Return the cumulative histograms ``[3, 256]`` of the region's L, a and b, each ending at 1."""
    lab, where = cv2.cvtColor(image, cv2.COLOR_RGB2LAB), region.astype(np.uint8)
    counts = [cv2.calcHist([lab], [channel], where, [256], [0, 256])[:, 0] for channel in range(3)]
    return np.asarray(np.cumsum(np.stack(counts), axis=1, dtype=np.float64) / np.count_nonzero(region))


def _body(layer: Pixels, parts: Pixels) -> Region:
    return np.asarray((layer[..., 3] >= 128) & ~among(parts, SLEEVES))


def among(classes: Pixels, wanted: Iterable[int]) -> Region:
    """Return where ``classes`` holds one of the wanted values; a look-up, much faster than ``np.isin``."""
    table = np.zeros(256, np.uint8)
    table[list(wanted)] = 1
    return np.asarray(cv2.LUT(classes, table), np.bool_)


def lowest(region: Region) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the columns that the region touches and its lowest row in each."""
    columns = np.flatnonzero(region.any(axis=0))
    return columns, region.shape[0] - 1 - np.argmax(region[::-1, columns], axis=0)
