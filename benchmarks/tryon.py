"""One call of ``tryon_basic``: what goes in and what comes back, whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bridge.contracts import Category, Expert
from bridge.triton.model import Arrays


@dataclass(frozen=True)
class Request:
    """What a caller sends."""

    person: bytes
    garment: bytes
    category: Category = Category.AUTO
    mask: bytes = b""
    seed: int = -1
    person_index: int = -1
    expert: Expert = Expert.AUTO

    def arrays(self) -> Arrays:
        """Return the inputs of the contract ``tryon_basic``; the result comes as PNG."""
        return {
            "person": _bytes(self.person),
            "garment": _bytes(self.garment),
            "category": _bytes(self.category.value.encode()),
            "mask": _bytes(self.mask),
            "person_index": np.array([self.person_index], np.int32),
            "seed": np.array([self.seed], np.int64),
            "format": _bytes(b"png"),
            "expert": _bytes(self.expert.value.encode()),
        }


def _bytes(value: bytes) -> npt.NDArray[np.object_]:
    return np.array([value], np.object_)
