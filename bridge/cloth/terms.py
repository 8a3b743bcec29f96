"""What :mod:`bridge.cloth.refine` makes small: terms with their gradients written out, in double precision.

Each is called with the garment's vertices [N, 3] [m] and returns its value, which has no unit, and its gradient
[N, 3] [1/m]. The gradients are written out in numpy: importing torch for them would cost the process 500 MB of memory
and more than a second of its start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bridge.cloth.fit import middle
from bridge.cloth.pattern import Ints
from bridge.cloth.wearer import Floats

Term = Callable[[Floats], tuple[float, Floats]]

_TINY = 1e-9
"""Keeps quotients finite."""
_SLIVER = 1e-2
"""A panel's triangle smaller than this share of the median has no shape to go back to."""
_LEAST_WEIGHT = 0.25
"""No triangle weighs less than this share of the median, or small ones would be drawn out for the others' sake."""


@dataclass(frozen=True)
class Stretch:
    """Every triangle back to its panel's shape: the squares of its two principal strains.

    A continuum's energy, not that of its edges: springs in three directions have no rest where two pieces that were
    cut differently meet. Pressed cloth folds, hence resists less (tension field theory; Pipkin, *The relaxed energy
    density for isotropic elastic membranes*, 1986).

    Attributes:
        faces: INT32 [F, 3].
        inverse: FP64 [F, 2, 2], of the matrix of the panel's two edges from the first corner [1/m].
        share: FP64 [F], of the whole area.
        area: of the cloth [m2].
        pressed: FP64 [F], the share of its stiffness with which a triangle resists being pressed.
        locking: how much stiffer it becomes by the square of its strain: what is stretched most gives least.
    """

    faces: Ints
    inverse: Floats
    share: Floats
    area: float
    pressed: Floats
    locking: float = 0.0

    @classmethod
    def of(cls, rest: Floats, faces: Ints, pressed: Floats, locking: float = 0.0) -> Stretch:
        """Return the term of triangles with corners ``rest`` [F, 3, 2] [m]; the others as above."""
        sides = np.stack([rest[:, 1] - rest[:, 0], rest[:, 2] - rest[:, 0]], axis=2)
        area = np.abs(np.linalg.det(sides))
        usual = float(np.median(area))
        sides[area < _SLIVER * usual] = np.eye(2) * np.sqrt(usual)
        weight = np.maximum(area, _LEAST_WEIGHT * usual)
        return cls(
            faces, np.linalg.inv(sides), weight / weight.sum(), float(area.sum()) / 2, pressed, locking
        )

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        """Return value and gradient."""
        one, two = x[self.faces[:, 1]] - x[self.faces[:, 0]], x[self.faces[:, 2]] - x[self.faces[:, 0]]
        inverse = self.inverse
        u = one * inverse[:, 0, :1] + two * inverse[:, 1, :1]
        v = one * inverse[:, 0, 1:] + two * inverse[:, 1, 1:]
        uu, vv, uv = _dots(u, u), _dots(v, v), _dots(u, v)
        mean, spread = (uu + vv) / 2, np.sqrt(((uu - vv) / 2) ** 2 + uv**2)
        greater, smaller = (np.sqrt(np.maximum(mean + sign * spread, _TINY)) for sign in (1, -1))
        (e1, s1), (e2, s2) = self._principal(greater), self._principal(smaller)
        # the second derivative of the energy by the metric: s1 and s2 along its two axes
        turn = (s1 - s2) / np.maximum(2 * spread, _TINY)
        off, su = turn * uv, s2 + turn * (uu - mean + spread)
        sv = s2 + turn * (vv - mean + spread)
        pu = u * su[:, None] + v * off[:, None]
        pv = u * off[:, None] + v * sv[:, None]
        at_one = pu * inverse[:, 0, :1] + pv * inverse[:, 0, 1:]
        at_two = pu * inverse[:, 1, :1] + pv * inverse[:, 1, 1:]
        return float(self.share @ (e1 + e2)), scattered(
            self.faces, (-at_one - at_two, at_one, at_two), len(x)
        )

    def curvature(self, count: int) -> Floats:
        """Return about the second derivative [count] by every vertex [1/m2]."""
        corners = np.concatenate([-self.inverse.sum(axis=1, keepdims=True), self.inverse], axis=1)
        return summed(self.faces, 2 * self.share[:, None] * (corners**2).sum(axis=2), count)

    def _principal(self, stretch: Floats) -> tuple[Floats, Floats]:
        """Return the energy [F] of principal stretches, and its derivative by them, by the stretch and weighted."""
        e = stretch - 1
        soft = np.where(e < 0, self.pressed, 1.0)
        lock = self.locking * np.maximum(e, 0) ** 2
        slope = e * (2 * soft + 4 * lock)
        return e**2 * (soft + lock), self.share * slope / np.maximum(stretch, _TINY)


@dataclass(frozen=True)
class Bend:
    """Every hinge as flat as its stiffness asks: the quadratic energy of :func:`bridge.cloth.pattern.cloth_of`.

    Attributes:
        hinges: INT32 [H, 4].
        weights: FP64 [H, 4].
        stiffness: FP64 [H], by the squared length of the weighted sum [1/m2].
    """

    hinges: Ints
    weights: Floats
    stiffness: Floats

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        """Return value and gradient."""
        bent = np.einsum("hn,hnk->hk", self.weights, x[self.hinges])
        push = 2 * self.stiffness[:, None] * bent
        gradient = scattered(self.hinges, [push * self.weights[:, n, None] for n in range(4)], len(x))
        return float(self.stiffness @ _dots(bent, bent)), gradient

    def curvature(self, count: int) -> Floats:
        """Return the second derivative [count] by every vertex [1/m2]."""
        return summed(self.hinges, 2 * self.stiffness[:, None] * self.weights**2, count)


@dataclass(frozen=True)
class Contact:
    """Places of the cloth at least so far off the skin: its planes as they were found last.

    Attributes:
        corners: INT32 [n, c], the vertices whose mean a place is.
        normals: FP64 [n, 3], the skin's unit normals.
        least: FP64 [n], the least coordinate of a place along its normal [m].
        weights: FP64 [n] [1/m2].
    """

    corners: Ints
    normals: Floats
    least: Floats
    weights: Floats

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        """Return value and gradient."""
        count = self.corners.shape[1]
        place = middle(x, self.corners)
        missing = np.maximum(self.least - _dots(place, self.normals), 0)
        push = (-2 / count * self.weights * missing)[:, None] * self.normals
        return float(self.weights @ missing**2), scattered(self.corners, [push] * count, len(x))


@dataclass(frozen=True)
class Guide:
    """Vertices drawn along a direction to a coordinate on it: landmarks' neighbours, seams that must not wind.

    Attributes:
        vertices: INT32 [n].
        directions: FP64 [n, 3], of length 1.
        wanted: FP64 [n], the coordinate along the direction [m].
        weights: FP64 [n] [1/m2].
    """

    vertices: Ints
    directions: Floats
    wanted: Floats
    weights: Floats

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        """Return value and gradient."""
        away = _dots(x[self.vertices], self.directions) - self.wanted
        pull = (2 * self.weights * away)[:, None] * self.directions
        return float(self.weights @ away**2), scattered(self.vertices[:, None], [pull], len(x))


@dataclass(frozen=True)
class Stay:
    """Every vertex where the simulation left it.

    Attributes:
        home: FP64 [N, 3] [m].
        weights: FP64 [N] [1/m2].
    """

    home: Floats
    weights: Floats

    def __call__(self, x: Floats) -> tuple[float, Floats]:
        """Return value and gradient."""
        away = x - self.home
        pull = 2.0 * self.weights[:, None] * away
        return float((pull * away).sum()) / 2, pull


def summed(corners: Ints, values: Floats, count: int) -> Floats:
    """Return the sum [count] of what is given to corners, [n, c] like the ``values``."""
    return np.bincount(corners.ravel(), values.ravel(), count).astype(np.float64)


def scattered(corners: Ints, pushes: Sequence[Floats], count: int) -> Floats:
    """Return the sum [count, 3] of what is given to corners [n, c]: ``pushes`` are c times [n, 3]."""
    value = np.stack(pushes, axis=1)
    return np.stack([summed(corners, value[..., k], count) for k in range(3)], axis=1)


def _dots(one: Floats, other: Floats) -> Floats:
    """Return the inner products [n] of vectors [n, 3]."""
    return np.einsum("nk,nk->n", one, other)
