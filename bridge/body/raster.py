"""Which triangle covers each pixel: a small z-buffer in numpy, for files that nobody waits for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.intp]

_BATCH = 1 << 20
"""How many pixels of triangles' boxes are looked at together: 100 MB of memory."""
_SLACK = 1e-6
"""By what share of a triangle its edges are widened, so that neighbours leave no gap."""


@dataclass(frozen=True)
class Raster:
    """What is seen at each pixel.

    Attributes:
        faces: INT32 [h, w], the triangle, or -1.
        shares: FP32 [h, w, 3], how near the pixel's centre is to each of its corners; they sum to 1.
    """

    faces: Ints
    shares: Floats

    @property
    def covered(self) -> npt.NDArray[np.bool_]:
        """Where there is a triangle, [h, w]."""
        return self.faces >= 0

    def of(self, corners: npt.NDArray[np.generic]) -> Floats:
        """Return values that are known at triangles' corners [F, 3, c] for each covered pixel, [n, c]."""
        there = self.covered
        return np.einsum("nk,nkc->nc", self.shares[there], corners[self.faces[there]]).astype(np.float32)


def rasterise(
    corners: npt.NDArray[np.generic], nearness: npt.NDArray[np.generic], size: tuple[int, int]
) -> Raster:
    """Draw triangles.

    Args:
        corners: [F, 3, 2], where their corners are [px].
        nearness: [F, 3], at their corners, larger before smaller; 1 / distance changes evenly across a triangle as it
            is seen (Blinn 1992).
        size: height and width [px].
    """
    places = corners.astype(np.float64)
    best = np.full(size[0] * size[1], -np.inf)
    faces = np.full(len(best), -1, np.int32)
    for triangles, pixels in _candidates(places, size):
        share = _shares(places[triangles], pixels, size[1])
        inside = (share >= -_SLACK).all(axis=1)
        triangle, pixel = triangles[inside], pixels[inside]
        near = (share[inside] * nearness[triangle]).sum(axis=1)
        np.maximum.at(best, pixel, near)
        won = near == best[pixel]
        faces[pixel[won]] = triangle[won]
    shares = np.zeros((len(best), 3), np.float32)
    there = np.flatnonzero(faces >= 0)
    shares[there] = _shares(places[faces[there]], there, size[1])
    return Raster(faces.reshape(size), shares.reshape(*size, 3))


def _candidates(corners: Doubles, size: tuple[int, int]) -> Iterator[tuple[Indices, Indices]]:
    """Yield triangles and the pixels in their boxes, as pairs."""
    ends = np.array(size[::-1])
    low = np.clip(np.ceil(corners.min(axis=1) - 0.5), 0, ends).astype(np.intp)
    high = np.clip(np.floor(corners.max(axis=1) - 0.5) + 1, low, ends).astype(np.intp)
    width = high[:, 0] - low[:, 0]
    count = np.where(_doubled_areas(corners) != 0, width * (high[:, 1] - low[:, 1]), 0)
    batch = np.cumsum(count) // _BATCH
    for number in np.unique(batch[count > 0]):
        own = np.flatnonzero((batch == number) & (count > 0))
        triangle = np.repeat(own, count[own])
        rank = np.arange(len(triangle)) - np.repeat(np.cumsum(count[own]) - count[own], count[own])
        row, column = low[triangle, 1] + rank // width[triangle], low[triangle, 0] + rank % width[triangle]
        yield triangle, row * size[1] + column


def _shares(corners: Doubles, pixel: Indices, width: int) -> Doubles:
    """Return the share [n, 3] of each corner of triangles [n, 3, 2] at pixels' centres."""
    centre = np.stack([pixel % width, pixel // width], axis=1) + 0.5
    a, b, c = np.moveaxis(corners, 1, 0)
    area = _doubled_areas(corners)
    second = _cross(centre - a, c - a) / area
    third = _cross(b - a, centre - a) / area
    return np.stack([1 - second - third, second, third], axis=1)


def _doubled_areas(corners: Doubles) -> Doubles:
    return _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def _cross(u: Doubles, v: Doubles) -> Doubles:
    return np.asarray(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
