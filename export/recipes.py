"""What the registry can't know of each network: its outputs' names, how it is tried, how exact it must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from export.litert import Array


def _as_it_is(values: Array) -> Array:
    return values


def _sigmoid(values: Array) -> Array:
    probability: Array = 0.5 + 0.5 * np.tanh(0.5 * values.astype(np.float64))
    return probability


@dataclass(frozen=True)
class Bound:
    """How far an output may lie from LiteRT's, in the unit in which it is used (px of the crop, m, probability).

    LiteRT differs from itself: its plain and its XNNPACK kernels add the same fp32 numbers in another order.
    On the photo they lie up to 0.002 px apart, 2e-5 in a probability, 1e-3 in a segmentation's; on noise up to
    0.006 px and 2e-3. The bounds are a small multiple of that, and far below what anybody sees.
    """

    limit: float
    unit: str
    view: Callable[[Array], Array] = _as_it_is


PIXELS = Bound(0.02, "px")
METRES = Bound(5e-4, "m")
PROBABILITY = Bound(2e-4, "prob")
LOGITS = Bound(2e-4, "prob", _sigmoid)
DENSE_LOGITS = Bound(8e-3, "prob", _sigmoid)
"""Two steps of an 8-bit mask: these logits reach 1600, so the soft edge is a difference of large numbers."""


@dataclass(frozen=True)
class Recipe:
    """How a network becomes its contract's model."""

    outputs: Mapping[str, tuple[str, Bound]]  # the contract's name -> the network's name, how exact
    photo: tuple[int, int, int]  # the square of the proof's photo that is shown to it: left, top, side [px]
    darkest: float = 0.0  # what a black pixel is; a white one is 1

    @property
    def sources(self) -> dict[str, str]:
        """The network's own name of each of the contract's outputs."""
        return {name: source for name, (source, _) in self.outputs.items()}


RECIPES: Mapping[str, Recipe] = {
    "pose_detection": Recipe(
        {"boxes": ("Identity", PIXELS), "logits": ("Identity_1", LOGITS)}, photo=(0, 0, 512), darkest=-1.0
    ),
    "pose_landmark": Recipe(
        {
            "landmarks": ("Identity", PIXELS),
            "presence": ("Identity_1", PROBABILITY),
            "segmentation": ("Identity_2", DENSE_LOGITS),
            "world": ("Identity_4", METRES),
        },
        photo=(0, 0, 512),
    ),
    "face_detection": Recipe(
        {"boxes": ("regressors", PIXELS), "logits": ("classificators", LOGITS)},
        photo=(60, 0, 300),
        darkest=-1.0,
    ),
    "face_landmark": Recipe(
        {"mesh": ("conv2d_21", PIXELS), "presence": ("conv2d_31", LOGITS)}, photo=(125, 20, 165)
    ),
    "hand_landmark": Recipe(
        {
            "points": ("Identity", PIXELS),
            "presence": ("Identity_1", PROBABILITY),
            "handedness": ("Identity_2", PROBABILITY),
        },
        photo=(0, 300, 200),
    ),
    "selfie_segmentation": Recipe({"person": ("activation_10", PROBABILITY)}, photo=(0, 0, 512)),
}
"""The recipe of every model that is converted from LiteRT."""
