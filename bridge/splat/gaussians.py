"""Flat Gaussians laid on the garment like scales: where they are, and how the camera sees them.

Kerbl et al. 2023, "3D Gaussian Splatting for Real-Time Radiance Field Rendering", with the Gaussians not learnt but
seeded on a grid of the garment's photo, so that they cover the surface without pinholes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from bridge.splat.drawing import INSIDE, OFFSETS, View
from bridge.splat.surface import Floats, Ints, Mesh, Pixels
from bridge.splat.triangles import INNER, OUTER, z_buffer

Bools = npt.NDArray[np.bool_]
Order = npt.NDArray[np.intp]

COUNT = 100_000
"""How many Gaussians cover what faces the camera from outside."""
_SPREAD = 0.55
"""Their standard deviation along the surface, by their spacing: as small as leaves no gap between them."""
_OPACITY = 0.9
"""Of a Gaussian's middle."""
_BLUR = 0.05
"""Variance that is added on the screen against flicker [px²] (Zwicker et al. 2001, "EWA Volume Splatting")."""
_REACH = 3.0
"""How many standard deviations from its middle a Gaussian ends."""
_FINEST = 2048
"""Seeds along the longer side of the panels at most."""
_BESIDE = 8
"""How far beside the picture a Gaussian may lie that is still drawn [px]."""


@dataclass(frozen=True)
class Splats:
    """Gaussians on the screen, from the nearest to the farthest.

    Attributes:
        middles: FP32 [n, 2], px.
        conics: FP32 [n, 3], the inverse of the covariance: xx, xy, yy [1/px²].
        reach: FP32 [n, 2], how far from the middle they end along x and y [px].
        depths: FP32 [n], distance along the view [m].
        colours: FP32 [n, 3], 0 to 255.
        normals: FP32 [n, 3], unit normals of the side that is seen, camera frame.
        parts: UINT8 [n], Part.
        opacity: of their middles, 0 to 1.
    """

    middles: Floats
    conics: Floats
    reach: Floats
    depths: Floats
    colours: Floats
    normals: Floats
    parts: Pixels
    opacity: float = _OPACITY


@dataclass(frozen=True)
class Seeds:
    """Places on the surface, with what is known there.

    Attributes:
        faces: INT32 [n], the triangle.
        shares: FP32 [n, 3], of its corners.
    """

    faces: Ints
    shares: Floats

    def mixed(self, mesh: Mesh, values: Floats) -> Floats:
        """Return values [v, c] of the vertices at the seeds, [n, c]."""
        corners = mesh.faces[self.faces]
        first, second, third = (values[corners[:, k]] * self.shares[:, k, None] for k in range(3))
        return first + second + third

    def picked(self, which: Order) -> Seeds:
        """Return some of them, or all in another order."""
        return Seeds(self.faces[which], self.shares[which])


def scales(view: View, count: int = COUNT) -> Splats:
    """Cover the garment with Gaussians and look at them.

    Args:
        view: what is to be drawn.
        count: about how many cover what faces the camera from outside.
    """
    before = _before(view)
    view = _trimmed(view, before)
    cloth, mesh = view.cloth, view.cloth.mesh
    spacing = _spacing(view, count)
    seeds = _seen(_sown(view, spacing), mesh, before)
    steps = _jacobian(view)[seeds.faces] * np.float32(spacing * _SPREAD)
    known = np.column_stack([mesh.screen, cloth.texture, view.shade, cloth.normals, mesh.points[:, 2]])
    middles, texture, shade, normals, height = np.split(seeds.mixed(mesh, known), (2, 4, 5, 8), axis=1)
    side = np.where(mesh.areas()[seeds.faces] > 0, OUTER, INNER)[:, None]
    variance = (steps**2).sum(axis=1) + np.float32(_BLUR)
    colours = _looked_up(view, texture) * np.where(side == OUTER, shade, INSIDE)
    length = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return Splats(
        middles=np.ascontiguousarray(middles),
        conics=_inverse(variance, steps.prod(axis=2).sum(axis=1)),
        reach=_REACH * np.sqrt(variance),
        depths=-height[:, 0],
        colours=np.minimum(colours, 255).astype(np.float32),
        normals=normals * side / length,
        parts=cloth.face_parts()[seeds.faces],
    )


def _spacing(view: View, count: int) -> float:
    """Return the seeds' distance [px of the texture]: ``count`` on what faces the camera, at most two per pixel."""
    ahead, texture = np.maximum(view.cloth.mesh.areas(), 0), view.cloth.texture
    flat = np.abs(_doubled(texture[view.cloth.mesh.faces])) / 2
    wanted = max(1.0, min(count, 2 * float(ahead.sum())))
    finest = float(np.ptp(texture, axis=0).max()) / _FINEST
    return max(float(np.sqrt(flat[ahead > 0].sum() / wanted)), finest, 1e-3)


def _sown(view: View, spacing: float) -> Seeds:
    """Sow a grid on each panel: its triangles are drawn flat, as they lie in the photo, one cell a seed."""
    cloth = view.cloth
    ones = np.ones(len(cloth.texture), np.float32)
    places = (cloth.texture - cloth.texture.min(axis=0)) / np.float32(spacing)
    flat = Mesh(cloth.mesh.points, places, ones, cloth.mesh.faces)
    size = np.ceil(places.max(axis=0)).astype(int) + 1
    far = np.zeros((size[1], size[0]), np.float32)
    found = [z_buffer(flat, side, far)[1][..., 0] for side in (OUTER, INNER)]
    rows, columns = np.concatenate([np.argwhere(ids >= 0) for ids in found]).T
    faces = np.concatenate([ids[ids >= 0] for ids in found])
    first, *edges = (flat.screen[flat.faces[faces, k]] for k in range(3))
    (a, b), (c, d) = ((edge - first).T for edge in edges)
    x, y = columns + OFFSETS[0, 0] - first[:, 0], rows + OFFSETS[0, 1] - first[:, 1]
    second, third = (x * d - y * c) / (a * d - b * c), (y * a - x * b) / (a * d - b * c)
    shares = np.stack([1 - second - third, second, third], axis=1)
    return Seeds(faces, shares.astype(np.float32))


def _seen(seeds: Seeds, mesh: Mesh, before: Floats) -> Seeds:
    """Leave out what lies outside the picture, and what is hidden of the inner side; the nearest come first."""
    place = seeds.mixed(mesh, np.column_stack([mesh.screen, mesh.points[:, 2]]))
    half = np.array(before.shape[::-1], np.float32) / 2
    beside = (np.abs(place[:, :2] - half) > half + _BESIDE).any(axis=1)
    hidden = (mesh.areas()[seeds.faces] < 0) & _is_hidden(place, before)
    kept = np.flatnonzero(~beside & ~hidden)
    return seeds.picked(kept[np.argsort(-place[kept, 2], kind="stable")])


def _before(view: View) -> Floats:
    """Return 1 / distance [h, w] of what can hide the inner side, the body or the outer side; 0 for nothing."""
    far = np.zeros((view.height, view.width), np.float32)
    body, outer = (z_buffer(what, OUTER, far)[0][..., 0] for what in (view.body, view.cloth.mesh))
    return np.maximum(body, outer)


def _trimmed(view: View, before: Floats) -> View:
    """Leave out the triangles whose inner side is hidden at all corners, for a seed on them wouldn't be seen."""
    mesh = view.cloth.mesh
    hidden = _is_hidden(np.column_stack([mesh.screen, mesh.points[:, 2]]), before)[mesh.faces].all(axis=1)
    kept = np.ascontiguousarray(mesh.faces[(mesh.areas() > 0) | ~hidden])
    return replace(view, cloth=replace(view.cloth, mesh=replace(mesh, faces=kept)))


def _is_hidden(place: Floats, before: Floats) -> Bools:
    """Return whether places [n, 3], x and y [px] and z [m], lie behind ``before`` [h, w]."""
    height, width = before.shape
    x, y = (np.clip(place[:, k], 0, size - 1).astype(np.int32) for k, size in ((0, width), (1, height)))
    return -place[:, 2] * before[y, x] > 1


def _jacobian(view: View) -> Floats:
    """Return how the place on the screen changes with that in the texture, [f, 2, 2]: (u, v) by (x, y).

    Across one triangle the difference from the true perspective is far below a pixel.
    """
    mesh = view.cloth.mesh
    texture, screen = view.cloth.texture[mesh.faces], mesh.screen[mesh.faces]
    (a, b), (c, d) = (np.moveaxis(texture[:, k] - texture[:, 0], 1, 0) for k in (1, 2))
    area = a * d - b * c
    area = np.where(area == 0, np.inf, area)
    inverse = np.stack([np.stack([d, -b], -1), np.stack([-c, a], -1)], axis=1) / area[:, None, None]
    return (inverse @ (screen[:, 1:] - screen[:, :1])).astype(np.float32)


def _looked_up(view: View, place: Floats) -> Floats:
    """Return the texture's colours [n, 3] at places [n, 2] of it."""
    if not len(place):
        return np.zeros((0, 3), np.float32)
    at = (place - 0.5).astype(np.float32).reshape(-1, 1, 2)
    unused = np.empty(0, np.float32)
    rows = [
        cv2.remap(view.picture, part, unused, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for part in np.array_split(at, len(at) // 32000 + 1)  # OpenCV's pictures have at most 32,767 rows
    ]
    return np.concatenate(rows)[:, 0].astype(np.float32)


def _inverse(variance: Floats, mixed: Floats) -> Floats:
    """Return the inverses of covariances, as xx, xy, yy [n, 3], from their diagonals [n, 2] and xy [n]."""
    xx, yy = variance.T
    return (np.stack([yy, -mixed, xx], axis=1) / (xx * yy - mixed**2)[:, None]).astype(np.float32)


def _doubled(corners: Floats) -> Floats:
    """Return twice the area of triangles [n, 3, 2]."""
    (u, v), (s, t) = (np.moveaxis(corners[:, k] - corners[:, 0], 1, 0) for k in (1, 2))
    return np.asarray(v * s - u * t)
