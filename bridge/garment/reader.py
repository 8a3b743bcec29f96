"""The garment model: from one product photo to the garment's mask, category, landmarks and inner side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from bridge.contracts import Category, GarmentPoint
from bridge.errors import BadInput
from bridge.garment import bottoms, tops
from bridge.garment.category import decide
from bridge.garment.cutout import cut_out
from bridge.garment.frame import Pixels, find_frame
from bridge.garment.outline import Outline, Side, trace

Landmarks = npt.NDArray[np.float32]


class GarmentReader:
    """Fulfils the contract ``garment``."""

    def __call__(
        self, garment_image: Pixels, category: npt.NDArray[np.object_]
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Read one product photo.

        Args:
            garment_image: UINT8 [h, w, 3], RGB.
            category: BYTES [1], a :class:`Category`.

        Returns:
            garment_category, garment_mask, garment_inside and garment_points as the contract says.

        Raises:
            NoGarment: nothing stands out from the background.
            CategoryMismatch: the shape clearly contradicts the category.
            BadInput: the category is none that there is.
        """
        claimed = _parse(category)
        mask = cut_out(garment_image)
        outline = trace(mask, find_frame(mask))
        found = decide(outline, claimed)
        points = (
            _read_bottom(outline)
            if found is Category.LOWER
            else _read_top(outline, long=found is Category.DRESS)
        )
        return {
            "garment_category": np.array([found.value.encode()], object),
            "garment_mask": mask,
            "garment_inside": np.zeros_like(mask),
            "garment_points": points,
        }


def _parse(category: npt.NDArray[np.object_]) -> Category:
    word = bytes(category[0]).decode("utf-8", "replace").strip().lower()
    try:
        return Category(word or "auto")
    except ValueError:
        raise BadInput(f"There is no category {word!r}. Please send auto, upper, lower or dress.") from None


def _read_top(outline: Outline, *, long: bool) -> Landmarks:
    width = tops.half_width(outline)
    points = _both(outline, lambda side: tops.read_side(side, outline, width, long=long))
    _put(points, outline, GarmentPoint.COLLAR_FRONT, (*outline.left.path[0], 0.5))
    _put(points, outline, GarmentPoint.HEM_CENTRE, (*outline.left.path[-1], 0.9))
    return points


def _read_bottom(outline: Outline) -> Landmarks:
    crotch = bottoms.find_crotch(outline)
    points = _both(outline, lambda side: bottoms.read_side(side, outline, crotch))
    if crotch is None:
        _put(points, outline, GarmentPoint.HEM_CENTRE, (*outline.left.path[-1], 0.9))
    else:
        _put(points, outline, GarmentPoint.CROTCH, (*crotch, 0.9))
    return points


def _both(outline: Outline, read: Callable[[Side], tops.Found]) -> Landmarks:
    points = np.zeros((len(GarmentPoint), 3), np.float32)
    for side, word in ((outline.left, "LEFT"), (outline.right, "RIGHT")):
        for name, (x, y, score) in read(side).items():
            _put(points, outline, GarmentPoint[f"{name.upper()}_{word}"], (side.sign * x, y, score))
    return points


def _put(points: Landmarks, outline: Outline, point: GarmentPoint, at: tuple[float, float, float]) -> None:
    points[point, :2] = outline.frame.to_photo(np.array(at[:2]))
    points[point, 2] = at[2]
