"""Every material hangs together with a place where it surely is; what doesn't was mistaken for it."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from bridge.perception.appearance import Appearance
from bridge.perception.materials import Material, midriff, ranked, sleeved
from bridge.perception.nets import Bool, Float32
from bridge.perception.places import Places
from bridge.perception.view import View

_NEVER = -60.0


def without_islands(view: View, places: Places, look: Appearance, table: Float32) -> Float32:
    """Forbid a material wherever it hangs together with none of its roots, so that the second best takes over.

    Flowers and prints have the colours of skin and hair; a neck, an arm or a strand of hair begins somewhere.

    Args:
        view: the working picture.
        places: its pixels' places.
        look: what the person wears.
        table: ``[materials, n]`` log scores; left as it is.
    """
    table = table.copy()
    for material, root in _roots(places, look).items():
        chosen = ranked(table)[0] == material
        count, parts = cv2.connectedComponents(view.picture(chosen.astype(np.float32)).astype(np.uint8))
        part = parts[view.person]
        rooted = np.zeros(count, bool)
        rooted[part[root & chosen]] = True
        table[material, chosen & ~rooted[part]] = _NEVER
    return table


def _roots(places: Places, look: Appearance) -> Mapping[Material, Bool]:
    """Return for each material where [n] it must begin."""
    x, y = places.head
    sleeve = sleeved(places, look)
    legs = np.minimum(places.legs[0][1], places.legs[1][1]) < 0.6
    bare = [
        (off < 0.6) & (along > end) for (along, off), end in zip(places.legs, look.cover.legs, strict=True)
    ]
    neck = (np.abs(places.aside) < 0.3) & (places.down < 0)
    trunk = (np.abs(places.aside) < 0.5) & (places.down > 0.1)
    skin = places.face | places.hand | neck | bare[0] | bare[1] | midriff(places, look)
    return {
        Material.SKIN: skin | ((places.off_arms < 0.6) & ~sleeve),
        Material.HAIR: (np.hypot(x / 0.8, y - 0.1) < 1) & (y > -0.4) & ~places.face,
        Material.UPPER: sleeve | (trunk & (places.down < look.waist.down)),
        Material.LOWER: legs | (places.down > look.waist.down),  # a hand may cut a piece of it off
        Material.SHOES: np.minimum(places.feet[0][1], places.feet[1][1]) < 1,
    }
