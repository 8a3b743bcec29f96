"""The other clothes, continued to where the old garment hid them."""

from __future__ import annotations

from typing import cast

import numpy as np

from bridge.compose.fill import detail, echo, spread_fast
from bridge.compose.hidden import Canvas
from bridge.compose.pixels import Floats, erode
from bridge.contracts import Label

UNKNOWN = np.array([0.21, 0.22, 0.25], np.float32)
"""The colour of clothes of which nothing is seen: a dark grey."""


def paint_cloth(canvas: Canvas, label: Label) -> Floats:
    """Continue one piece of clothing: its colours spread, its weave mirrored.

    Args:
        canvas: the blanked photo.
        label: which piece.

    Returns:
        FP32 [h, w, 3], meaningful where ``label`` is wanted and a few pixels around.
    """
    known = erode(canvas.known(label), 1)
    if known.sum() < 64:
        return np.broadcast_to(UNKNOWN, canvas.picture.shape).astype(np.float32)
    colour = spread_fast(canvas.picture, known.astype(np.float32))
    return cast(Floats, colour + echo(detail(canvas.picture, known), known, canvas.wanted(label)))
