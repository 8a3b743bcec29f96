"""One step of the solver in plain numpy: slow, obvious, and written from the papers."""

from __future__ import annotations

import numpy as np

from bridge.cloth.pattern import Cloth, Ints
from bridge.cloth.solver import Steps
from bridge.cloth.wearer import Floats


def closest(p: Floats, triangle: Floats) -> Floats:
    """Barycentric coordinates of the closest point of a triangle: inside it, or on one of its sides."""
    a, b, c = triangle
    inner = np.linalg.lstsq(np.column_stack([b - a, c - a]), p - a, rcond=None)[0]
    at = np.array([1 - inner.sum(), *inner])
    if (at >= 0).all():
        return at
    found = []
    for i, j in ((0, 1), (1, 2), (2, 0)):
        side = triangle[j] - triangle[i]
        share = np.clip((p - triangle[i]) @ side / (side @ side), 0, 1)
        at = np.zeros(3)
        at[i], at[j] = 1 - share, share
        found.append(at)
    return min(found, key=lambda at: float(np.linalg.norm(p - at @ triangle)))


def substep(
    cloth: Cloth,
    x: Floats,
    v: Floats,
    body: tuple[Floats, Floats, Ints, Floats],
    contacts: Ints,
    steps: Steps,
) -> tuple[Floats, Floats]:
    """Positions and velocities after one step in which the body moves from one place to another.

    Args:
        cloth: the constraints.
        x: [N, 3] m.
        v: [N, 3] m/s.
        body: vertices before and after [V, 3], faces [F, 3], vertex normals [V, 3].
        contacts: [N], the triangle that each vertex may touch, or -1.
        steps: the step's length and what acts.
    """
    h, w = steps.step, cloth.inverse_masses.astype(float)
    v = v / (1 + steps.drag * h) - [0, steps.gravity * h, 0]
    v = np.where(w[:, None] > 0, v, 0)
    before, x = x.copy(), x + h * v
    for (i, j), rest, compliance in zip(cloth.edges, cloth.rest, cloth.edge_compliance, strict=True):
        if w[i] + w[j] == 0:
            continue
        apart = x[i] - x[j]
        length = np.linalg.norm(apart)
        c = length - rest
        move = c / (w[i] + w[j] + compliance / h**2)
        if c - move * (w[i] + w[j]) > cloth.limit * rest:
            move = (c - cloth.limit * rest) / (w[i] + w[j])
        move *= steps.pressed if c < 0 else 1
        x[i] -= w[i] * move * apart / length
        x[j] += w[j] * move * apart / length
    for corners, weights, compliance in zip(
        cloth.hinges, cloth.hinge_weights, cloth.hinge_compliance, strict=True
    ):
        bent = weights @ x[corners]
        total = w[corners] @ weights**2
        if total > 0:
            x[corners] -= np.outer(w[corners] * weights, bent / (total + compliance / h**2))
    start, stop, faces, normals = body
    for i in np.flatnonzero((contacts >= 0) & (w > 0)):
        corners = faces[contacts[i]]
        at = closest(x[i], stop[corners])
        normal = at @ normals[corners]
        normal /= np.linalg.norm(normal)
        missing = steps.thickness - (x[i] - at @ stop[corners]) @ normal
        if missing <= 0:
            continue
        x[i] += missing * normal
        slide = x[i] - before[i] - at @ (stop - start)[corners]
        rise = slide @ normal
        slide -= rise * normal
        x[i] -= slide * min(1, steps.friction * missing / max(np.linalg.norm(slide), 1e-12))
        before[i] += max(rise, 0) * normal
    return x, (x - before) / h
