"""The loops that draw triangles, compiled by Taichi.

Import it after :func:`bridge.geometry.engine.start`. Taichi reads the annotations as values, so that they are not
postponed here. No two threads write to one row, so that the same input gives the same bits;
:mod:`bridge.splat.plain` does the same in numpy, slowly.
"""
# To mypy, Taichi's types of arrays are values and its vectors unknown:
# mypy: ignore-errors
# ruff: noqa: ANN201 - Taichi 1.7.4 trips over a kernel that is said to return None

import taichi as ti
import taichi.math as tm

from bridge.splat.drawing import OFFSETS

F1 = ti.types.ndarray(dtype=ti.f32, ndim=1)
F2 = ti.types.ndarray(dtype=ti.f32, ndim=2)
F3 = ti.types.ndarray(dtype=ti.f32, ndim=3)
I2 = ti.types.ndarray(dtype=ti.i32, ndim=2)
I3 = ti.types.ndarray(dtype=ti.i32, ndim=3)
W2 = ti.types.ndarray(dtype=ti.u32, ndim=2)
U1 = ti.types.ndarray(dtype=ti.u8, ndim=1)
U2 = ti.types.ndarray(dtype=ti.u8, ndim=2)
U3 = ti.types.ndarray(dtype=ti.u8, ndim=3)

SAMPLES = len(OFFSETS)
PLACES = [tm.vec2(x, y) for x, y in OFFSETS.tolist()]
"""The samples' places in a pixel, known when the kernels are compiled."""

BANDS = 4
"""Into how many bands of rows a z-buffer is divided; each goes through all triangles, and is one thread's."""
ROUNDING = 1e-4
"""By how much of itself a triangle is drawn larger, so that rounding opens no crack between two."""


@ti.func
def place(screen: ti.template(), vertex: int) -> tm.vec2:
    """Return a vertex's place [px]."""
    return tm.vec2(screen[vertex, 0], screen[vertex, 1])


@ti.func
def doubled_area(a: tm.vec2, b: tm.vec2, c: tm.vec2) -> float:
    """Return twice a triangle's area [px²]; above 0 where it is seen anticlockwise (y points down)."""
    return (b.y - a.y) * (c.x - a.x) - (b.x - a.x) * (c.y - a.y)


@ti.kernel
def rasterise(screen: F2, inverse: F1, faces: I2, side: int, far: F2, near: F3, ids: I3):
    """Z-buffer: keep at every sample the nearest triangle that shows ``side``: 1 the outer, -1 the inner.

    ``near`` [h, w, samples] is 1 / distance [1/m], 0 where nothing is yet; ``ids`` the triangle. The inverse of the
    distance is what changes evenly across a triangle on the screen (Blinn 1992, "Hyperbolic interpolation"). What is
    farther than ``far`` [h, w], in 1/m too, is left out.
    """
    ti.loop_config(block_dim=1)
    for band in range(BANDS):
        first = tm.vec2(0, near.shape[0] * band // BANDS)
        last = tm.vec2(near.shape[1], near.shape[0] * (band + 1) // BANDS)
        for face in range(faces.shape[0]):
            i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
            a, b, c = place(screen, i), place(screen, j), place(screen, k)
            area = doubled_area(a, b, c)
            if area * side > 0:
                low = ti.floor(tm.clamp(tm.min(a, tm.min(b, c)), first, last), int)
                high = ti.ceil(tm.clamp(tm.max(a, tm.max(b, c)), first, last), int)
                # How the shares of b and c grow along x and y, and by how much within half a pixel.
                to_b, to_c = tm.vec2(a.y - c.y, c.x - a.x) / area, tm.vec2(b.y - a.y, a.x - b.x) / area
                reach_b, reach_c = abs(to_b).sum() / 2, abs(to_c).sum() / 2
                rise_b, rise_c = inverse[j] - inverse[i], inverse[k] - inverse[i]
                most = ti.max(inverse[i], inverse[j], inverse[k])
                for y in range(low.y, high.y):
                    for x in range(low.x, high.x):
                        middle = tm.vec2(x + 0.5, y + 0.5) - a
                        u, v = tm.dot(to_b, middle), tm.dot(to_c, middle)
                        if (
                            u > -reach_b
                            and v > -reach_c
                            and u + v < 1 + reach_b + reach_c
                            and most > far[y, x]
                        ):
                            for s in ti.static(range(SAMPLES)):
                                us, vs = u + tm.dot(to_b, PLACES[s] - 0.5), v + tm.dot(to_c, PLACES[s] - 0.5)
                                nearness = inverse[i] + us * rise_b + vs * rise_c
                                inside = us > -ROUNDING and vs > -ROUNDING and us + vs < 1 + ROUNDING
                                if inside and nearness > near[y, x, s]:
                                    near[y, x, s] = nearness
                                    ids[y, x, s] = face


@ti.func
def texel(picture: ti.template(), y: int, x: int) -> tm.vec3:
    """Return a pixel's colour, of which the lowest byte is red."""
    rgba = picture[y, x]
    return tm.vec3(rgba & 255, rgba >> 8 & 255, rgba >> 16 & 255)


@ti.func
def bilinear(picture: ti.template(), x: float, y: float) -> tm.vec3:
    """Return the colour at a place of the picture [px], at least 2 by 2, where pixel centres lie at halves."""
    u = tm.clamp(x - 0.5, 0.0, picture.shape[1] - 1.0)
    v = tm.clamp(y - 0.5, 0.0, picture.shape[0] - 1.0)
    column, row = ti.min(int(u), picture.shape[1] - 2), ti.min(int(v), picture.shape[0] - 2)
    u, v = u - column, v - row
    upper = tm.mix(texel(picture, row, column), texel(picture, row, column + 1), u)
    lower = tm.mix(texel(picture, row + 1, column), texel(picture, row + 1, column + 1), u)
    return tm.mix(upper, lower, v)


@ti.kernel
def covers(outer: F3, margin: float, far: F2):
    """Note for each pixel beyond which 1 / distance [1/m] the inner side can't be seen for the outer: 0 for none."""
    ti.loop_config(serialize=True)
    for y, x in ti.ndrange(far.shape[0], far.shape[1]):
        least = outer[y, x, 0]
        for s in ti.static(range(1, SAMPLES)):
            least = ti.min(least, outer[y, x, s])
        far[y, x] = least / (1 - margin * least)


@ti.kernel
def meets(inner: F3, far: F2):
    """Note for each pixel the 1 / distance [1/m] of its farthest sample that has something; without one, infinity."""
    ti.loop_config(serialize=True)
    for y, x in ti.ndrange(far.shape[0], far.shape[1]):
        least = tm.inf
        for s in ti.static(range(SAMPLES)):
            if inner[y, x, s] > 0:
                least = ti.min(least, inner[y, x, s])
        far[y, x] = least


@ti.func
def seen(
    outer: ti.template(), outer_ids: ti.template(), inner: ti.template(), inner_ids: ti.template(),
    body: ti.template(), at: tm.ivec3, margin: float,
) -> tm.ivec2:  # fmt: skip
    """Return what a sample shows: the side (1 outer, -1 inner, 0 none) and the triangle (-1 none).

    The inner side is seen where neither the body nor the outer side is before it.
    """
    found, ahead, behind = tm.ivec2(0, -1), outer[at], inner[at]
    if behind > 0 and behind >= body[at] and (ahead <= 0 or 1 / ahead - 1 / behind > margin):
        found = tm.ivec2(-1, inner_ids[at])
    elif ahead > 0:
        found = tm.ivec2(1, outer_ids[at])
    return found


@ti.func
def value(planes: ti.template(), face: int, row: int, p: tm.vec2) -> float:
    """Return a value by distance at a place of the screen, ``p`` px from its triangle's first corner."""
    return planes[face, row, 0] + planes[face, row, 1] * p.x + planes[face, row, 2] * p.y


@ti.func
def textured(
    planes: ti.template(), picture: ti.template(), face: int, p: tm.vec2, side: int, dark: float
) -> tm.vec4:
    """Return a triangle's colour and, fourth, its distance at a place of the screen."""
    z = 1 / value(planes, face, 6, p)
    gain = dark
    if side > 0:
        gain = value(planes, face, 2, p) * z
    colour = bilinear(picture, value(planes, face, 0, p) * z, value(planes, face, 1, p) * z)
    return tm.vec4(tm.min(colour * gain, 255), z)


@ti.func
def facing(planes: ti.template(), face: int, p: tm.vec2, side: int) -> tm.vec3:
    """Return the unit normal of a triangle's side at a place of the screen."""
    n = tm.vec3(value(planes, face, 3, p), value(planes, face, 4, p), value(planes, face, 5, p))
    return tm.normalize(n) * side


@ti.func
def keep(picture: ti.template(), y: int, x: int, colour: ti.template()):
    """Write the first three channels of a pixel."""
    for channel in ti.static(range(3)):
        picture[y, x, channel] = colour[channel]


@ti.kernel
def paint(
    planes: F3, face_parts: U1, picture: W2, outer: F3, outer_ids: I3, inner: F3, inner_ids: I3, body: F3,
    margin: float, dark: float, layer: U3, parts: U2, depth: F2, normals: F3,
):  # fmt: skip
    """Texture what the samples see; depth, normal and part are those of the nearest one.

    Samples of a pixel that see one triangle are looked up together, in their middle. ``planes`` [f, 8, 3] are
    :func:`bridge.splat.triangles.planes`, ``face_parts`` [f] the Part of each triangle.
    """
    for y in range(layer.shape[0]):
        for x in range(layer.shape[1]):
            looks = ti.Matrix([[0, -1]] * SAMPLES)
            for s in ti.static(range(SAMPLES)):
                looks[s, :] = seen(outer, outer_ids, inner, inner_ids, body, tm.ivec3(y, x, s), margin)
            colour, count, nearest = tm.vec3(0), 0, tm.inf
            for s in ti.static(range(SAMPLES)):
                side, face = looks[s, 0], looks[s, 1]
                if face >= 0:
                    alike, middle = 0, tm.vec2(0)
                    for t in ti.static(range(s, SAMPLES)):
                        if looks[t, 1] == face:
                            alike, middle, looks[t, 1] = alike + 1, middle + PLACES[t], -1
                    p = tm.vec2(x, y) + middle / alike - tm.vec2(planes[face, 7, 0], planes[face, 7, 1])
                    found = textured(planes, picture, face, p, side, dark)
                    colour, count = colour + found.rgb * alike, count + alike
                    if found.w < nearest:
                        nearest = found.w
                        depth[y, x] = found.w
                        parts[y, x] = face_parts[face]
                        keep(normals, y, x, facing(planes, face, p, side))
            if count > 0:
                keep(layer, y, x, ti.cast(ti.round(colour / count), ti.u8))
                layer[y, x, 3] = ti.cast(255 * count // SAMPLES, ti.u8)
