"""Simple garments before a camera: sheets and tubes with a photo of which every pixel is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from bridge.contracts import Part
from bridge.splat.surface import Floats, Ints, Pixels

HEIGHT, WIDTH, FOCAL = 160, 120, 200.0
SIDE = 100
"""Side of the garment's photo [px]."""
Scene = dict[str, Any]


def grid(columns: int, rows: int) -> tuple[Floats, Ints]:
    """A unit square's vertices [n, 2], y down, and its triangles, anticlockwise as one looks at the picture."""
    y, x = np.mgrid[: rows + 1, : columns + 1]
    places = np.column_stack([x.ravel() / columns, y.ravel() / rows]).astype(np.float32)
    corner = np.arange((rows + 1) * (columns + 1)).reshape(rows + 1, columns + 1)
    a, b, c, d = corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:], corner[:-1, 1:]
    faces = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], axis=2).reshape(-1, 3)
    return places, faces.astype(np.int32)


def sheet(distance: float = 2.0, cells: int = 6) -> tuple[Floats, Floats, Ints]:
    """A square of 0.8 m before the camera: its places on the body, in its photo, and its triangles."""
    places, faces = grid(cells, cells)
    points = np.column_stack([places[:, 0] - 0.5, 0.5 - places[:, 1], np.full(len(places), -distance / 0.8)])
    return (points * 0.8).astype(np.float32), places * SIDE, faces


def tube(radius: float = 0.2, around: int = 48) -> tuple[Floats, Floats, Ints]:
    """An upright tube, 0.6 m high and 2 m away; its texture runs once around, its seam is behind."""
    places, faces = grid(around, 8)
    turn = 2 * np.pi * places[:, 0] - np.pi
    points = np.column_stack([radius * np.sin(turn), 0.3 - 0.6 * places[:, 1], radius * np.cos(turn) - 2])
    return points.astype(np.float32), places * SIDE, faces


def photo(pattern: str = "quarters") -> Pixels:
    """A garment's photo: red, green / blue, white quarters, or a checkerboard of ten by ten."""
    y, x = np.mgrid[:SIDE, :SIDE]
    if pattern == "checks":
        return np.repeat(((y // 10 + x // 10) % 2 * 200 + 30)[..., None], 3, axis=2).astype(np.uint8)
    colours = np.array([[(200, 0, 0), (0, 200, 0)], [(0, 0, 200), (200, 200, 200)]], np.uint8)
    return colours[y * 2 // SIDE, x * 2 // SIDE]


def scene(
    garment: tuple[Floats, Floats, Ints], body: tuple[Floats, Floats, Ints] | None = None, **changed: Any
) -> Scene:
    """All that the renderer is given; without a body, one that lies far behind."""
    points, texture, faces = garment
    behind = body or sheet(50.0)
    return {
        "draped": points,
        "garment_vertices": texture,
        "garment_faces": faces,
        "garment_panels": np.zeros(len(points), np.uint8),
        "garment_regions": np.full(len(points), Part.TORSO, np.uint8),
        "garment_image": photo(),
        "garment_mask": np.full((SIDE, SIDE), 255, np.uint8),
        "body_motion": np.stack([behind[0] + 99, behind[0]]),
        "body_faces": behind[2],
        "camera": np.array((FOCAL, WIDTH / 2, HEIGHT / 2), np.float32),
        "matte": np.zeros((HEIGHT, WIDTH), np.uint8),
    } | changed


def psnr(one: Floats | Pixels, other: Floats | Pixels, peak: float = 255.0) -> float:
    """The peak signal-to-noise ratio of two pictures [dB]; infinite when they are equal."""
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(peak**2 / error))
