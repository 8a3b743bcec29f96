"""Gaussians on a garment: closed where it is, soft at its edge, and the same picture as its triangles."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.contracts import SPLAT
from bridge.splat.renderer import Mode, Renderer
from bridge.triton.tensors import checked
from tests.splat.shapes import HEIGHT, WIDTH, Scene, photo, psnr, scene, sheet, tube

SCENES: dict[str, Scene] = {
    "sheet": scene(sheet(1.4)),
    "checks": scene(sheet(1.4), garment_image=photo("checks")),
    "tube": scene(tube(), garment_image=photo("checks")),
    "tube on a body": scene(tube(), tube(0.15)),
}


@pytest.mark.parametrize("name", SCENES)
def test_splats_show_what_triangles_show(name: str) -> None:
    """Colours within the garment agree, depth to a centimetre; the edge lies within a pixel of the triangles'."""
    splats, triangles = (checked(SPLAT, Renderer(mode)(**SCENES[name])) for mode in ("splat", "mesh"))
    full = np.zeros((HEIGHT, WIDTH), bool)
    covered = triangles["layer"][..., 3] == 255
    full[2:-2, 2:-2] = np.min(
        [covered[2 + y : HEIGHT - 2 + y, 2 + x : WIDTH - 2 + x] for y in (-2, 0, 2) for x in (-2, 0, 2)],
        axis=0,
    )
    assert full.sum() > 2000
    assert (splats["layer"][full, 3] == 255).all()
    assert psnr(splats["layer"][full], triangles["layer"][full]) > 23
    np.testing.assert_allclose(splats["depth"][full], triangles["depth"][full], atol=0.01)
    assert (splats["normals"][full] * triangles["normals"][full]).sum(axis=1).min() > 0.97
    np.testing.assert_array_equal(splats["layer_parts"][full], triangles["layer_parts"][full])
    shares = [drawn["layer"][..., 3].sum() / 255 for drawn in (splats, triangles)]
    assert shares[0] == pytest.approx(shares[1], rel=0.05)


def test_the_same_input_gives_the_same_bits() -> None:
    """Whatever the threads do."""
    one, other = (Renderer("splat")(**SCENES["tube"]) for _ in range(2))
    for name, value in one.items():
        np.testing.assert_array_equal(other[name], value)


@pytest.mark.parametrize("mode", ["mesh", "splat"])
def test_a_garment_that_is_wholly_hidden_is_not_drawn(mode: Mode) -> None:
    """Its inside, behind a body: nothing is there, and nothing fails."""
    points, texture, faces = sheet(2.0)
    seen = Renderer(mode)(**scene((points, texture, faces[:, ::-1]), sheet(1.0)))
    for name in ("layer", "layer_parts", "depth", "normals"):
        assert not seen[name].any()


@pytest.mark.parametrize("mode", ["mesh", "splat"])
@pytest.mark.parametrize("distance", [0.1, 400.0])
def test_extreme_distances_are_drawn(mode: Mode, distance: float) -> None:
    """A sheet that fills the photo many times, and one smaller than a pixel."""
    layer = Renderer(mode)(**scene(sheet(distance)))["layer"]
    if distance < 1:
        assert layer[..., 3].min() >= (255 if mode == "mesh" else 245)
    else:
        assert (layer[..., 3] > 0).sum() <= 9
