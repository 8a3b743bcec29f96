"""The second stage of a drape: from where the simulation left the garment to where it lies best.

A solver in small steps leaves what no step can mend: triangles that its springs don't see, and corners that were
pushed out of the skin one by one. Here all vertices are moved at once so that the sum of a few terms becomes small
(:mod:`bridge.cloth.terms`): strain and bending of the cloth, its distance from the skin, landmarks and seams where they
belong (:mod:`bridge.cloth.guides`), and nearness to the simulation, which knows of gravity and friction.

The weights below were chosen by looking at garments of shops on people of photos.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bridge.cloth.fabric import Material
from bridge.cloth.fit import GAP, deepest, elements, middle, near, outside, strains
from bridge.cloth.guides import landmarks, neckline, straight_sleeves
from bridge.cloth.minimise import minimised
from bridge.cloth.pattern import Cloth, Ints, Sewn, Singles
from bridge.cloth.solver import Surface
from bridge.cloth.terms import Bend, Contact, Stay, Stretch, Term, summed
from bridge.cloth.wearer import Flat, Floats

_ROUNDS, _STEPS = 3, 12
"""How often the skin near the cloth is looked for, and the steps between."""
_MENDS, _BLENDED = 8, 4
"""How often places that became worse are given back, and how far around them the two are blended [edges]."""
_LENGTH = 0.01
"""How far [m] from its place a vertex with the weight 1 costs as much as its cloth stretched to twice its length."""
_OFF_SKIN, _HOME, _LANDMARK, _SEAM = 5.0, 5e-4, 0.1, 0.02
"""Weights of the terms' distances."""
_BENDING = 10.0
"""Folds narrower than two edges are the mesh's and not the cloth's: it is made stiffer by this."""
_PRESSED = 0.1
"""The share of its stiffness with which cloth resists being pressed; a collar resists with all of it."""
_LOCKING = 2.0
"""How much stiffer cloth becomes by the square of its strain, so that what is stretched most gives least."""
_COLLAR_LIFT = 0.002
"""How much farther off the skin a neckline stands than the rest [m]."""
_REACH = 0.01
"""Skin farther from the cloth than its thickness and this is not met within a round [m]."""


@dataclass(frozen=True)
class Dressed:
    """A garment on its wearer.

    Attributes:
        garment: the flat panels.
        sewn: which of their vertices are one.
        rest: FP64 [F, 3, 2], the corners of the panels' triangles as cut [m].
        cloth: the sewn garment.
        material: the fabric.
        body: FP32 [V, 3], in the pose of the photo [m].
        surface: the body's triangles.
        landmarks: FP64 [33, 3], the body's, in that pose [m].
    """

    garment: Flat
    sewn: Sewn
    rest: Floats
    cloth: Cloth
    material: Material
    body: Singles
    surface: Surface
    landmarks: Floats


def refined(dressed: Dressed, coarse: Singles) -> tuple[Singles, bool]:
    """Return where the garment lies best [M, 3], and whether that differs from where it lay.

    Where the result isn't better in every measure, the coarse one stays.

    Args:
        dressed: garment and wearer.
        coarse: FP32 [M, 3], the garment at rest, outside of the skin.
    """
    before, weights = _measures(dressed, coarse), _Weights.of(dressed)
    for locking in (_LOCKING, 0.0):  # where all together paid too much for the worst: once more, without that
        x = coarse
        fixed = weights.fixed(dressed, coarse, locking)
        for _ in range(_ROUNDS):
            terms = [*fixed, *weights.contacts(dressed, x)]
            x = minimised(terms, x.astype(np.float64), weights.step, _STEPS).astype(np.float32)
        x = _mended(dressed, coarse, x, before[0])
        if all(new <= old for new, old in zip(_measures(dressed, x), before, strict=True)):
            return x, True
    return coarse, False


def _mended(dressed: Dressed, coarse: Singles, x: Singles, most: float) -> Singles:
    """Return the refined garment ``x`` [M, 3] pushed out of the skin, and as it was where that made it worse.

    Between limbs that run into each other, what is pushed out of the one is pushed into the other.
    """
    cloth, skin = dressed.cloth, (dressed.body, dressed.surface)
    ends = np.concatenate([cloth.edges, cloth.edges[:, ::-1]])
    count = 1 + np.bincount(ends[:, 0], minlength=len(x))
    out = mixed = outside(x, cloth, *skin)
    share, held = np.ones(len(x)), np.zeros(len(x), np.bool_)
    for _ in range(_MENDS):
        worse = near(mixed, cloth, elements(cloth)[0], *skin).depths < 0
        worse[cloth.faces[strains(dressed.rest, mixed, cloth.faces) > most]] = True
        if not worse.any():
            break
        held |= worse
        share[held] = 0
        for _ in range(_BLENDED):
            share = (share + np.bincount(ends[:, 0], share[ends[:, 1]], len(x))) / count
            share[held] = 0
        mixed = (coarse + share[:, None] * (out - coarse)).astype(np.float32)
    return mixed


def _measures(dressed: Dressed, x: Singles) -> tuple[float, float, float]:
    """Return largest and mean strain, and how deep in the skin a garment is [m], 0 where that is none."""
    strain = strains(dressed.rest, x, dressed.cloth.faces)
    depth, _ = deepest(x, dressed.cloth, dressed.body, dressed.surface)
    return float(strain.max()), float(strain.mean()), depth


@dataclass(frozen=True)
class _Weights:
    """What stays the same while the garment is refined.

    Attributes:
        stretch: the strain's term.
        bend: the folds' term.
        share: FP64 [M], of the garment's area around every vertex.
        step: FP64 [M, 1], see :func:`minimised`.
        thickness: FP64 [M], how far off the skin every vertex is to lie [m].
    """

    stretch: Stretch
    bend: Bend
    share: Floats
    step: Floats
    thickness: Floats

    @classmethod
    def of(cls, dressed: Dressed) -> _Weights:
        """Return the terms that don't know of the body."""
        cloth, count = dressed.cloth, len(dressed.sewn.first)
        ring = neckline(dressed.garment, dressed.sewn, cloth.faces)
        pressed = np.where(ring[cloth.faces].any(axis=1), 1.0, _PRESSED)
        stretch = Stretch.of(dressed.rest, cloth.faces, pressed)
        stiff = (dressed.material.warp + dressed.material.weft) / 2 * stretch.area
        bend = Bend(
            cloth.hinges,
            cloth.hinge_weights.astype(np.float64),
            _BENDING / (cloth.hinge_compliance.astype(np.float64) * stiff),
        )
        share = summed(cloth.faces, np.repeat(stretch.share[:, None] / 3, 3, axis=1), count)
        curved = stretch.curvature(count) + bend.curvature(count) + _OFF_SKIN / _LENGTH**2 * share
        step = 1 / np.maximum(curved, 1e-3 * curved.mean())  # a vertex without a triangle has none
        thickness = dressed.material.thickness + _COLLAR_LIFT * ring
        return cls(stretch, bend, share, step[:, None], thickness)

    def fixed(self, dressed: Dressed, home: Singles, locking: float) -> list[Term]:
        """Return all terms but the skin's.

        Args:
            dressed: garment and wearer.
            home: FP32 [M, 3], where the simulation ended [m].
            locking: see :class:`bridge.cloth.terms.Stretch`.
        """
        share = float(self.share.mean()) / _LENGTH**2
        known = dressed.garment, dressed.sewn, home.astype(np.float64), dressed.landmarks
        return [
            replace(self.stretch, locking=locking),
            self.bend,
            Stay(known[2], _HOME / _LENGTH**2 * self.share),
            landmarks(*known, _LANDMARK * share),
            straight_sleeves(*known, _SEAM * share),
        ]

    def contacts(self, dressed: Dressed, x: Singles) -> list[Term]:
        """Return what keeps vertices and edges off the skin that is near to them at ``x`` [M, 3]."""
        vertices, edges, _ = elements(dressed.cloth)
        return [self._contact(dressed, x, vertices, self.thickness), self._contact(dressed, x, edges, None)]

    def _contact(self, dressed: Dressed, x: Singles, corners: Ints, thickness: Floats | None) -> Contact:
        """Return the same of vertices, ``thickness`` [M] off the skin, or of what lies between vertices."""
        found = near(x, dressed.cloth, corners, dressed.body, dressed.surface)
        least = np.full(len(corners), GAP) if thickness is None else thickness
        chosen = np.flatnonzero((found.triangles >= 0) & (found.depths < least + _REACH))
        corners, normals = corners[chosen], found.normals[chosen].astype(np.float64)
        along = (middle(x, corners) * normals).sum(axis=1)
        return Contact(
            corners,
            normals,
            along - found.depths[chosen] + least[chosen],
            _OFF_SKIN / _LENGTH**2 * self.share[corners].mean(axis=1),
        )
