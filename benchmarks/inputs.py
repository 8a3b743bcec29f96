"""Pictures that every machine has: a person from an installed wheel, garments drawn by the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.tryon import Request
from bridge.garment.drawing.wardrobe import Kind
from bridge.garment.drawn import draw_garment
from bridge.imaging.encode import Format, encode_image
from bridge.quality.measures import Pixels

SIZE = (768, 1024)
"""Width and height of the benchmark's person [px]: what catalogues and the published protocols use."""

GARMENTS: tuple[Kind, ...] = ("tee", "sweater", "blouse", "tank")
"""What the concurrent callers put on."""


def person() -> Pixels:
    """Return scikit-image's astronaut (NASA, public domain), enlarged and cropped to ``SIZE``."""
    import cv2
    from skimage.data import astronaut

    width, height = SIZE
    large = cv2.resize(astronaut(), (height, height), interpolation=cv2.INTER_CUBIC)
    left = (height - width) // 2
    return np.ascontiguousarray(large[:, left : left + width], np.uint8)


def request(person_file: Path | None = None, garment_file: Path | None = None) -> Request:
    """Return what the benchmarks send; a picture that is not given is the project's own."""
    return Request(
        encode_image(person(), Format.JPEG) if person_file is None else person_file.read_bytes(),
        drawn("tee") if garment_file is None else garment_file.read_bytes(),
    )


def different_requests(count: int) -> list[Request]:
    """Return requests whose answers all differ: the person moves by a few pixels, the garments take turns."""
    photo, garments = person(), [drawn(kind) for kind in GARMENTS]
    moved = (np.ascontiguousarray(np.roll(photo, 4 * number, axis=1)) for number in range(count))
    return [
        Request(encode_image(picture, Format.JPEG), garments[number % len(garments)])
        for number, picture in enumerate(moved)
    ]


def drawn(kind: Kind) -> bytes:
    """Return a garment of that kind, drawn by the project, as PNG."""
    return encode_image(draw_garment(kind)[0])
