"""Hair that a mask hides: the strands above it, continued."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from bridge.compose.fill import detail, echo, spread_fast
from bridge.compose.hidden import Canvas
from bridge.compose.pixels import Bits, Floats, erode, sample
from bridge.contracts import Label

REACH = 0.5
"""The strands above are followed this far up, over the distance of the shoulder joints."""
SMALLEST = 40
"""Fewer pixels than this are no lock of their own."""


def paint_hair(canvas: Canvas, unit: float) -> Floats:
    """Continue the hair: locks row by row along their strands, the rest by spreading.

    Args:
        canvas: the blanked photo.
        unit: the distance of the shoulder joints [px].

    Returns:
        FP32 [h, w, 3], meaningful where hair is wanted and a few pixels around.
    """
    known, hole = erode(canvas.known(Label.HAIR), 1), canvas.wanted(Label.HAIR)
    if known.sum() < 64:
        return np.broadcast_to(np.float32(0.2), canvas.picture.shape).astype(np.float32)
    painted = spread_fast(canvas.picture, known.astype(np.float32))
    painted += echo(detail(canvas.picture, known), known, hole)
    count, locks, stats, _ = cv2.connectedComponentsWithStats(hole.view(np.uint8))
    for lock in range(1, count):
        if stats[lock, cv2.CC_STAT_AREA] >= SMALLEST:
            _continue(painted, canvas, locks == lock, round(REACH * unit))
    return painted


def _continue(painted: Floats, canvas: Canvas, lock: Bits, reach: int) -> None:
    """Paint one lock from the hair right above it, if there is any."""
    rows = np.nonzero(lock.any(1))[0]
    spans = {int(row): _span(lock[row]) for row in rows}
    above = _followed(canvas.known(Label.HAIR), int(rows[0]), spans[int(rows[0])], reach)
    if len(above) < 8:
        return
    source_rows = int(rows[0]) - 1 - _there_and_back(len(rows), len(above))
    source = np.array([above[int(rows[0]) - 1 - row] for row in source_rows], np.float32)
    target = np.array([spans[int(row)] for row in rows], np.float32)
    x = np.arange(lock.shape[1], dtype=np.float32)[None]
    share = (x - target[:, :1]) / np.maximum(target[:, 1:] - target[:, :1], 1)
    source_x = source[:, :1] + np.clip(share, 0, 1) * (source[:, 1:] - source[:, :1])
    source_y = np.broadcast_to(source_rows[:, None].astype(np.float32), source_x.shape)
    strands = sample(canvas.picture, source_x.astype(np.float32), np.ascontiguousarray(source_y))
    band = slice(int(rows[0]), int(rows[-1]) + 1)
    near = cv2.dilate(lock[band].view(np.uint8), np.ones((5, 5), np.uint8)) > 0
    painted[band][near] = strands[near]


def _span(row: Bits) -> tuple[int, int]:
    columns = np.nonzero(row)[0]
    return int(columns[0]), int(columns[-1])


def _followed(known: Bits, top: int, span: tuple[int, int], reach: int) -> list[tuple[int, int]]:
    """The lock's extent in the rows above ``top``, from there upwards, while it stays one lock."""
    found: list[tuple[int, int]] = []
    first, last = span
    widest = 1.6 * (last - first + 1) + 4
    for row in range(top - 1, max(top - 1 - reach, -1), -1):
        inside = np.nonzero(known[row, max(first - 2, 0) : last + 3])[0]
        if len(inside) < 3 or last - first > widest:
            break
        first, last = max(first - 2, 0) + int(inside[0]), max(first - 2, 0) + int(inside[-1])
        found.append((first, last))
    return found


def _there_and_back(count: int, length: int) -> np.ndarray:
    """0, 1, … length-1, length-1, … 1, 0, 0, 1 …: a way along the strands that never jumps."""
    phase = np.arange(count) % (2 * length)
    return cast("np.ndarray", np.where(phase < length, phase, 2 * length - 1 - phase))
