"""The process in which strangers' bytes meet a parser; :mod:`api.security.sandbox` starts it and speaks to it.

It reads requests from standard input until that ends, which it also does when its parent is killed. A parser
that is tricked here has 1 GiB of memory and may neither write files nor (unless root runs it) start processes; our
secrets were never in its memory or its environment.
"""

from __future__ import annotations

import resource
import struct
import sys
from contextlib import suppress
from typing import BinaryIO

import cv2

from bridge.errors import ImageError
from bridge.imaging.decode import NO_REGION, decode_image, decode_mask
from bridge.imaging.encode import Format, encode_image

FORM = Format.PNG
"""What comes out."""
REQUEST = struct.Struct(">IIQ")
"""Height and width of the photo that a mask belongs to (0, 0: this is a photo), and the bytes that follow."""
ANSWER = struct.Struct(">BIIQ")
"""GOOD or BAD, the picture's height and width, and how many bytes follow: the picture, or the error's line."""
GOOD, BAD = 1, 0

_MEMORY = 2**30
"""Of addresses [bytes]; the worst picture that is accepted takes 0.65 GiB of them, 0.45 GiB of memory."""
_LIMITS = (
    (resource.RLIMIT_AS, _MEMORY),
    (resource.RLIMIT_FSIZE, 0),
    (resource.RLIMIT_NPROC, 0),
    (resource.RLIMIT_CORE, 0),
)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are none."""
    while header := requests.read(REQUEST.size):
        height, width, length = REQUEST.unpack(header)
        answers.write(_answer(requests.read(length), (height, width)))
        answers.flush()


def _answer(data: bytes, shape: tuple[int, int]) -> bytes:
    try:
        pixels = decode_image(data) if shape == NO_REGION else decode_mask(data, shape)
    except ImageError as error:
        line = error.to_wire().encode()
        return ANSWER.pack(BAD, 0, 0, len(line)) + line
    picture = encode_image(pixels, FORM)
    return ANSWER.pack(GOOD, *pixels.shape[:2], len(picture)) + picture


if __name__ == "__main__":
    cv2.setNumThreads(1)
    for limit, most in _LIMITS:
        with suppress(ValueError, OSError):  # a system may already allow less, or not know it
            resource.setrlimit(limit, (most, most))
    serve(sys.stdin.buffer, sys.stdout.buffer)
