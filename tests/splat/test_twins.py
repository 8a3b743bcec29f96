"""The fast drawings against the slow ones."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from bridge.splat.drawing import Draw, View
from bridge.splat.plain import plain_blend, plain_triangles
from bridge.splat.surface import Camera, Cloth, Mesh
from bridge.splat.tiles import draw_splats
from bridge.splat.triangles import draw_triangles
from tests.splat.shapes import photo, psnr, tube

SIZE = 90
few_splats = partial(draw_splats, count=2500)
plain_splats = partial(draw_splats, count=2500, blend=plain_blend)


def view(turn: float) -> View:
    """A leaning tube with a body half in it."""
    points, texture, faces = tube(around=30)
    lean = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
    middle, camera = np.array((0, 0, -2)), Camera(200.0, SIZE / 2, SIZE / 2)
    leaning = ((points - middle) @ lean.T + middle).astype(np.float32)
    parts = (1 + (texture[:, 0] > 50)).astype(np.uint8)
    cloth = Cloth.of(leaning, texture, faces, parts, camera)
    body = Mesh.of("the body", leaning * np.array((0.5, 2, 1), np.float32), faces, camera)
    shade = 0.8 + 0.2 * cloth.normals[:, 2]
    return View(cloth, photo("checks"), shade, body, SIZE, SIZE)


@pytest.mark.parametrize(("fast", "slow"), [(draw_triangles, plain_triangles), (few_splats, plain_splats)])
@pytest.mark.parametrize("turn", [0.0, 0.5, -1.2])
def test_the_fast_draws_what_the_slow_draws(fast: Draw, slow: Draw, turn: float) -> None:
    """Colours, alpha, depth and normals agree to 40 dB, parts almost everywhere."""
    one, other = fast(view(turn)), slow(view(turn))
    assert (one.layer[..., 3] > 0).sum() > 1000
    assert psnr(one.layer, other.layer) > 40
    assert psnr(one.depth, other.depth, 2.0) > 40
    assert psnr(one.normals, other.normals, 1.0) > 40
    assert (one.parts != other.parts).mean() < 1e-3
