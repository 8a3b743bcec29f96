"""The guard of people who happen to be in the photo: nobody asked them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

import numpy as np

from api.backend import Backend
from api.security.ingest import Clean, packed
from bridge.contracts import FACES, POSE
from bridge.errors import Bystanders
from bridge.imaging.decode import Pixels, decode_image
from bridge.imaging.veil import veil_faces
from bridge.triton.model import Array, Arrays

Rule = Literal["blur", "refuse", "allow"]
"""What a tenant wants to be done with the faces of people who are not dressed."""


@dataclass(frozen=True)
class Guarded:
    """A photo on which nobody is recognisable but the person to dress, unless the tenant allows it."""

    photo: Clean
    blurred: int  # how many faces were made unrecognisable
    person_index: int  # who is to be dressed: without a face a bystander may not count as a person any more


async def guard(backend: Backend, photo: Clean, person_index: int, rule: Rule, timeout: float) -> Guarded:
    """Do with the faces of bystanders what the tenant wants, before the photo is stored.

    Args:
        backend: the inference server, which finds the faces.
        photo: the person's photo, as :func:`api.security.ingest.clean` made it.
        person_index: who is dressed, counted from the largest (0); -1 is the largest too.
        rule: blur, refuse, or allow, which doesn't even look.
        timeout: the longest wait for one answer of the server [s].

    Raises:
        Bystanders: there are any, and the tenant refuses such photos.
        NoPerson: nobody is in the photo, or nobody with this index.
        ServerUnavailable: the server can't look now; nothing may be stored.
    """
    if rule == "allow":
        return Guarded(photo, 0, person_index)
    pixels = await asyncio.to_thread(decode_image, photo.data)
    seen = await backend.infer(FACES.name, _asked(pixels, person_index), None, timeout)
    others = seen["other_faces"]
    if not len(others):
        return Guarded(photo, 0, person_index)
    if rule == "refuse":
        raise Bystanders(_sentence(len(others)))
    veiled = await asyncio.to_thread(_veiled, pixels, seen)
    index = await _found_again(backend, veiled, seen["box"], timeout)
    return Guarded(await asyncio.to_thread(packed, veiled), len(others), index)


def _asked(pixels: Pixels, person_index: int) -> Arrays:
    return {"image": pixels, "person_index": np.array([person_index], np.int32)}


def _veiled(pixels: Pixels, seen: Arrays) -> Pixels:
    own = seen["face_box"]
    return veil_faces(pixels, seen["other_faces"], own if own.any() else None)


def _sentence(others: int) -> str:
    faces = "the face of somebody else" if others == 1 else f"the faces of {others} other people"
    return f"The photo shows {faces}. Please send one that shows only the person to dress."


async def _found_again(backend: Backend, pixels: Pixels, box: Array, timeout: float) -> int:
    """Return the index of the person whose box is most like ``box`` [4]."""
    best, likeness, index, people = 0, 0.0, 0, 1
    while index < people:
        pose = await backend.infer(POSE.name, _asked(pixels, index), ["box", "people"], timeout)
        people = int(pose["people"][0])
        if (same := _overlap(pose["box"], box)) > likeness:
            best, likeness = index, same
        index += 1
    return best


def _overlap(a: Array, b: Array) -> float:
    """Return the intersection over the union of two boxes x0, y0, x1, y1."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    common = float(np.prod(np.maximum(high - low, 0)))
    both = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]))
    return common / max(both - common, 1e-9)
