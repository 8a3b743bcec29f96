"""How this package calls its networks: crops of a photo in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bridge.geometry.crop import Crop

Float32 = npt.NDArray[np.float32]
Arrays = dict[str, npt.NDArray[Any]]
UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]
Net = Callable[..., Mapping[str, npt.NDArray[Any]]]
"""A network of the contracts: ``net(crop=float32 [batch, side, side, 3])`` returns its outputs by name."""

BATCH = 8
"""The largest batch that the contracts allow the networks."""


def run(net: Net, image: UInt8, crops: Sequence[Crop], side: int, *, low: float = 0.0) -> dict[str, Float32]:
    """Show a network several windows of a photo, as few batches as possible.

    Args:
        net: the network.
        image: RGB ``[h, w, 3]``.
        crops: the windows, at least one.
        side: the network's input side [px].
        low: what black becomes; white becomes 1.

    Returns:
        The outputs by name, the first axis running over the crops.
    """
    pictures = np.stack([crop.take(image, side) for crop in crops])
    batch = pictures.astype(np.float32) * np.float32((1 - low) / 255) + np.float32(low)
    parts = [net(crop=batch[i : i + BATCH]) for i in range(0, len(crops), BATCH)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def sigmoid(logits: Float32) -> Float32:
    """Return the probabilities of logits, safe from overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))), np.float32)
