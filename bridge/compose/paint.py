"""All painters at work: what lies behind the old garment, from the wall to the hair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from bridge.compose.background import paint_background
from bridge.compose.body import Body
from bridge.compose.cloth import paint_cloth
from bridge.compose.fill import grain, grain_of
from bridge.compose.hair import paint_hair
from bridge.compose.hidden import Canvas
from bridge.compose.light import Light
from bridge.compose.pixels import Bits, Floats, Window, around, blur, erode
from bridge.compose.scene import CLOTH, SKIN, one_of
from bridge.compose.skin import paint_skin
from bridge.contracts import Label

EDGE = 1.6
"""Blur [px] of the labels' edges before they are sharpened again: as sharp as a lens draws them."""
WALL_GAP = 2.0
"""Background this near [px] to anything else is mixed with it and teaches nothing."""
SIGHT = 0.5
"""How far around its work a painter looks, over the distance of the shoulder joints."""

Labels = tuple[Label, ...]


@dataclass(frozen=True)
class Sheet:
    """One painter's work: colours wherever its labels are wanted in a window."""

    labels: Labels
    window: Window
    colours: Floats  # [h, w, 3] of the window


@dataclass(frozen=True)
class Painted:
    """All painters' work."""

    canvas: Canvas
    sheets: tuple[Sheet, ...]

    def join(self, within: Bits) -> Floats:
        """Join the sheets by the labels, with soft edges.

        Args:
            within: bool [h, w]; labels outside it are ignored.

        Returns:
            FP32 [h, w, 3]: the photo where nothing is hidden; hidden pixels far from ``within`` are 0.
        """
        sums = np.zeros_like(self.canvas.picture)
        total = np.full(within.shape, 1e-6, np.float32)
        for sheet in self.sheets:
            targets = self.canvas.targets[sheet.window]
            plane = blur((one_of(targets, sheet.labels) & within[sheet.window]).astype(np.float32), EDGE)
            share = plane * plane
            share[(plane < 0.02) | ~self.canvas.hidden[sheet.window]] = 0
            sums[sheet.window] += share[..., None] * sheet.colours
            total[sheet.window] += share
        sums /= total[..., None]
        seen = ~self.canvas.hidden
        sums[seen] = self.canvas.picture[seen]
        return sums


def paint_hidden(canvas: Canvas, body: Body, light: Light, random: np.random.Generator) -> Painted:
    """Paint everything hidden; only those painters work whose label is wanted.

    Args:
        canvas: the blanked photo.
        body: the limbs.
        light: the photo's light.
        random: for the grain.

    Returns:
        The painters' sheets.
    """
    sheets = []
    if canvas.wanted(*SKIN).any():
        noise = grain(canvas.hidden.shape, grain_of(canvas.picture, ~canvas.hidden), random)
        whole = (slice(0, canvas.hidden.shape[0]), slice(0, canvas.hidden.shape[1]))
        sheets.append(Sheet(SKIN, whole, paint_skin(canvas, body, light) + noise))
    painters: list[tuple[Label, Callable[[Canvas], Floats]]] = [
        (Label.BACKGROUND, _wall),
        (Label.HAIR, partial(paint_hair, unit=body.unit, random=random)),
        *((label, partial(paint_cloth, label=label)) for label in CLOTH),
    ]
    for label, paint in painters:
        wanted = canvas.wanted(label)
        if wanted.any():
            window = around(wanted, SIGHT * body.unit)
            sheets.append(Sheet((label,), window, paint(canvas.crop(window))))
    return Painted(canvas, tuple(sheets))


def _wall(canvas: Canvas) -> Floats:
    known = erode(canvas.known(Label.BACKGROUND) & canvas.empty, WALL_GAP)
    return paint_background(canvas.picture, known, canvas.wanted(Label.BACKGROUND))
