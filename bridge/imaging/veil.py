"""Faces made unrecognisable: not only for people, whom a light blur would do for, but for programs."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]

_CELLS = 4
"""Colours across a face. Networks still name people from mosaics and blurs that no human can read (McPherson,
Shokri and Shmatikov 2016, "Defeating Image Obfuscation with Deep Learning"); of so few averages no features are
left, only the colours of skin and hair."""
_REACH = (0.85, 1.15)
"""Half axes of the veil over the sides of a face's box, which spans brows to chin: to the hair and the ears."""
_LIFT = 0.12
"""The veil's centre above the box's, over its height: hair is above, only neck below."""
_OWN = (0.6, 0.8)
"""As ``_REACH``, of the face that is kept: it stays whole where another face touches it."""
_FADE = 0.1
"""Outside of the ellipse the veil fades away over this share of its half axes."""


def veil_faces(image: UInt8, faces: Float32, kept: Float32 | None = None) -> UInt8:
    """Replace faces by ellipses of a few soft colours, from which nothing can be computed back.

    Each is averaged into a mosaic (the step that loses the face) and the mosaic is smoothed (so that its edges
    don't catch the eye). Within the ellipse nothing of the photo shines through; outside of it the veil fades.

    Args:
        image: RGB ``[h, w, 3]``.
        faces: ``[n, 4]``: x0, y0, x1, y1 [px] from brows to chin.
        kept: ``[4]``: a face that is not touched; None: there is none.

    Returns:
        RGB ``[h, w, 3]``; pixels outside of the ellipses are those of ``image``.
    """
    veiled = image.copy()
    for face in faces:
        cover = np.clip((1 + _FADE - _radius(image, face, _REACH, _LIFT)) / _FADE, 0, 1)
        if kept is not None:
            cover[_radius(image, kept, _OWN, 0.0) <= 1] = 0
        rows, columns = np.nonzero(cover)
        if rows.size:
            window = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
            cell = max(float(face[2] - face[0]), float(face[3] - face[1])) / _CELLS
            veiled[window] = _laid(veiled[window], cover[window][..., None], cell)
    return veiled


def _radius(image: UInt8, box: Float32, reach: tuple[float, float], lift: float) -> Float32:
    """Return ``[h, w]``: 0 in the middle of the ellipse around a box, 1 on it, more outside."""
    x0, y0, x1, y1 = (float(edge) for edge in box)
    centre = (x0 + x1) / 2, (y0 + y1) / 2 - lift * (y1 - y0)
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    across = (x + 0.5 - centre[0]) / max(reach[0] * (x1 - x0), 1.0)
    down = (y + 0.5 - centre[1]) / max(reach[1] * (y1 - y0), 1.0)
    return np.sqrt(across**2 + down**2).astype(np.float32)


def _laid(window: UInt8, cover: Float32, cell: float) -> UInt8:
    mixed = window + (_mosaic(window, cell).astype(np.float32) - window) * cover
    return np.asarray(mixed + 0.5, np.uint8)


def _mosaic(window: UInt8, cell: float) -> UInt8:
    """Return the window in averages over squares of about ``cell`` pixels, smoothed."""
    height, width = window.shape[:2]
    columns, rows = max(1, round(width / max(cell, 1.0))), max(1, round(height / max(cell, 1.0)))
    cells = cv2.resize(window, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
