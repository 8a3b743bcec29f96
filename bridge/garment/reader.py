"""The garment model: from one product photo to the garment's mask, category, landmarks and inner side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bridge.contracts import Category, GarmentPoint
from bridge.errors import BadInput
from bridge.garment import bottoms, tops
from bridge.garment.category import decide
from bridge.garment.cutout import cut_out
from bridge.garment.frame import Pixels, Points, find_frame
from bridge.garment.inside import beyond, find_front_hem, find_neckline, hood_edge
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
        if found is Category.LOWER:
            points, inside = _read_bottom(outline), np.zeros_like(mask)
        else:
            points, inside = _read_top(garment_image, mask, outline, long=found is Category.DRESS)
        return {
            "garment_category": np.array([found.value.encode()], object),
            "garment_mask": mask,
            "garment_inside": inside,
            "garment_points": points,
        }


def _parse(category: npt.NDArray[np.object_]) -> Category:
    word = bytes(category[0]).decode("utf-8", "replace").strip().lower()
    try:
        return Category(word or "auto")
    except ValueError:
        raise BadInput(f"There is no category {word!r}. Please send auto, upper, lower or dress.") from None


def _read_top(image: Pixels, mask: Pixels, outline: Outline, *, long: bool) -> tuple[Landmarks, Pixels]:
    width = tops.half_width(outline)
    sides = tops.read_sides(outline, width, long=long)
    points = _collect(outline, sides)
    inside = np.zeros_like(mask)
    centre = (*outline.left.path[-1], 0.9)
    if centre[1] < outline.bottom - 0.2 * outline.height:  # an open front
        centre = (0.0, sum(found["hem"][1] for _, found in sides) / 2, 0.4)
    front = (*outline.left.path[0], 0.5)
    feet, rims = _pair(sides, "collar"), _pair(sides, "rim")
    hood = hood_edge(feet, rims)
    neckline = hood or find_neckline(image, mask, outline.frame, *rims)
    if neckline is not None:
        lowest = neckline.edge[np.argmax(neckline.edge[:, 1])]
        front = (*lowest, min(1.0, neckline.score))
        inside = beyond(neckline.edge, mask, outline.frame, above=True)
    hem = find_front_hem(image, mask, outline.frame, *_pair(sides, "hem"))
    if hem is not None:
        centre = (*hem.edge[len(hem.edge) // 2], 0.9)
        inside = np.maximum(inside, beyond(hem.edge, mask, outline.frame, above=False))
    _put(points, outline, GarmentPoint.COLLAR_FRONT, front)
    _put(points, outline, GarmentPoint.HEM_CENTRE, centre)
    return points, inside


def _pair(sides: list[tuple[Side, tops.Found]], name: str) -> tuple[Points, Points]:
    """One landmark of the right and of the left side, in the garment's frame."""
    left, right = (np.array([side.sign * found[name][0], found[name][1]]) for side, found in sides)
    return right, left


def _read_bottom(outline: Outline) -> Landmarks:
    crotch = bottoms.find_crotch(outline)
    score = 0.9 if crotch else 0.3
    crotch = crotch or bottoms.hidden_crotch(outline)
    halves = (outline.left, outline.right)
    points = _collect(outline, [(side, bottoms.read_side(side, outline, crotch)) for side in halves])
    if crotch is None:
        _put(points, outline, GarmentPoint.HEM_CENTRE, (*outline.left.path[-1], 0.9))
    else:
        _put(points, outline, GarmentPoint.CROTCH, (*crotch, score))
    return points


def _collect(outline: Outline, sides: list[tuple[Side, tops.Found]]) -> Landmarks:
    """Turn both sides' findings into the contract's rows; what it has no name for stays out."""
    points = np.zeros((len(GarmentPoint), 3), np.float32)
    for side, found in sides:
        for name, (x, y, score) in found.items():
            row = f"{name.upper()}_{'LEFT' if side.sign > 0 else 'RIGHT'}"
            if row in GarmentPoint.__members__:
                _put(points, outline, GarmentPoint[row], (side.sign * x, y, score))
    return points


def _put(points: Landmarks, outline: Outline, point: GarmentPoint, at: tuple[float, float, float]) -> None:
    points[point, :2] = outline.frame.to_photo(np.array(at[:2]))
    points[point, 2] = at[2]
