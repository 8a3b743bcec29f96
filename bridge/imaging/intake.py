"""Everything that a try-on's caller sends, decoded and checked at once, before any work begins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from bridge.errors import ImageError
from bridge.imaging.decode import Pixels, decode_image, decode_mask
from bridge.imaging.encode import to_format


class Intake(NamedTuple):
    """A try-on's pictures."""

    person: Pixels  # UINT8 [h, w, 3], RGB, sRGB, upright
    garment: Pixels  # UINT8 [h, w, 3]
    region: Pixels  # UINT8 [h, w] of the person's photo: 0 or 255; NO_REGION when no mask was sent


def take_in(person: bytes, garment: bytes, mask: bytes, form: bytes) -> Intake:
    """Decode both photos, at the same time, and the mask.

    Args:
        person: the person's encoded photo.
        garment: the garment's encoded photo.
        mask: an encoded mask over the person's photo, or nothing.
        form: the name of the format that the result is wanted in; only checked here.

    Raises:
        BadInput: there is no such format.
        ImageError: of the class that the decoder raised; the sentence names the picture.
    """
    to_format(form.decode(errors="replace"))
    with ThreadPoolExecutor(1) as other:  # Pillow lets go of the interpreter while it decodes
        waiting = other.submit(_photo, garment, "garment's photo")
        image = _photo(person, "person's photo")
        garment_image = waiting.result()
    try:
        region = decode_mask(mask, (image.shape[0], image.shape[1]))
    except ImageError as error:
        raise _named(error, "mask") from error
    return Intake(image, garment_image, region)


def _photo(data: bytes, name: str) -> Pixels:
    try:
        return decode_image(data)
    except ImageError as error:
        raise _named(error, name) from error


def _named(error: ImageError, name: str) -> ImageError:
    return type(error)(f"The {name} can't be used. {error}")
