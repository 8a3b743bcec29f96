"""The same drawings in plain numpy: slow, obvious, and what the fast ones are compared with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bridge.splat.drawing import INSIDE, MARGIN, OFFSETS, Drawn, View
from bridge.splat.gaussians import Splats
from bridge.splat.surface import Ints, Mesh, Pixels
from bridge.splat.tiles import FAINTEST, Blend

Doubles = npt.NDArray[np.float64]


def plain_triangles(view: View) -> Drawn:
    """Draw as :func:`bridge.splat.triangles.draw_triangles` does: see, colour each sample, take the mean."""
    looks = [_look(view, offset) for offset in OFFSETS.astype(np.float64)]
    sides, faces = (np.stack(values) for values in zip(*looks, strict=True))
    alike = (faces[:, None] == faces[None]).astype(np.float64)
    middles = np.einsum("sthw,tc->shwc", alike, OFFSETS) / alike.sum(axis=1)[..., None]
    coloured = [_coloured(view, *sample) for sample in zip(sides, faces, middles, strict=True)]
    colours, depths, normals = (np.stack(values) for values in zip(*coloured, strict=True))
    count = (sides != 0).sum(axis=0)
    nearest = np.where(sides != 0, depths, np.inf).argmin(axis=0)[None]
    drawn, there = Drawn.blank(view.height, view.width), count > 0
    mean = (colours * (sides != 0)[..., None]).sum(axis=0) / np.maximum(count, 1)[..., None]
    drawn.layer[..., :3] = np.rint(mean)
    drawn.layer[..., 3] = 255 * count // len(OFFSETS)
    drawn.depth[there] = np.take_along_axis(depths, nearest, 0)[0][there]
    drawn.parts[there] = view.cloth.face_parts()[np.take_along_axis(faces, nearest, 0)[0]][there]
    drawn.normals[there] = np.take_along_axis(normals, nearest[..., None], 0)[0][there]
    return drawn


def _look(view: View, offset: Doubles) -> tuple[Ints, Ints]:
    """Return which side is seen (1 outer, -1 inner, 0 none) and of which triangle, [h, w], at a place of each pixel."""
    mesh, size = view.cloth.mesh, (view.height, view.width)
    outer, outer_ids = plain_z_buffer(mesh, 1, size, offset)
    inner, inner_ids = plain_z_buffer(mesh, -1, size, offset)
    body, _ = plain_z_buffer(view.body, 1, size, offset)
    with np.errstate(divide="ignore", invalid="ignore"):
        before = (outer == 0) | (1 / outer - 1 / inner > MARGIN)
    shows_inner = (inner > 0) & (inner >= body) & before
    side = np.where(shows_inner, -1, np.where(outer > 0, 1, 0)).astype(np.int32)
    return side, np.where(shows_inner, inner_ids, outer_ids)


def _coloured(view: View, side: Ints, faces: Ints, offset: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Return colour [h, w, 3], distance [h, w] and normal [h, w, 3] of triangles at places ``offset`` of the pixels."""
    mesh = view.cloth.mesh
    corners = mesh.faces[faces]
    share = _shares(mesh, corners, offset)
    light = np.where(side < 0, INSIDE, (share * view.shade[corners]).sum(axis=-1))
    picked = _bilinear(view.picture, np.einsum("hwk,hwkc->hwc", share, view.cloth.texture[corners]))
    normal = np.einsum("hwk,hwkc->hwc", share, view.cloth.normals[corners]) * side[..., None]
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    depth = -(share * mesh.points[corners][..., 2]).sum(axis=-1)
    return np.clip(picked * light[..., None], 0, 255), depth, normal


def plain_blend(splats: Splats, height: int, width: int) -> Blend:
    """Lay Gaussians over each other as :func:`bridge.splat.tiles.blend_tiles` does: one after the other."""
    blend = Blend.blank(height, width)
    best = np.zeros((height, width))
    ends = np.array((width, height))
    for i, (middle, reach) in enumerate(zip(splats.middles, splats.reach, strict=True)):
        left, top = np.clip(np.ceil(middle - reach - 0.5), 0, ends).astype(int)
        right, bottom = np.clip(np.floor(middle + reach - 0.5) + 1, 0, ends).astype(int)
        window = slice(top, bottom), slice(left, right)
        rows, columns = np.mgrid[window]
        x, y = columns + 0.5 - middle[0], rows + 0.5 - middle[1]
        xx, xy, yy = splats.conics[i]
        alpha = splats.opacity * np.exp(-(xx * x * x + 2 * xy * x * y + yy * y * y) / 2)
        alpha[alpha < FAINTEST] = 0
        share = alpha * blend.through[window]
        blend.colour[window] += share[..., None] * splats.colours[i]
        blend.depth[window] += share * splats.depths[i]
        blend.through[window] *= 1 - alpha
        most = share > best[window]
        best[window][most], blend.front[window][most] = share[most], i
    return blend


def plain_z_buffer(mesh: Mesh, side: int, size: tuple[int, int], offset: Doubles) -> tuple[Doubles, Ints]:
    """Return 1 / distance [h, w] of the nearest triangle that shows ``side``, 0 for none, and which it is."""
    near, ids = np.zeros(size), np.full(size, -1, np.int32)
    for face, corners in enumerate(mesh.faces):
        a, b, c = mesh.screen[corners].astype(np.float64)
        area = _doubled(a, b, c)
        left, top = np.maximum(np.floor(np.min((a, b, c), axis=0)), 0).astype(int)
        right, bottom = np.minimum(np.ceil(np.max((a, b, c), axis=0)), size[::-1]).astype(int)
        if area * side <= 0 or left >= right or top >= bottom:
            continue
        rows, columns = np.mgrid[top:bottom, left:right]
        p = np.stack([columns + offset[0], rows + offset[1]], axis=-1)
        share = np.stack([_doubled(p, b, c), _doubled(a, p, c), _doubled(a, b, p)], axis=-1) / area
        nearness = share @ mesh.inverse[corners].astype(np.float64)
        there = near[top:bottom, left:right]
        won = (share.min(axis=-1) >= 0) & (nearness > there)
        there[won] = nearness[won]
        ids[top:bottom, left:right][won] = face
    return near, ids


def _shares(mesh: Mesh, corners: Ints, offset: Doubles) -> Doubles:
    """Return the share [h, w, 3] of each corner at places ``offset`` of the pixels, undoing perspective."""
    height, width = corners.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    p = np.stack([columns, rows], axis=-1) + offset
    a, b, c = np.moveaxis(mesh.screen[corners].astype(np.float64), 2, 0)
    flat = (
        np.stack([_doubled(p, b, c), _doubled(a, p, c), _doubled(a, b, p)], axis=-1) * mesh.inverse[corners]
    )
    return flat / flat.sum(axis=-1, keepdims=True)


def _bilinear(picture: Pixels, place: Doubles) -> Doubles:
    """Return the colours [..., 3] at places [..., 2] of the picture [px]; beyond the edge, the nearest pixel's."""
    corner = np.floor(place - 0.5)
    (u, v), (x, y) = np.moveaxis(place - 0.5 - corner, -1, 0), np.moveaxis(corner.astype(int), -1, 0)

    def texel(row: npt.NDArray[np.int64], column: npt.NDArray[np.int64]) -> Doubles:
        inside = np.clip(row, 0, picture.shape[0] - 1), np.clip(column, 0, picture.shape[1] - 1)
        return picture[inside].astype(np.float64)

    u, v = u[..., None], v[..., None]
    upper = texel(y, x) * (1 - u) + texel(y, x + 1) * u
    return upper * (1 - v) + (texel(y + 1, x) * (1 - u) + texel(y + 1, x + 1) * u) * v


def _doubled(a: Doubles, b: Doubles, c: Doubles) -> Doubles:
    """Return twice the area of triangles whose corners are [..., 2]; above 0 where seen anticlockwise."""
    u, v = b - a, c - a
    return np.asarray(u[..., 1] * v[..., 0] - u[..., 0] * v[..., 1])
