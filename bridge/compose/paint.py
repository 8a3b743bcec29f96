"""All painters at work: what lies behind the old garment, from the wall to the hair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from bridge.compose.background import paint_background
from bridge.compose.body import Body
from bridge.compose.cloth import paint_cloth
from bridge.compose.fill import grain
from bridge.compose.hair import paint_hair
from bridge.compose.hidden import Canvas
from bridge.compose.light import Light
from bridge.compose.pixels import Bits, Floats, Window, around, blur, erode, shade
from bridge.compose.scene import CLOTH, SKIN, one_of
from bridge.compose.skin import paint_skin
from bridge.contracts import Label

EDGE = 1.6
"""Blur [px] of the labels' edges before they are sharpened again: as sharp as a lens draws them."""
WALL_GAP = 2.0
"""Background this near [px] to anything else is mixed with it and teaches nothing."""
EVERYTHING = np.inf
"""The sight of a painter that looks at the whole window."""

Labels = tuple[Label, ...]


@dataclass(frozen=True)
class Sheet:
    """One painter's work: colours wherever its labels are wanted, in a window."""

    labels: Labels
    window: Window
    colours: Floats  # [h, w, 3] of the window


@dataclass(frozen=True)
class Painted:
    """All painters' work."""

    canvas: Canvas
    sheets: tuple[Sheet, ...]

    def join(self, within: Bits | None = None) -> Floats:
        """Join the sheets by the labels, with soft edges.

        Args:
            within: bool [h, w]; labels outside it are ignored. None: none is.

        Returns:
            FP32 [h, w, 3]: the photo where nothing is hidden; hidden pixels far from ``within`` are 0.
        """
        joined = self.canvas.picture.copy()
        total = np.full(joined.shape[:2], 1e-6, np.float32)
        for sheet in self.sheets:
            here = one_of(self.canvas.targets[sheet.window], sheet.labels)
            if within is not None:
                here &= within[sheet.window]
            if not here.any():
                continue
            share = blur(here.astype(np.float32), EDGE) ** 2 * self.canvas.hidden[sheet.window]
            joined[sheet.window] += shade(sheet.colours, share)
            total[sheet.window] += share
        # Outside the hidden pixels nothing was added, and the photo stays as it is.
        return shade(joined, np.where(self.canvas.hidden, 1 / total, 1).astype(np.float32))


def paint_hidden(
    canvas: Canvas, body: Body, light: Light, noise: float, random: np.random.Generator
) -> Painted:
    """Paint everything hidden; only those painters work whose label is wanted.

    Args:
        canvas: the blanked photo.
        body: the limbs.
        light: the photo's light.
        noise: standard deviation of the photo's grain.
        random: for the grain.

    Returns:
        The painters' sheets.
    """
    # Each painter has its own source of chance, so that the result does not depend on who is first.
    chances = iter(random.spawn(3))
    painters: list[tuple[Labels, float, Callable[[Canvas], Floats]]] = [
        (SKIN, EVERYTHING, partial(_skin, body=body, light=light, noise=noise, random=next(chances))),
        ((Label.BACKGROUND,), 0.35, partial(_wall, noise=noise, random=next(chances))),
        ((Label.HAIR,), 0.35, partial(paint_hair, unit=body.unit, random=next(chances))),
        *(((label,), 0.2, partial(paint_cloth, label=label)) for label in CLOTH),
    ]
    sheets = [_sheet(canvas, labels, sight * body.unit, paint) for labels, sight, paint in painters]
    return Painted(canvas, tuple(sheet for sheet in sheets if sheet is not None))


def _sheet(canvas: Canvas, labels: Labels, sight: float, paint: Callable[[Canvas], Floats]) -> Sheet | None:
    """Let one painter work on what lies within ``sight`` px of what is wanted; None when nothing is."""
    wanted = canvas.wanted(*labels)
    if not wanted.any():
        return None
    window = around(wanted, min(sight, max(wanted.shape)))
    return _trimmed(Sheet(labels, window, paint(canvas.crop(window))), wanted[window])


def _trimmed(sheet: Sheet, wanted: Bits) -> Sheet:
    """Keep what is wanted of a sheet, and the few pixels around that its soft edges need."""
    rows, columns = around(wanted, 4 * EDGE)
    down, right = sheet.window[0].start, sheet.window[1].start
    window = (slice(down + rows.start, down + rows.stop), slice(right + columns.start, right + columns.stop))
    return Sheet(sheet.labels, window, np.ascontiguousarray(sheet.colours[rows, columns]))


def _wall(canvas: Canvas, noise: float, random: np.random.Generator) -> Floats:
    known = erode(canvas.known(Label.BACKGROUND) & canvas.empty, WALL_GAP)
    wall = paint_background(canvas.picture, known, canvas.wanted(Label.BACKGROUND))
    return wall + grain(known.shape, noise, random)


def _skin(canvas: Canvas, body: Body, light: Light, noise: float, random: np.random.Generator) -> Floats:
    return paint_skin(canvas, body, light) + grain(canvas.hidden.shape, noise, random)
