"""The cloth's inner loops as Taichi kernels; :mod:`bridge.cloth.solver` is their only caller.

Every kernel is one serial loop: at a garment's size the start of a parallel loop costs more than the loop, and a
serial Gauss-Seidel sweep gives the same bits each time.

No ``from __future__ import annotations`` here: Taichi reads the annotations as values.
"""
# To mypy, Taichi's types of arrays are values and its vectors unknown:
# mypy: ignore-errors
# To Taichi, a return type is a value that must come back:
# ruff: noqa: ANN001, ANN201, ANN202

import taichi as ti

_Vectors = ti.types.ndarray(dtype=ti.math.vec3, ndim=1)
_Floats = ti.types.ndarray(dtype=ti.f32, ndim=1)
_Ints = ti.types.ndarray(dtype=ti.i32, ndim=1)
_Pairs = ti.types.ndarray(dtype=ti.math.ivec2, ndim=1)
_Triples = ti.types.ndarray(dtype=ti.math.ivec3, ndim=1)
_Quads = ti.types.ndarray(dtype=ti.math.ivec4, ndim=1)
_Weights = ti.types.ndarray(dtype=ti.math.vec4, ndim=1)

_Array = ti.template()  # an array that a kernel hands on

_TINY = 1e-12


@ti.func
def _closest(p, a, b, c):
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
        v = d1 / ti.max(d1 - d3, _TINY)
        at = ti.math.vec3(1 - v, v, 0.0)
    elif vb <= 0 and d2 >= 0 and d6 <= 0:
        w = d2 / ti.max(d2 - d6, _TINY)
        at = ti.math.vec3(1 - w, 0.0, w)
    elif va <= 0 and d4 >= d3 and d5 >= d6:
        w = (d4 - d3) / ti.max(d4 - d3 + d5 - d6, _TINY)
        at = ti.math.vec3(0.0, 1 - w, w)
    else:
        whole = ti.max(va + vb + vc, _TINY)
        at = ti.math.vec3(1 - (vb + vc) / whole, vb / whole, vc / whole)
    return at


@ti.kernel
def normals(points: _Vectors, faces: _Triples, out: _Vectors):
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
        out[i] = out[i] / ti.max(out[i].norm(), _TINY)


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
    body: _Vectors,
    lx: ti.f32,
    ly: ti.f32,
    lz: ti.f32,
    size: ti.f32,
    across: ti.i32,
    up: ti.i32,
    deep: ti.i32,
    starts: _Ints,
    items: _Ints,
):
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


@ti.kernel
def nearest(  # noqa: C901 - one loop of the hot path
    points: _Vectors,
    facing: _Vectors,
    body: _Vectors,
    body_normals: _Vectors,
    body_faces: _Triples,
    ring_starts: _Ints,
    ring: _Ints,
    lx: ti.f32,
    ly: ti.f32,
    lz: ti.f32,
    size: ti.f32,
    across: ti.i32,
    up: ti.i32,
    deep: ti.i32,
    starts: _Ints,
    items: _Ints,
    reach: ti.f32,
    least_cosine: ti.f32,
    triangles: _Ints,
    depths: _Floats,
    pushes: _Vectors,
    places: _Vectors,
):
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
        c = ti.cast(ti.floor((p - low) / size), ti.i32)
        one, other = -1, -1
        d_one, d_other = 4 * size * size, 4 * size * size
        for z in range(ti.max(c[2] - 1, 0), ti.min(c[2] + 2, deep)):
            for y in range(ti.max(c[1] - 1, 0), ti.min(c[1] + 2, up)):
                row = (z * up + y) * across
                first = ti.max(c[0] - 1, 0)
                last = ti.min(c[0] + 2, across)
                if first < last:
                    for k in range(starts[row + first], starts[row + last]):
                        v = items[k]
                        d = (body[v] - p).norm_sqr()
                        if d < d_other and body_normals[v].dot(facing[i]) > least_cosine:
                            if d < d_one:
                                other, d_other = one, d_one
                                one, d_one = v, d
                            else:
                                other, d_other = v, d
        best, found = reach * reach, -1
        depth, push = reach, ti.math.vec3(0.0, 0.0, 0.0)
        place = ti.math.vec3(0.0, 0.0, 0.0)
        for side in range(2):
            v = one if side == 0 else other
            if v >= 0:
                for k in range(ring_starts[v], ring_starts[v + 1]):
                    t = body_faces[ring[k]]
                    at = _closest(p, body[t[0]], body[t[1]], body[t[2]])
                    apart = p - at[0] * body[t[0]] - at[1] * body[t[1]] - at[2] * body[t[2]]
                    if apart.norm_sqr() < best:
                        best, found, place = apart.norm_sqr(), ring[k], at
                        push = at[0] * body_normals[t[0]] + at[1] * body_normals[t[1]]
                        push += at[2] * body_normals[t[2]]
                        push = push / ti.max(push.norm(), _TINY)
                        depth = apart.dot(push)
        triangles[i] = found
        depths[i] = depth
        pushes[i] = push
        places[i] = place


@ti.func
def _stretch(
    x: _Array,
    w: _Array,
    edges: _Array,
    rest: _Array,
    compliance: _Array,
    e: ti.i32,
    rate: ti.f32,
    limit: ti.f32,
    pressed: ti.f32,
):
    """Move the ends of an edge towards its own length: XPBD with one iteration, so that lambda starts at 0."""
    i, j = edges[e][0], edges[e][1]
    apart = x[i] - x[j]
    length = apart.norm()
    total = w[i] + w[j]
    if total > 0 and length > _TINY:
        c = length - rest[e]
        step = c / (total + compliance[e] * rate)
        if c - step * total > limit * rest[e]:
            step = (c - limit * rest[e]) / total
        if c < 0:
            step *= pressed
        move = apart * (step / length)
        x[i] -= w[i] * move
        x[j] += w[j] * move


@ti.func
def _bend(x: _Array, w: _Array, hinges: _Array, weights: _Array, compliance: _Array, e: ti.i32, rate: ti.f32):
    """Move the four corners of a hinge towards flatness: the constraint is the length of sum(weight * corner)."""
    q, k = hinges[e], weights[e]
    bent = k[0] * x[q[0]] + k[1] * x[q[1]] + k[2] * x[q[2]] + k[3] * x[q[3]]
    total = w[q[0]] * k[0] ** 2 + w[q[1]] * k[1] ** 2 + w[q[2]] * k[2] ** 2 + w[q[3]] * k[3] ** 2
    if total > 0:
        step = bent / (total + compliance[e] * rate)
        for n in ti.static(range(4)):
            x[q[n]] -= w[q[n]] * k[n] * step


@ti.func
def _keep_out(
    x: _Array,
    before: _Array,
    i: ti.i32,
    t: ti.math.ivec3,
    at: ti.math.vec3,
    body_from: _Array,
    body_to: _Array,
    share: ti.f32,
    body_normals: _Array,
    substeps: ti.i32,
    thickness: ti.f32,
    friction: ti.f32,
):
    """Hold a vertex ``thickness`` above a triangle, with Coulomb friction and without bouncing."""
    q = at[0] * _between(body_from, body_to, t[0], share)
    q += at[1] * _between(body_from, body_to, t[1], share)
    q += at[2] * _between(body_from, body_to, t[2], share)
    n = at[0] * body_normals[t[0]] + at[1] * body_normals[t[1]] + at[2] * body_normals[t[2]]
    n = n / ti.max(n.norm(), _TINY)
    missing = thickness - (x[i] - q).dot(n)
    if missing > 0:
        x[i] += missing * n
        moved = at[0] * (body_to[t[0]] - body_from[t[0]]) + at[1] * (body_to[t[1]] - body_from[t[1]])
        moved += at[2] * (body_to[t[2]] - body_from[t[2]])
        slide = x[i] - before[i] - moved / substeps
        rise = slide.dot(n)
        slide -= rise * n
        length = slide.norm()
        x[i] -= slide * ti.min(1.0, friction * missing / ti.max(length, _TINY))
        if rise > 0:
            before[i] += rise * n


@ti.func
def _between(here: _Array, there: _Array, v: ti.i32, share: ti.f32):
    return here[v] + share * (there[v] - here[v])


@ti.kernel
def advance(
    x: _Vectors,
    v: _Vectors,
    before: _Vectors,
    w: _Floats,
    edges: _Pairs,
    rest: _Floats,
    edge_compliance: _Floats,
    hinges: _Quads,
    hinge_weights: _Weights,
    hinge_compliance: _Floats,
    body_from: _Vectors,
    body_to: _Vectors,
    body_normals: _Vectors,
    body_faces: _Triples,
    contacts: _Ints,
    held: _Ints,
    held_faces: _Ints,
    held_at: _Vectors,
    held_offsets: _Vectors,
    ux: ti.f32,
    uy: ti.f32,
    uz: ti.f32,
    substeps: ti.i32,
    h: ti.f32,
    gravity: ti.f32,
    drag: ti.f32,
    fastest: ti.f32,
    limit: ti.f32,
    pressed: ti.f32,
    thickness: ti.f32,
    friction: ti.f32,
):
    """Advance the cloth by one frame of ``substeps`` steps of ``h`` seconds while the body moves evenly."""
    rate = 1.0 / (h * h)
    up = ti.math.vec3(ux, uy, uz)
    ti.loop_config(serialize=True)
    for s in range(substeps):
        share = (s + 1.0) / substeps
        for i in range(x.shape[0]):
            before[i] = x[i]
            if w[i] > 0:
                v[i] = v[i] / (1 + drag * h)
                v[i][1] -= gravity * h
                v[i] = v[i] * ti.min(1.0, fastest / ti.max(v[i].norm(), _TINY))
                x[i] += h * v[i]
        for e in range(edges.shape[0]):
            _stretch(x, w, edges, rest, edge_compliance, e, rate, limit, pressed)
        for e in range(hinges.shape[0]):
            _bend(x, w, hinges, hinge_weights, hinge_compliance, e, rate)
        for k in range(held.shape[0]):
            t, at = body_faces[held_faces[k]], held_at[k]
            q = at[0] * _between(body_from, body_to, t[0], share)
            q += at[1] * _between(body_from, body_to, t[1], share)
            q += at[2] * _between(body_from, body_to, t[2], share)
            n = at[0] * body_normals[t[0]] + at[1] * body_normals[t[1]] + at[2] * body_normals[t[2]]
            along = up - up.dot(n) * n / ti.max(n.norm_sqr(), _TINY)
            away = (q + held_offsets[k] - x[held[k]]).dot(along)
            x[held[k]] += along * (away / ti.max(along.norm_sqr(), 0.1))
        for i in range(x.shape[0]):
            if contacts[i] >= 0 and w[i] > 0:
                t = body_faces[contacts[i]]
                at = _closest(
                    x[i],
                    _between(body_from, body_to, t[0], share),
                    _between(body_from, body_to, t[1], share),
                    _between(body_from, body_to, t[2], share),
                )
                _keep_out(
                    x,
                    before,
                    i,
                    t,
                    at,
                    body_from,
                    body_to,
                    share,
                    body_normals,
                    substeps,
                    thickness,
                    friction,
                )
        for i in range(x.shape[0]):
            v[i] = (x[i] - before[i]) / h
