"""What the paired protocol measures: a result against the photo of the person who wears this very garment.

Pictures are ``uint8 [H, W, 3]`` RGB of one size, regions ``bool [H, W]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from bridge.quality.measures import Pixels, Region, fine_detail


@dataclass(frozen=True)
class Metrics:
    """One pair's measures, or under the same names their means; None where there is nothing to measure."""

    ssim: float | None
    """Structural similarity of result and truth over the whole picture; 1 is equal."""

    ssim_masked: float | None
    """The same, averaged under the mask only: the share of it that the system painted."""

    flat_ssim: float | None
    """``ssim`` of the flat-paint control: the result with its garment painted over in one colour."""

    flat_ssim_masked: float | None
    """``ssim_masked`` of the flat-paint control."""

    colour_error: float | None
    """Mean CIEDE2000 between result and truth, pixel by pixel under the mask; 2.3 is just noticeable."""

    detail: float | None
    """Fine detail of the result relative to the truth where both show clothes; 1 is equal, 0 is flat."""

    print_error: float | None
    """Median distance of the print from its true place, as a share of the shoulders' width; None without
    one."""

    outside_change: int | None
    """Largest difference of any channel outside the mask, [0, 255]; must be 0."""

    seconds: float | None
    """Time from sending the request to having the answer [s]."""


def ssim(truth: Pixels, result: Pixels, hidden: Region) -> tuple[float, float]:
    """Return the structural similarity over the whole picture and under the mask.

    Wang, Bovik, Sheikh, Simoncelli (2004), "Image quality assessment", as scikit-image computes it: per
    channel, uniform 7x7 window. The first is its mean over all pixels whose window lies inside the picture;
    the second is the mean of its map over the hidden pixels.
    """
    from skimage.metrics import structural_similarity

    whole, field = structural_similarity(truth, result, channel_axis=2, full=True)
    return float(whole), float(field[hidden].mean())


def flat_paint(result: Pixels, worn: Region, product: Pixels, shown: Region) -> Pixels:
    """Return the control: the result, its garment painted over in the product's median colour.

    It keeps the outline, the skin and the background, and has neither cloth nor print nor folds.
    """
    flat = result.copy()
    if worn.any() and shown.any():
        flat[worn] = np.median(product[shown], axis=0)
    return flat


def colour_error(truth: Pixels, result: Pixels, hidden: Region) -> float:
    """Return the mean colour difference under the mask, CIEDE2000 (CIE 142-2001) pixel by pixel."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    return float(deltaE_ciede2000(rgb2lab(truth[hidden]), rgb2lab(result[hidden])).mean())


def detail(truth: Pixels, result: Pixels, worn: Region) -> float | None:
    """Return the fine detail of the result relative to the truth's at the same pixels; None without any."""
    reference = fine_detail(truth, worn)
    return fine_detail(result, worn) / reference if reference > 0 else None


def outside_change(truth: Pixels, result: Pixels, hidden: Region) -> int:
    """Return the largest difference of any channel outside the mask."""
    gap = np.abs(truth[~hidden].astype(np.int16) - result[~hidden])
    return int(gap.max(initial=0))


def mean(rows: Sequence[Metrics]) -> Metrics:
    """Return each measure's mean over the pairs that have it; for ``outside_change``, the largest."""
    columns = {field.name: [getattr(row, field.name) for row in rows] for field in fields(Metrics)}
    taken = {name: [value for value in column if value is not None] for name, column in columns.items()}
    means = {name: float(np.mean(values)) if values else None for name, values in taken.items()}
    return Metrics(**means | {"outside_change": max(taken["outside_change"], default=None)})
