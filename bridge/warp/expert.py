"""The ``warp`` expert: cut the garment's photo into ladders, lay them on the body, draw them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bridge.contracts import Category, GarmentPoint, Part
from bridge.errors import BodyOutOfFrame
from bridge.warp.body import LEFT, RIGHT, Body, seen_from_the_front
from bridge.warp.garment import Garment, cloth
from bridge.warp.lower import cut_leg, cut_skirt, fit_lower, place_leg, place_skirt
from bridge.warp.sleeve import cut_sleeve, place_sleeve
from bridge.warp.strip import Strip, draw_strips
from bridge.warp.torso import cut_torso, fit_upper, place_torso

_SLEEVES = (Part.LEFT_SLEEVE, Part.RIGHT_SLEEVE)
_LEGS = (Part.LEFT_LEG, Part.RIGHT_LEG)
_MIN_SHOWN = 0.03  # of the photo's height: less of the body inside the frame is not worth dressing
_ALIASING = 0.7  # body pixels per garment pixel, below which the garment's photo is shrunk first


class WarpExpert:
    """Fulfils :data:`bridge.contracts.WARP`. Stateless; one call lays one garment on one person."""

    def __call__(
        self,
        *,
        keypoints: npt.NDArray[np.float32],
        matte: npt.NDArray[np.uint8],
        labels: npt.NDArray[np.uint8],
        garment_image: npt.NDArray[np.uint8],
        garment_category: npt.NDArray[np.object_],
        garment_mask: npt.NDArray[np.uint8],
        garment_inside: npt.NDArray[np.uint8],
        garment_points: npt.NDArray[np.float32],
    ) -> dict[str, npt.NDArray[np.uint8]]:
        """Lay the garment on the body; inputs and outputs as in the contract.

        Raises:
            BodyOutOfFrame: the part of the body that the garment covers isn't in the photo.
        """
        category = Category(garment_category[0].decode())
        garment = Garment(garment_image, garment_mask, garment_inside, garment_points, category)
        body = Body(seen_from_the_front(keypoints), matte, labels)
        _require_body(body, category)
        strips, scale = lay(body, garment)
        if scale < _ALIASING:
            garment = garment.scaled(scale)
            strips = [Strip(s.part, s.source * np.float32(scale), s.target, s.depth) for s in strips]
        layer, parts = draw_strips(strips, cloth(garment), *matte.shape)
        return {"layer": layer, "layer_parts": parts}


def lay(body: Body, garment: Garment) -> tuple[list[Strip], float]:
    """Return the garment's strips on the body, and the scale: body pixels per pixel of the garment's photo."""
    return _lay_lower(body, garment) if garment.category is Category.LOWER else _lay_upper(body, garment)


def _lay_upper(body: Body, garment: Garment) -> tuple[list[Strip], float]:
    fit = fit_upper(body, garment)
    torso = cut_torso(garment)
    on_body = place_torso(body, garment, torso, fit)
    strips = [Strip(Part.TORSO, torso.rungs, on_body)]
    for side in (LEFT, RIGHT):
        if garment.sleeved[side]:
            sleeve = cut_sleeve(garment, side)
            depth = 1.0 if body.arm_is_behind(side) else -1.0
            strips.append(
                Strip(_SLEEVES[side], sleeve.rungs, place_sleeve(body, sleeve, fit, on_body, side), depth)
            )
    return strips, fit.scale


def _lay_lower(body: Body, garment: Garment) -> tuple[list[Strip], float]:
    fit = fit_lower(body, garment)
    if not garment.has(GarmentPoint.CROTCH):
        skirt = cut_skirt(garment)
        return [Strip(Part.SKIRT, skirt.rungs, place_skirt(body, skirt, fit))], fit.scale
    legs = [cut_leg(garment, side) for side in (LEFT, RIGHT)]
    strips = [
        Strip(_LEGS[s], legs[s].rungs, place_leg(body, garment, legs[s], fit, s)) for s in (LEFT, RIGHT)
    ]
    return strips, fit.scale


def _require_body(body: Body, category: Category) -> None:
    """Refuse a photo that doesn't show where the garment goes."""
    lowest = (1 - _MIN_SHOWN) * body.matte.shape[0]
    if category is Category.LOWER and float(body.hips[:, 1].mean()) > lowest:
        raise BodyOutOfFrame(
            "The photo ends above the hips; to try on a lower garment, use one that shows the legs."
        )
    if float(body.shoulders[:, 1].mean()) > lowest:
        raise BodyOutOfFrame("The photo ends above the shoulders; use one that shows the upper body.")
