"""The seed of whatever is random in a picture."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt


def resolve_seed(seed: int, *pictures: npt.NDArray[np.uint8]) -> int:
    """Return the caller's seed, or one that the pictures determine.

    Args:
        seed: the caller's; negative leaves the choice to the system.
        pictures: what the choice depends on, in this order: the person's photo, the laid garment.

    Returns:
        A number of at least 0. The same pictures give the same one on every machine: it is their CRC-32 (ISO
        3309).
    """
    if seed >= 0:
        return seed
    value = 0
    for picture in pictures:
        value = zlib.crc32(np.ascontiguousarray(picture).data, value)
    return value
