"""What of the body is near to the cloth, as Taichi kernels; see :mod:`bridge.cloth.kernels`."""
# To mypy, Taichi's types of arrays are values and its vectors unknown:
# mypy: ignore-errors
# To Taichi, a return type is a value that must come back:
# ruff: noqa: ANN001, ANN201, ANN202

import taichi as ti

Vectors = ti.types.ndarray(dtype=ti.math.vec3, ndim=1)
Floats = ti.types.ndarray(dtype=ti.f32, ndim=1)
Ints = ti.types.ndarray(dtype=ti.i32, ndim=1)
Triples = ti.types.ndarray(dtype=ti.math.ivec3, ndim=1)

TINY = 1e-12
"""Keeps quotients finite."""


@ti.func
def closest(p, a, b, c):
    """Return the barycentric coordinates of the point of triangle a, b, c that is closest to p.

    Ericson, *Real-Time Collision Detection*, 2005, section 5.1.5: by the Voronoi region of p.
    """
    ab, ac, ap, bp, cp = b - a, c - a, p - a, p - b, p - c
    d1, d2 = ab.dot(ap), ac.dot(ap)
    d3, d4 = ab.dot(bp), ac.dot(bp)
    d5, d6 = ab.dot(cp), ac.dot(cp)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    at = ti.math.vec3(0.0, 0.0, 0.0)
    if d1 <= 0 and d2 <= 0:
        at = ti.math.vec3(1.0, 0.0, 0.0)
    elif d3 >= 0 and d4 <= d3:
        at = ti.math.vec3(0.0, 1.0, 0.0)
    elif d6 >= 0 and d5 <= d6:
        at = ti.math.vec3(0.0, 0.0, 1.0)
    elif vc <= 0 and d1 >= 0 and d3 <= 0:
        v = d1 / ti.max(d1 - d3, TINY)
        at = ti.math.vec3(1 - v, v, 0.0)
    elif vb <= 0 and d2 >= 0 and d6 <= 0:
        w = d2 / ti.max(d2 - d6, TINY)
        at = ti.math.vec3(1 - w, 0.0, w)
    elif va <= 0 and d4 >= d3 and d5 >= d6:
        w = (d4 - d3) / ti.max(d4 - d3 + d5 - d6, TINY)
        at = ti.math.vec3(0.0, 1 - w, w)
    else:
        whole = ti.max(va + vb + vc, TINY)
        at = ti.math.vec3(1 - (vb + vc) / whole, vb / whole, vc / whole)
    return at


@ti.kernel
def normals(points: Vectors, faces: Triples, out: Vectors):
    """Write every vertex's unit normal into ``out``, weighted by the area of its triangles."""
    ti.loop_config(serialize=True)
    for i in range(out.shape[0]):
        out[i] = ti.math.vec3(0.0, 0.0, 0.0)
    ti.loop_config(serialize=True)
    for f in range(faces.shape[0]):
        t = faces[f]
        across = (points[t[1]] - points[t[0]]).cross(points[t[2]] - points[t[0]])
        for k in ti.static(range(3)):
            out[t[k]] += across
    ti.loop_config(serialize=True)
    for i in range(out.shape[0]):
        out[i] = out[i] / ti.max(out[i].norm(), TINY)


@ti.func
def _cell(p, low, size, across, up, deep):
    """Return the number of the grid's cell that holds p, or -1 outside the grid."""
    c = ti.cast(ti.floor((p - low) / size), ti.i32)
    inside = c[0] >= 0 and c[1] >= 0 and c[2] >= 0 and c[0] < across and c[1] < up and c[2] < deep
    number = -1
    if inside:
        number = (c[2] * up + c[1]) * across + c[0]
    return number


@ti.kernel
def sort_into_cells(
    body: Vectors, lx: ti.f32, ly: ti.f32, lz: ti.f32, size: ti.f32, across: ti.i32, up: ti.i32, deep: ti.i32,
    starts: Ints, items: Ints,
):  # fmt: skip
    """Sort the body's vertices into a grid of cells: those of cell c are ``items[starts[c]:starts[c + 1]]``."""
    low = ti.math.vec3(lx, ly, lz)
    ti.loop_config(serialize=True)
    for c in range(starts.shape[0]):
        starts[c] = 0
    ti.loop_config(serialize=True)
    for v in range(body.shape[0]):
        cell = _cell(body[v], low, size, across, up, deep)
        if cell >= 0:
            starts[cell] += 1
    ti.loop_config(serialize=True)
    for c in range(1, starts.shape[0]):
        starts[c] += starts[c - 1]
    ti.loop_config(serialize=True)
    for k in range(body.shape[0]):
        v = body.shape[0] - 1 - k
        cell = _cell(body[v], low, size, across, up, deep)
        if cell >= 0:
            starts[cell] -= 1
            items[starts[cell]] = v


@ti.func
def _two_nearest(
    p, facing, body: ti.template(), body_normals: ti.template(), low, size, across, up, deep,
    starts: ti.template(), items: ti.template(), least_cosine,
):  # fmt: skip
    """Return the two vertices of the body nearest to p, of those that the cloth faces away from; -1 for none."""
    c = ti.cast(ti.floor((p - low) / size), ti.i32)
    one, other = -1, -1
    d_one, d_other = 4 * size * size, 4 * size * size
    for z in range(ti.max(c[2] - 1, 0), ti.min(c[2] + 2, deep)):
        for y in range(ti.max(c[1] - 1, 0), ti.min(c[1] + 2, up)):
            row = (z * up + y) * across
            first, last = ti.max(c[0] - 1, 0), ti.min(c[0] + 2, across)
            if first < last:
                for k in range(starts[row + first], starts[row + last]):
                    v = items[k]
                    d = (body[v] - p).norm_sqr()
                    if d < d_other and body_normals[v].dot(facing) > least_cosine:
                        if d < d_one:
                            other, d_other = one, d_one
                            one, d_one = v, d
                        else:
                            other, d_other = v, d
    return ti.math.ivec2(one, other)


@ti.kernel
def nearest(
    points: Vectors, facing: Vectors, body: Vectors, body_normals: Vectors, body_faces: Triples, ring_starts: Ints,
    ring: Ints, lx: ti.f32, ly: ti.f32, lz: ti.f32, size: ti.f32, across: ti.i32, up: ti.i32, deep: ti.i32,
    starts: Ints, items: Ints, reach: ti.f32, least_cosine: ti.f32, triangles: Ints, depths: Floats, pushes: Vectors,
    places: Vectors,
):  # fmt: skip
    """Find for every point the closest triangle of the body that its cloth faces away from.

    The triangles around the two nearest vertices are tried whose normals make an angle with the cloth's of less than
    arccos(``least_cosine``): cloth is held off by the skin that its inner side faces, and not by that of another limb
    on its outer side. Writes the triangle (-1: none within ``reach``), the signed distance [m] (negative: inside), the
    skin's unit normal and the closest point's barycentric coordinates.
    """
    low = ti.math.vec3(lx, ly, lz)
    ti.loop_config(serialize=True)
    for i in range(points.shape[0]):
        p = points[i]
        two = _two_nearest(
            p, facing[i], body, body_normals, low, size, across, up, deep, starts, items, least_cosine
        )
        best, found = reach * reach, -1
        depth, push = reach, ti.math.vec3(0.0, 0.0, 0.0)
        place = ti.math.vec3(0.0, 0.0, 0.0)
        for side in range(2):
            v = two[0] if side == 0 else two[1]
            if v >= 0:
                for k in range(ring_starts[v], ring_starts[v + 1]):
                    t = body_faces[ring[k]]
                    at = closest(p, body[t[0]], body[t[1]], body[t[2]])
                    apart = p - at[0] * body[t[0]] - at[1] * body[t[1]] - at[2] * body[t[2]]
                    if apart.norm_sqr() < best:
                        best, found, place = apart.norm_sqr(), ring[k], at
                        push = at[0] * body_normals[t[0]] + at[1] * body_normals[t[1]]
                        push += at[2] * body_normals[t[2]]
                        push = push / ti.max(push.norm(), TINY)
                        depth = apart.dot(push)
        triangles[i] = found
        depths[i] = depth
        pushes[i] = push
        places[i] = place
