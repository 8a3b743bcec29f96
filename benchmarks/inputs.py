"""Pictures that every machine has: a person from an installed wheel, garments drawn by the project."""

from __future__ import annotations

import numpy as np

from bridge.imaging.encode import Format, encode_image
from bridge.quality.measures import Pixels

SIZE = (768, 1024)
"""Width and height of the benchmark's person [px]: what catalogues and the published protocols use."""


def person() -> Pixels:
    """Return scikit-image's astronaut (NASA, public domain), enlarged and cropped to ``SIZE``."""
    import cv2
    from skimage.data import astronaut

    width, height = SIZE
    large = cv2.resize(astronaut(), (height, height), interpolation=cv2.INTER_CUBIC)
    left = (height - width) // 2
    return np.ascontiguousarray(large[:, left : left + width], np.uint8)


def person_photo(shift: int = 0) -> bytes:
    """Return the benchmark's person as JPEG, moved to the right by ``shift`` px, so that callers differ."""
    return encode_image(np.ascontiguousarray(np.roll(person(), shift, axis=1)), Format.JPEG)
