"""The draped garment drawn into the person's photo."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from bridge.errors import BodyOutOfFrame
from bridge.splat.drawing import Draw, Drawn, View
from bridge.splat.light import irradiance, lamp
from bridge.splat.surface import Camera, Cloth, Floats, Ints, Mesh, Pixels
from bridge.splat.texture import texture_of
from bridge.splat.tiles import draw_splats
from bridge.splat.triangles import draw_triangles

Mode = Literal["mesh", "splat"]
WAYS: dict[Mode, Draw] = {"mesh": draw_triangles, "splat": draw_splats}
"""The ways of drawing by their names."""
_AROUND = 2
"""How far around the garment is drawn [px]."""


class Renderer:
    """Fulfils the contract SPLAT.

    Args:
        mode: "mesh" draws textured triangles, "splat" 100,000 Gaussians, softer and slower.
        light: FP32 [9], the light's spherical harmonics in the camera frame (see :mod:`bridge.splat.light`); only
            how it varies counts, as the garment's mean brightness stays that of its photo.
    """

    def __init__(self, mode: Mode = "mesh", light: Floats | None = None) -> None:
        self._draw = WAYS[mode]
        self._light = lamp() if light is None else light
        _warm_up(self._draw)

    def __call__(
        self,
        *,
        draped: Floats,
        garment_vertices: Floats,
        garment_faces: Ints,
        garment_panels: Pixels,  # noqa: ARG002 - the contract's; back panels show the front's texture, mirrored
        garment_regions: Pixels,
        garment_image: Pixels,
        garment_mask: Pixels,
        body_motion: Floats,
        body_faces: Ints,
        camera: Floats,
        matte: Pixels,
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Draw the garment; see the contract SPLAT.

        Raises:
            WrongTensor: a mesh or the camera makes no sense.
            BodyOutOfFrame: the garment lies wholly outside the photo.
        """
        lens = Camera.of(camera)
        cloth = Cloth.of(draped, garment_vertices, garment_faces, garment_regions, lens)
        posed = body_motion[-1] if len(body_motion) else np.empty((0, 3), np.float32)
        body = Mesh.of("the body", posed, body_faces, lens)
        picture, scale = texture_of(garment_image, garment_mask, cloth.magnification())
        cloth = replace(cloth, texture=cloth.texture * scale)
        drawn = self._drawn(cloth, body, picture, matte.shape)
        return {
            "layer": drawn.layer, "layer_parts": drawn.parts, "depth": drawn.depth, "normals": drawn.normals,
        }  # fmt: skip

    def _drawn(self, cloth: Cloth, body: Mesh, picture: Pixels, size: tuple[int, ...]) -> Drawn:
        """Draw only the cut-out of the photo that the garment is in."""
        height, width = size
        (left, top), (right, bottom) = _extent(cloth.mesh, height, width)
        part = View(
            replace(cloth, mesh=cloth.mesh.shifted(left, top)), picture, _shade(cloth, self._light),
            body.shifted(left, top), bottom - top, right - left,
        )  # fmt: skip
        there, whole = self._draw(part), Drawn.blank(height, width)
        for name in ("layer", "parts", "depth", "normals"):
            getattr(whole, name)[top:bottom, left:right] = getattr(there, name)
        return whole


def _warm_up(draw: Draw) -> None:
    """Draw one small triangle, so that the loops are compiled before the first request."""
    points = np.array([(-1, 1, -2), (-1, -1, -2), (1, 0, -2)], np.float32)
    faces, parts = np.array([(0, 1, 2)], np.int32), np.ones(3, np.uint8)
    cloth = Cloth.of(points, points[:, :2] + 1, faces, parts, Camera(8.0, 8.0, 8.0))
    draw(View(cloth, np.zeros((2, 2, 3), np.uint8), np.ones(3, np.float32), cloth.mesh, 16, 16))


def _extent(mesh: Mesh, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the first and one past the last pixel that the garment may touch.

    Raises:
        BodyOutOfFrame: the photo has none.
    """
    frame = np.array((width, height))
    low = np.clip(np.floor(mesh.screen.min(axis=0)) - _AROUND, 0, frame).astype(int)
    high = np.clip(np.ceil(mesh.screen.max(axis=0)) + _AROUND, 0, frame).astype(int)
    if (low >= high).any():
        raise BodyOutOfFrame(
            "the garment would lie outside the photo; send one that shows the part it covers."
        )
    return (int(low[0]), int(low[1])), (int(high[0]), int(high[1]))


def _shade(cloth: Cloth, light: Floats) -> Floats:
    """Return how bright every vertex [v] is, 1 in the mean of what faces the camera, by area on the screen."""
    bright = irradiance(cloth.normals, light)
    areas = np.maximum(cloth.mesh.areas(), 0)
    mean = (bright[cloth.mesh.faces].mean(axis=1) * areas).sum() / max(float(areas.sum()), 1e-9)
    return (bright / max(float(mean), 1e-6)).astype(np.float32)
