"""What a garment is made of, as far as its photo tells without any learned weights.

Weave and weight can't be seen at the resolution of a shop's photo, but four things that go with them can: a pattern
all over it is printed, mostly on a plain weave; the white weft of blue denim makes it grainy, and wear fades it; and
smooth cloth mirrors the lights in soft ridges along its folds: satin, or leather where it is nearly black (the Phong
lobe over a dark albedo). All else, a print on the chest and stripes among it, counts as knit, the commonest.

Thresholds were set on 54 studio photos (VITON-HD, DressCode). Of 19 patterned cloths it finds 16, of 5 denims the 3
blue ones, and it takes one shirt for printed whose mask is wrong; plain woven cloth counts as knit too. No photo of
satin or leather was at hand: theirs were set on shaded cloth alone, and ask for much.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import Fabric
from bridge.errors import WrongTensor

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_SIDE = 192
"""The root of the garment's area after it was made small [px], so that patterns are seen alike in all photos."""
_CELL = 24
"""Side of the cells in which colours are compared [px of the small picture]."""
_FILLED = 0.4
"""The share of a cell that must be garment."""
_MARGIN = 3
"""How much of the mask's rim is left out [px of the small picture]: walls shine through there."""
_BUSY = 6.0
"""Spread of a patterned cell's colours, in CIELAB's a and b, or half of its L: folds stay below."""
_PATTERNED = 0.75
"""The share of busy cells from which on a pattern lies all over the garment."""
_STRIPED = 0.8
"""The share of a cell's variance that lies along one direction in stripes, which are knitted or woven in."""
_INDIGO = 0.7
"""The share of blue pixels in worn denim."""
_GRAINY = 3.0
"""Mean deviation of denim's grey values [0, 255] from their surroundings: fine knit has 1."""
_FADED = 15.0
"""Spread of denim's lightness [CIELAB]: seams and knees fade."""
_RIDGE = 10.0
"""How much lighter than the garment a highlight is, and than the rest of its cell [CIELAB]."""
_GLOSSY = 0.3
"""The share of cells with a highlight in satin and leather."""
_SOFT = 2.8
"""The most that the lightness of a highlight deviates from its surroundings [CIELAB]: prints have edges."""
_SMOOTH = 1.5
"""The most grain of cloth that mirrors."""
_DARK = 30.0
"""Lightness of leather, at most, and of satin, at least [CIELAB]."""


@dataclass(frozen=True)
class Look:
    """What is measured of a garment's photo; shares are 0 to 1, lightness is CIELAB's, 0 to 100."""

    lightness: float
    faded: float
    grain: float
    indigo: float
    busy: float
    striped: float
    glossy: float
    rough: float


_NOTHING = Look(0, 0, 0, 0, 0, 0, 0, 0)


def fabric_of(wish: bytes, image: Pixels, mask: Pixels) -> tuple[Fabric, str]:
    """Return the Fabric of that name, or what the photo tells for ``auto``; and why, in a sentence.

    Raises:
        WrongTensor: there is no such fabric.
    """
    try:
        fabric = Fabric(wish.decode())
    except ValueError:
        known = ", ".join(fabric.value for fabric in Fabric)
        raise WrongTensor(f"fabric is none of {known}.") from None
    return estimate_fabric(image, mask) if fabric is Fabric.AUTO else (fabric, "It was asked for.")


def estimate_fabric(image: Pixels, mask: Pixels) -> tuple[Fabric, str]:
    """Return what a garment is made of, and why that is thought, in a sentence.

    Args:
        image: UINT8 [h, w, 3], the garment's photo.
        mask: UINT8 [h, w], the garment in it.
    """
    look = look_of(image, mask)
    if look.indigo >= _INDIGO and look.grain >= _GRAINY and look.faded >= _FADED and look.busy < _PATTERNED:
        return Fabric.DENIM, f"{look.indigo:.0%} of it is blue, grainy and faded as denim is."
    if look.glossy >= _GLOSSY and look.rough <= _SOFT and look.grain <= _SMOOTH:
        dark = look.lightness < _DARK
        said = f"Soft highlights lie on {look.glossy:.0%} of it, which is {'nearly black' if dark else 'smooth'}."
        return Fabric.LEATHER if dark else Fabric.SATIN, said
    if look.busy >= _PATTERNED and look.striped < _STRIPED:
        return Fabric.PRINTED, f"A pattern covers {look.busy:.0%} of it."
    return Fabric.KNIT, "Nothing in the photo speaks for another fabric."


def look_of(image: Pixels, mask: Pixels) -> Look:
    """Measure a garment's photo, arguments as :func:`estimate_fabric`; of too small a mask it is zeros."""
    inside = (mask >= 128).view(np.uint8)
    if cv2.countNonZero(inside) < _CELL**2:
        return _NOTHING
    x, y, width, height = cv2.boundingRect(inside)
    box = np.s_[y : y + height, x : x + width]
    lab, there = _small(image[box], inside[box])
    if not there.any():
        return _NOTHING
    grain = _grain(image[box], inside[box])
    lightness, a, b = lab[there].T
    indigo = (b < -3) & (a > -14) & (a < 8) & (lightness > 8) & (lightness < 75)
    low, high = np.percentile(cv2.blur(lab[..., 0], (9, 9))[there], [5, 95])
    middle = float(np.median(lightness))
    return Look(middle, float(high - low), grain, float(indigo.mean()), *_cells(lab, there, middle))


def _small(image: Pixels, inside: Pixels) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the garment in CIELAB, FP32 [h, w, 3], and where it is, both small and in whole cells."""
    scale = min(1.0, _SIDE / float(np.sqrt(cv2.countNonZero(inside))))
    size = [max(1, round(side * scale)) for side in inside.shape[::-1]]
    coded = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)
    lab = coded * np.array([100 / 255, 1, 1], np.float32) - np.array(
        [0, 128, 128], np.float32
    )  # OpenCV's code
    kernel = np.ones((2 * _MARGIN + 1,) * 2, np.uint8)
    there = cv2.erode(cv2.resize(inside, size, interpolation=cv2.INTER_AREA), kernel, borderValue=(0.0,)) > 0
    right, below = (-side % _CELL for side in size)
    return np.pad(lab, ((0, below), (0, right), (0, 0))), np.pad(there, ((0, below), (0, right)))


def _grain(image: Pixels, inside: Pixels) -> float:
    """Return the mean deviation of grey values from their surroundings; edges count as no more than grain."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    apart = np.minimum(cv2.absdiff(grey, cv2.GaussianBlur(grey, (9, 9), 1.5)), 16)
    return float(cv2.mean(apart, cv2.erode(inside, np.ones((15, 15), np.uint8)))[0])


def _cells(lab: Floats, there: npt.NDArray[np.bool_], middle: float) -> tuple[float, float, float, float]:
    """Return the shares of busy cells, of stripes in them, and of cells with highlights, and how rough those are."""
    inside = _tiles(there[..., None])
    kept = inside.mean(axis=(1, 2, 3)) >= _FILLED
    if not kept.any():
        return 0.0, 0.0, 0.0, 0.0
    inside, colours = inside[kept], _tiles(lab)[kept]
    counts = inside.sum(axis=(1, 2, 3), dtype=np.float32)
    means = (colours * inside).sum(axis=(1, 2)) / counts[:, None]
    steps = (colours - means[:, None, None]) * inside
    spread = (steps**2).sum(axis=(1, 2)) / counts[:, None]
    busy = np.maximum(np.sqrt(spread[:, 1] + spread[:, 2]), np.sqrt(spread[:, 0]) / 2) > _BUSY
    along = np.maximum(*(_along(steps, inside, axis) for axis in (1, 2))) / np.maximum(
        spread.sum(axis=1) * counts, 1e-6
    )
    soft = cv2.GaussianBlur(lab[..., 0], (0, 0), 2)
    light = np.where(inside, _tiles(soft[..., None])[kept], means[:, None, None, :1])
    lightest = light.max(axis=(1, 2, 3))
    glossy = (lightest > middle + _RIDGE) & (lightest - light.min(axis=(1, 2, 3)) > _RIDGE)
    rough = (_tiles((lab[..., 0] - soft)[..., None])[kept] ** 2 * inside).sum(axis=(1, 2, 3)) / counts
    return (
        float(busy.mean()),
        float(np.median(along[busy])) if busy.any() else 0.0,
        float(glossy.mean()),
        float(np.sqrt(rough[glossy].mean())) if glossy.any() else 0.0,
    )


def _tiles(picture: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Return the cells [n, side, side, c] of a picture [h, w, c]."""
    height, width, channels = picture.shape
    cells = picture.reshape(height // _CELL, _CELL, width // _CELL, _CELL, channels)
    return cells.swapaxes(1, 2).reshape(-1, _CELL, _CELL, channels)


def _along(steps: Floats, inside: npt.NDArray[np.generic], axis: int) -> Floats:
    """Return the part of each cell's squared deviations [n] that the means along an axis explain."""
    counts = inside.sum(axis=axis, dtype=np.float32)
    return (steps.sum(axis=axis) ** 2 / np.maximum(counts, 1)).sum(axis=(1, 2))
