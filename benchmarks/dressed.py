"""The dressed body before a camera, for what is timed and for what is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bridge.splat.drawing import View
from bridge.splat.light import irradiance, lamp
from bridge.splat.surface import Camera, Cloth, Floats, Ints, Mesh, Pixels
from bridge.splat.texture import texture_of
from bridge.splat.triangles import draw_triangles
from bridge.triton.model import Arrays

Look = Callable[[Arrays, tuple[int, int], Camera, Floats | None], View]
"""A way for the garment to look."""
CLAY = (206, 188, 172)
"""The colour of a body whose skin nobody knows [sRGB]."""
PAPER = (238, 232, 224)
"""What surrounds the body [sRGB]."""
LIMB = 0.01
"""How far before the garment the body hides it [m]; nearer, it is skin between two vertices of the cloth."""
STRAINED = 0.3
"""The strain that is shown darkest."""
SKIN = 0.7
"""How much the fitted body covers the photo below it."""
AWAY = 4.0
"""How far the camera is from the middle of the body [m]."""


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
    body = coloured(posed, known["body_faces"], np.zeros(len(posed)), lens)
    clay = np.full((2, 2, 3), CLAY, np.uint8)
    return View(body, clay, lit(body, ambient=0.6), body.mesh, *size)


def body_over_photo(known: Arrays) -> Pixels:
    """Return the posed body over the photo that it was fitted to; ``known`` as in ROUTE, and the image."""
    height, width = known["image"].shape[:2]
    body = draw_triangles(body_view(known, (height, width), Camera.of(known["camera"]))).layer
    body[..., 3] = np.rint(SKIN * body[..., 3])
    return over(body, known["image"])


def strain_view(known: Arrays, size: tuple[int, int], lens: Camera, turned: Floats | None = None) -> View:
    """Return the garment coloured by strain, see :func:`ramp`; arguments as those of :func:`garment_view`."""
    draped, faces = moved(known["draped"], turned), known["garment_faces"]
    count = np.maximum(np.bincount(faces.ravel(), minlength=len(draped)), 1)
    strain = np.bincount(faces.ravel(), np.repeat(known["strain"], 3), len(draped)) / count
    cloth = coloured(draped, faces, np.clip(strain / STRAINED, 0, 1) * 255, lens)
    body = Mesh.of("the body", moved(known["body_motion"], turned), known["body_faces"], lens)
    return View(cloth, ramp(), lit(cloth), body, *size)


def coloured(points: Floats, faces: Ints, column: npt.NDArray[np.float64], lens: Camera) -> Cloth:
    """Return a surface of which every vertex [v] has the colour of a column of its picture [px]."""
    places = np.column_stack([column, np.arange(len(points))])  # no two rows alike: nothing is sewn
    return Cloth.of(points, places.astype(np.float32), faces, np.ones(len(points), np.uint8), lens)


def ramp() -> Pixels:
    """Return the colours of strain [2, 256, 3]: from pale for none through orange to dark red for ``STRAINED``."""
    ends = np.array([(236, 230, 218), (240, 150, 70), (140, 20, 30)], np.float64)
    row = np.stack([np.interp(np.linspace(0, 2, 256), range(3), ends[:, k]) for k in range(3)], axis=1)
    return np.rint(np.stack([row, row])).astype(np.uint8)


def drawn(
    known: Arrays, size: tuple[int, int], lens: Camera, turned: Floats, garment: Look = garment_view
) -> Pixels:
    """Return a picture of the dressed body; arguments as those of :func:`garment_view`, and how the garment looks."""
    body, cloth = (draw_triangles(view(known, size, lens, turned)) for view in (body_view, garment))
    layer = cloth.layer.copy()
    layer[(body.depth > 0) & (body.depth < cloth.depth - LIMB), 3] = 0
    return over(layer, over(body.layer, np.full((*size, 3), PAPER, np.uint8)))


def around(known: Arrays, angle: float, size: tuple[int, int]) -> tuple[Camera, Floats]:
    """Return a camera that sees the whole body, and how the body is turned about its own upright axis.

    Args:
        known: what ``fit_body`` returned.
        angle: 0 as in the photo; at a quarter turn its left side is seen [rad].
        size: height and width of the picture [px].

    Returns:
        The camera, and a rigid motion [3, 4].
    """
    posed = known["body_motion"][-1]
    middle = (posed.min(axis=0) + posed.max(axis=0)) / 2
    widest = 2 * float(np.linalg.norm((posed - middle)[:, [0, 2]], axis=1).max())
    fill = 0.9 * min(size[0] / float(np.ptp(posed[:, 1])), size[1] / widest)
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([(cosine, 0, -sine), (0, 1, 0), (sine, 0, cosine)])
    return (
        Camera(fill * AWAY, size[1] / 2, size[0] / 2),
        np.column_stack([turn, (0, 0, -AWAY) - turn @ middle]).astype(np.float32),
    )


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
