"""Pictures in the form that providers take."""

from __future__ import annotations

import numpy as np
from PIL import Image

from bridge.imaging.decode import Pixels, decode_image
from bridge.imaging.encode import Format, encode_image


def jpeg(picture: bytes, least: int) -> bytes:
    """Return a picture as a JPEG without metadata.

    Its long side is at most 1408 px, or ``least`` times its proportions: 6 MB even if nothing could be
    compressed, so below the 10 MB that Kling takes.

    Args:
        picture: encoded as JPEG, PNG or WebP.
        least: a smaller picture is enlarged until both sides have this length [px].

    Raises:
        ImageError: it can't be decoded.
    """
    return encode_image(_enlarged(decode_image(picture), least), Format.JPEG)


def _enlarged(pixels: Pixels, least: int) -> Pixels:
    height, width = pixels.shape[:2]
    scale = least / min(height, width)
    if scale <= 1:
        return pixels
    size = max(least, round(width * scale)), max(least, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
