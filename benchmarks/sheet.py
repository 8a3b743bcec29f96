"""Contact sheets: pictures in rows and columns, each with a line below it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bridge.quality.measures import Pixels

CAPTION = 18
"""Height of the line below each picture [px]."""
GAP = 4
"""Distance between tiles [px]."""


@dataclass(frozen=True)
class Tile:
    """One place of a sheet: a picture, or the sentence that says why there is none, or nothing."""

    caption: str
    picture: Pixels | None = None
    sentence: str = ""


def contact_sheet(rows: Sequence[Sequence[Tile]], *, width: int, height: int) -> Pixels:
    """Draw the tiles.

    Args:
        rows: tiles from left to right, rows from top to bottom.
        width: of every tile's picture [px]; pictures keep their proportions.
        height: of every tile's picture [px].

    Returns:
        ``uint8 [H, W, 3]``, RGB.
    """
    columns = max(len(row) for row in rows)
    across, down = width + GAP, height + CAPTION + GAP
    sheet = Image.new("RGB", (columns * across + GAP, len(rows) * down + GAP), "white")
    for y, row in enumerate(rows):
        for x, tile in enumerate(row):
            sheet.paste(_draw(tile, width, height), (GAP + x * across, GAP + y * down))
    return np.asarray(sheet)


def _draw(tile: Tile, width: int, height: int) -> Image.Image:
    cell = Image.new("RGB", (width, height + CAPTION), "white")
    pen = ImageDraw.Draw(cell)
    if tile.picture is None and tile.sentence:
        pen.rectangle((0, 0, width - 1, height - 1), fill="#f6e9e7")
        words = textwrap.fill(tile.sentence, max(12, width // 8))
        pen.multiline_text((8, 8), words, fill="#8a1c10", font=ImageFont.load_default(14))
    elif tile.picture is not None:
        picture = Image.fromarray(_fit(tile.picture, width, height))
        cell.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    pen.text((2, height + 2), tile.caption, fill="black", font=ImageFont.load_default(12))
    return cell


def _fit(picture: Pixels, width: int, height: int) -> Pixels:
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)
