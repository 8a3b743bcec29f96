"""What a person should know about a picture, in words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bridge.contracts import Category
from bridge.quality.measures import Pixels
from bridge.quality.report import Scores

# A picture beyond these is worth a second look. Over 35 fittings of real studio photos the lowest figures were 0.68,
# 0.73 and 0.82, hems in the photo showed 0.47 and more of themselves, and cut ones 0.26 and less.
LEAST_COVERAGE = 0.5
LEAST_COLOUR = 0.6
LEAST_DETAIL = 0.35
LEAST_HEM = 0.3  # of dresses and trousers; a top's may be tucked in
MOST_OLD_GARMENT = 0.05
LEAST_PLACE = 0.9  # over the same fittings the lowest were 0.98, 0.72 (a shoe's hole in the hem) and 0.75
LEAST_LINE = 0.65

CUT_SHARE = 0.05
"""Share of one edge of the garment's photo that the garment must touch to count as cut off there."""


def remarks(
    scores: Scores, *, people: int, chosen: int, garment_mask: Pixels, category: Category
) -> list[str]:
    """Return sentences for the person who asked; empty when all is well.

    Args:
        scores: the picture's scores.
        people: how many people the photo shows.
        chosen: the ``person_index`` that was asked for; -1 when the choice was left to the system.
        garment_mask: ``uint8 [H, W]``, the garment in its own photo.
        category: what the garment is.
    """
    return [*_of_photos(people, chosen, garment_mask), *_of_scores(scores, category)]


def _of_photos(people: int, chosen: int, garment_mask: Pixels) -> Iterator[str]:
    if people > 1 and chosen < 0:
        yield f"The photo shows {people} people; the largest was dressed (person_index chooses another)."
    edges = cut_edges(garment_mask)
    if edges:
        yield f"The garment is cut off at the {' and the '.join(edges)} of its photo; the rest is missing."


def _of_scores(scores: Scores, category: Category) -> Iterator[str]:
    if scores["coverage"] is None:
        yield "Nothing of the garment is seen; send a photo that shows the part of the body that it covers."
        return
    if scores["coverage"] < LEAST_COVERAGE:
        yield f"Only {scores['coverage']:.0%} of the garment can be seen; hair, hands or bags hide the rest."
    if category is not Category.UPPER and _below(scores["hem_visible"], LEAST_HEM):
        yield "The garment's hem lies outside the person's photo; send one that shows more of the body."
    if _below(scores["garment_colour"], LEAST_COLOUR):
        yield "The garment's colours differ from its photo's; look at the light of both photos."
    if _below(scores["garment_detail"], LEAST_DETAIL):
        yield "Much of the garment's fine detail was lost; a larger photo of the person keeps more."
    if scores["old_garment_left"] is not None and scores["old_garment_left"] > MOST_OLD_GARMENT:
        yield "Some of the old garment can still be seen beside the new one."
    elif _below(scores["leak_iou"], LEAST_PLACE):
        yield "The garment covers what should have stayed, or leaves out what it should cover."
    for name, line in (("hem", scores["hem_line"]), ("neckline", scores["collar_line"])):
        if _below(line, LEAST_LINE):
            yield f"The garment's {name} is ragged, broken or out of place."


def _below(score: float | None, least: float) -> bool:
    return score is not None and score < least


def cut_edges(garment_mask: Pixels) -> list[str]:
    """Return the edges of its photo that the garment touches: of left side, right side, top and bottom."""
    lines = {
        "left side": garment_mask[:, 0],
        "right side": garment_mask[:, -1],
        "top": garment_mask[0],
        "bottom": garment_mask[-1],
    }
    return [name for name, line in lines.items() if float(np.mean(line >= 128)) > CUT_SHARE]
