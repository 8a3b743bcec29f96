"""Are the hem and the neckline lines that a tailor would sew: unbroken, even, and where the body has them.

Both are read from the composed mask, the pixels where the garment is seen, never from colours. A line is a profile:
one row per column of the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import BodyPoint, Category, Label, Part
from bridge.quality.measures import IN_FRONT, SLEEVES, Pixels, Region, among, lowest

Floats = npt.NDArray[np.float32]

HEM_BANDS = {Category.UPPER: (0.4, 2.1), Category.LOWER: (1.05, 3.0), Category.DRESS: (1.15, 3.1)}
"""Where a hem may lie, in trunks below the shoulder joints: from a cropped top to a tunic below the knees, from shorts
to the floor, from a mini to the floor. The hips lie at 1, the knees at 1.85, the ankles at 2.7 (trunk, thigh and shank
are 0.288, 0.245 and 0.246 of the height: Drillis and Contini 1966, "Body Segment Parameters")."""

COLLAR_BAND = (-0.45, 0.35)
"""The same for a neckline: from a turtleneck to the edge of a strapless top; a deep V leaves it in some columns."""

ZONE = 0.15
"""The hem lies in the lowest part of the garment, this share of its height."""

FINE, BROAD = 0.006, 0.05
"""Blurs of a profile, over the trunk's length: one that leaves every tooth and takes the pixels' own staircase, and
one that leaves a hem's curve and takes its teeth."""

LEAST_SEEN = 0.4
"""Share of a line that must not be hidden for it to be judged."""

LEAST_COLUMNS = 8
"""Columns that make a line."""

NEAR = 5
"""[px] A garment that does not reach its own end, and has what lies in front within so many pixels (half on each
side), ends there because of it."""


@dataclass(frozen=True)
class Line:
    """The end of a garment in ``N`` neighbouring columns of the photo."""

    rows: Floats  # [N] where the garment ends [px]
    seen: Region  # [N] whether it ends there for all to see
    hidden: Region  # [N] whether something in front, or the photo's edge, hides its end


@dataclass(frozen=True)
class Trunk:
    """The wearer's measure: the row of the shoulder joints and the length down to the hips' [px]."""

    shoulders: float
    length: float


def trunk_of(keypoints: Floats) -> Trunk | None:
    """Return the trunk of ``keypoints [33, 4]``; None for somebody who lies or hangs upside down."""
    y = keypoints[:, 1]
    shoulders = float(y[[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER]].mean())
    hips = float(y[[BodyPoint.LEFT_HIP, BodyPoint.RIGHT_HIP]].mean())
    across = np.linalg.norm(
        np.diff(keypoints[[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER], :2], axis=0)
    )
    return Trunk(shoulders, hips - shoulders) if hips - shoulders > max(16.0, 0.5 * float(across)) else None


def hiding(labels: Pixels, edit_mask: Pixels) -> Region:
    """Return what may hide a garment's end: what lies in front, what must stay as it is, and the photo's lower edge."""
    front = among(labels, (*IN_FRONT, Label.SHOES)) | (edit_mask == 0)
    front[-1] = True
    return np.asarray(front)


def hem_line(
    worn: Region, layer: Pixels, parts: Pixels, front: Region, keypoints: Floats, category: Category
) -> float | None:
    """Return how good a line the hem is, [0, 1]: see :func:`quality`.

    Trousers have two hems, which count by their widths. None where too little of it is seen to judge, as when the
    photo's lower edge cuts it off, and for somebody who neither stands nor sits.
    """
    trunk, laid = trunk_of(keypoints), layer[..., 3] >= 128
    legs = [laid & (parts == leg) for leg in (Part.LEFT_LEG, Part.RIGHT_LEG)]
    pieces = legs if all(leg.any() for leg in legs) else [laid & ~among(parts, SLEEVES)]
    lines = [_hem(worn & piece, piece, front) for piece in pieces if piece.any()]
    scores = [(quality(line, trunk, HEM_BANDS[category]), line.rows.size) for line in lines] if trunk else []
    judged = [(score, size) for score, size in scores if score is not None]
    return sum(score * size for score, size in judged) / sum(size for _, size in judged) if judged else None


def collar_line(worn: Region, layer: Pixels, parts: Pixels, front: Region, keypoints: Floats) -> float | None:
    """Return how good a line the neckline is, [0, 1]: see :func:`quality`.

    The neckline is the upper end of the garment without its sleeves in the middle third of its columns. None where
    hair, chin or hands hide most of it, and for somebody who neither stands nor sits.
    """
    trunk, body = trunk_of(keypoints), (layer[..., 3] >= 128) & ~among(parts, SLEEVES)
    if trunk is None or not body.any():
        return None
    columns = np.flatnonzero(body.any(axis=0))
    third = (columns[-1] - columns[0]) // 3
    span = (int(columns[0] + third), int(columns[-1] - third))
    line = _line((worn & body)[::-1], body[::-1], front[::-1], span, floor=0)
    upright = Line(body.shape[0] - 1 - line.rows, line.seen, line.hidden)
    return quality(upright, trunk, COLLAR_BAND)


def quality(line: Line, trunk: Trunk, band: tuple[float, float]) -> float | None:
    """Return how good a line is, [0, 1]; None where too little of it is seen.

    The product of three shares: unbroken, of the columns that nothing hides those in which the garment ends where it
    should; placed, of those the ones inside the ``band`` [trunks below the shoulders]; and even, the length of the
    line without its teeth over its length with them.
    """
    judged = np.count_nonzero(~line.hidden)
    if judged < max(LEAST_COLUMNS, LEAST_SEEN * line.rows.size):
        return None
    if not line.seen.any():
        return 0.0
    below = (line.rows[line.seen] - trunk.shoulders) / trunk.length
    placed = float(np.mean((below >= band[0]) & (below <= band[1])))
    return np.count_nonzero(line.seen) / judged * placed * _even(line, trunk.length)


def _even(line: Line, trunk: float) -> float:
    """Return the length of a line after a broad blur over that after a fine one, (0, 1].

    A straight line and a slow curve keep their length; steps, bites and teeth are what the broad blur takes away.
    """
    cuts = np.flatnonzero(np.diff(line.seen.astype(np.int8))) + 1
    runs = [
        rows
        for rows, seen in zip(np.split(line.rows, cuts), np.split(line.seen, cuts), strict=True)
        if seen[0]
    ]
    broad, fine = (sum(_length(run, blur * trunk) for run in runs) for blur in (BROAD, FINE))
    return min(1.0, broad / fine) if fine else 1.0


def _length(rows: Floats, sigma: float) -> float:
    """Return the length of a profile after a Gaussian blur [px]."""
    smooth = cv2.GaussianBlur(rows[None], (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)[0]
    return float(np.hypot(np.diff(smooth), 1.0).sum())


def _hem(worn: Region, laid: Region, front: Region) -> Line:
    """Return the lower end of one piece of the garment, whole or as far as it is worn."""
    columns, bottoms = lowest(laid)
    rows = np.flatnonzero(laid.any(axis=1))
    floor = int(rows[-1] - ZONE * (rows[-1] - rows[0]))
    ends = columns[bottoms >= floor]
    return _line(worn, laid, front, (int(ends[0]), int(ends[-1])), floor)


def _line(worn: Region, laid: Region, front: Region, span: tuple[int, int], floor: int) -> Line:
    """Return the lowest worn row of each column from ``span[0]`` to ``span[1]``; above ``floor`` it is a gap."""
    window = slice(span[0], span[1] + 1)
    columns = np.arange(span[1] + 1 - span[0])
    near = cv2.dilate(front[:, window].astype(np.uint8), np.ones((NEAR, NEAR), np.uint8)) > 0
    rows, expected = _ends(worn[:, window]), _ends(laid[:, window])
    whole = (np.abs(rows - expected) <= NEAR // 2) & (expected < worn.shape[0] - 1)
    hidden = ~whole & (near[rows, columns] | near[expected, columns])
    seen = ~hidden & worn[rows, window.start + columns] & (rows >= floor)
    return Line(rows.astype(np.float32), np.asarray(seen), np.asarray(hidden))


def _ends(region: Region) -> npt.NDArray[np.intp]:
    """Return the lowest row of each column; the last row for a column that the region does not touch."""
    return np.asarray(region.shape[0] - 1 - np.argmax(region[::-1], axis=0))
