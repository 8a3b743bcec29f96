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

from bridge.cloth.search import TINY, Floats, Ints, Triples, Vectors, closest

Pairs = ti.types.ndarray(dtype=ti.math.ivec2, ndim=1)
Quads = ti.types.ndarray(dtype=ti.math.ivec4, ndim=1)
Weights = ti.types.ndarray(dtype=ti.math.vec4, ndim=1)

Array = ti.template()
"""An array that a kernel hands on."""


@ti.func
def _fall(x: Array, v: Array, before: Array, w: Array, h, gravity, drag, fastest):
    """Move every vertex by its own speed, after gravity and the air changed it."""
    for i in range(x.shape[0]):
        before[i] = x[i]
        if w[i] > 0:
            v[i] = v[i] / (1 + drag * h)
            v[i][1] -= gravity * h
            v[i] = v[i] * ti.min(1.0, fastest / ti.max(v[i].norm(), TINY))
            x[i] += h * v[i]


@ti.func
def _stretch(x: Array, w: Array, edges: Array, rest: Array, compliance: Array, rate, limit, pressed):
    """Move the ends of edges towards their own length: XPBD with one iteration, so that lambda starts at 0."""
    for e in range(edges.shape[0]):
        i, j = edges[e][0], edges[e][1]
        apart = x[i] - x[j]
        length = apart.norm()
        total = w[i] + w[j]
        if total > 0 and length > TINY:
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
def _bend(x: Array, w: Array, hinges: Array, weights: Array, compliance: Array, rate):
    """Move the corners of hinges towards flatness: the constraint is the length of sum(weight * corner)."""
    for e in range(hinges.shape[0]):
        q, k = hinges[e], weights[e]
        bent = k[0] * x[q[0]] + k[1] * x[q[1]] + k[2] * x[q[2]] + k[3] * x[q[3]]
        total = w[q[0]] * k[0] ** 2 + w[q[1]] * k[1] ** 2 + w[q[2]] * k[2] ** 2 + w[q[3]] * k[3] ** 2
        if total > 0:
            step = bent / (total + compliance[e] * rate)
            for n in ti.static(range(4)):
                x[q[n]] -= w[q[n]] * k[n] * step


@ti.func
def _now(begin: Array, end: Array, vertex, share):
    """Return where a vertex of the body is within the frame."""
    return begin[vertex] + share * (end[vertex] - begin[vertex])


@ti.func
def _mixed(values: Array, t, at):
    """Return the mean of a triangle's corners, weighted by barycentric coordinates."""
    return at[0] * values[t[0]] + at[1] * values[t[1]] + at[2] * values[t[2]]


@ti.func
def _hold(
    x: Array, held: Array, held_faces: Array, held_at: Array, offsets: Array, up, begin: Array, end: Array,
    normals: Array, faces: Array, share,
):  # fmt: skip
    """Bring held vertices back along the skin, in one direction of it."""
    for k in range(held.shape[0]):
        t, at = faces[held_faces[k]], held_at[k]
        q = (1 - share) * _mixed(begin, t, at) + share * _mixed(end, t, at)
        n = _mixed(normals, t, at)
        along = up - up.dot(n) * n / ti.max(n.norm_sqr(), TINY)
        away = (q + offsets[k] - x[held[k]]).dot(along)
        x[held[k]] += along * (away / ti.max(along.norm_sqr(), 0.1))


@ti.func
def _keep_out(
    x: Array, before: Array, w: Array, contacts: Array, begin: Array, end: Array, normals: Array, faces: Array,
    share, substeps, thickness, friction,
):  # fmt: skip
    """Hold vertices ``thickness`` above their triangles, with Coulomb friction and without bouncing."""
    for i in range(x.shape[0]):
        if contacts[i] >= 0 and w[i] > 0:
            t = faces[contacts[i]]
            a, b, c = (
                _now(begin, end, t[0], share),
                _now(begin, end, t[1], share),
                _now(begin, end, t[2], share),
            )
            at = closest(x[i], a, b, c)
            n = _mixed(normals, t, at)
            n = n / ti.max(n.norm(), TINY)
            missing = thickness - (x[i] - at[0] * a - at[1] * b - at[2] * c).dot(n)
            if missing > 0:
                x[i] += missing * n
                slide = x[i] - before[i] - (_mixed(end, t, at) - _mixed(begin, t, at)) / substeps
                rise = slide.dot(n)
                slide -= rise * n
                x[i] -= slide * ti.min(1.0, friction * missing / ti.max(slide.norm(), TINY))
                before[i] += ti.max(rise, 0.0) * n


@ti.kernel
def advance(
    x: Vectors, v: Vectors, before: Vectors, w: Floats, edges: Pairs, rest: Floats, edge_compliance: Floats,
    hinges: Quads, hinge_weights: Weights, hinge_compliance: Floats, begin: Vectors, end: Vectors, normals: Vectors,
    faces: Triples, contacts: Ints, held: Ints, held_faces: Ints, held_at: Vectors, held_offsets: Vectors,
    ux: ti.f32, uy: ti.f32, uz: ti.f32, substeps: ti.i32, h: ti.f32, gravity: ti.f32, drag: ti.f32, fastest: ti.f32,
    limit: ti.f32, pressed: ti.f32, thickness: ti.f32, friction: ti.f32,
):  # fmt: skip
    """Advance the cloth by one frame of ``substeps`` steps of ``h`` seconds while the body moves evenly."""
    rate = 1.0 / (h * h)
    up = ti.math.vec3(ux, uy, uz)
    ti.loop_config(serialize=True)
    for s in range(substeps):
        share = (s + 1.0) / substeps
        _fall(x, v, before, w, h, gravity, drag, fastest)
        _stretch(x, w, edges, rest, edge_compliance, rate, limit, pressed)
        _bend(x, w, hinges, hinge_weights, hinge_compliance, rate)
        _hold(x, held, held_faces, held_at, held_offsets, up, begin, end, normals, faces, share)
        _keep_out(
            x, before, w, contacts, begin, end, normals, faces, share, substeps, thickness, friction
        )  # fmt: skip
        for i in range(x.shape[0]):
            v[i] = (x[i] - before[i]) / h
