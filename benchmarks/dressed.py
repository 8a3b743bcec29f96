"""The dressed body before a camera, for what is timed and for what is looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bridge.splat.drawing import View
from bridge.splat.light import irradiance, lamp
from bridge.splat.surface import Camera, Cloth, Floats, Mesh, Pixels
from bridge.splat.texture import texture_of
from bridge.triton.model import Arrays

CLAY = (206, 188, 172)
"""The colour of a body whose skin nobody knows [sRGB]."""


def garment_view(known: Arrays, size: tuple[int, int], lens: Camera, turned: Floats | None = None) -> View:
    """Return the draped garment before a camera, textured with its photo.

    Args:
        known: what ``fit_body``, ``garment_mesh`` and ``drape`` returned, and the garment's photo and mask.
        size: height and width of the picture [px].
        lens: the camera.
        turned: a rigid motion [3, 4] of everything before it is looked at; None: as the photo's camera sees it.
    """
    draped, posed = (moved(known[name], turned) for name in ("draped", "body_motion"))
    parts = np.ones(len(draped), np.uint8)
    cloth = Cloth.of(draped, known["garment_vertices"], known["garment_faces"], parts, lens)
    picture, scale = texture_of(known["garment_image"], known["garment_mask"], cloth.magnification())
    body = Mesh.of("the body", posed, known["body_faces"], lens)
    return View(replace(cloth, texture=cloth.texture * scale), picture, lit(cloth), body, *size)


def body_view(known: Arrays, size: tuple[int, int], lens: Camera, turned: Floats | None = None) -> View:
    """Return the posed body before a camera, in one colour; arguments as those of :func:`garment_view`."""
    posed = moved(known["body_motion"], turned)
    count = len(posed)
    places = np.column_stack([np.arange(count), np.zeros(count)]).astype(np.float32)  # no two alike: no seams
    body = Cloth.of(posed, places, known["body_faces"], np.ones(count, np.uint8), lens)
    clay = np.full((2, 2, 3), CLAY, np.uint8)
    return View(body, clay, lit(body, ambient=0.35), body.mesh, *size)


def moved(points: Floats, turned: Floats | None) -> Floats:
    """Return points [..., n, 3] after a rigid motion [3, 4]; of several moments the last."""
    last = points[-1] if points.ndim == 3 else points
    return last if turned is None else (last @ turned[:, :3].T + turned[:, 3]).astype(np.float32)


def lit(cloth: Cloth, ambient: float = 0.75) -> Floats:
    """Return how bright the vertices are in the light of a softbox; 1 is the brightest."""
    bright = irradiance(cloth.normals, lamp(ambient=ambient))
    return (bright / bright.max()).astype(np.float32)


def over(layer: Pixels, ground: Pixels) -> Pixels:
    """Lay a layer [h, w, 4] over a picture [h, w, 3]."""
    alpha = layer[..., 3:].astype(np.float32) / 255
    return np.rint(ground + alpha * (layer[..., :3].astype(np.float32) - ground)).astype(np.uint8)
