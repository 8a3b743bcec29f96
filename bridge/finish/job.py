"""What the finisher is given and what it gives back: arrays as in Triton, no torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bridge.finish.settings import FinishSettings

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Face:
    """Whose face it is: ``embedding`` float32 [512] (ArcFace, as its model gives it), ``crop`` uint8 [h, w, 3]."""

    embedding: npt.NDArray[np.float32]
    crop: Bytes


@dataclass(frozen=True)
class Job:
    """One picture to finish.

    ``prior`` (the geometry's picture) and ``photo`` are uint8 [H, W, 3], RGB; ``edit_mask`` uint8 [H, W], 0 where
    ``photo`` must stay bit for bit; ``controls`` uint8 [H, W, 3] by their kind in ``UNION_KINDS`` or a net's name;
    ``deadline`` on the clock of ``time.monotonic`` [s].
    """

    prior: Bytes
    photo: Bytes
    edit_mask: Bytes
    settings: FinishSettings
    seed: int
    prompt: str = ""
    negative_prompt: str = ""
    controls: Mapping[str, Bytes] = field(default_factory=dict)
    garment: Bytes | None = None
    face: Face | None = None
    deadline: float = math.inf


@dataclass(frozen=True)
class Finished:
    """``image`` uint8 [H, W, 3], and what was done: JSON."""

    image: Bytes
    report: dict[str, object]


@dataclass(frozen=True)
class Progress:
    """Where a job is: a stage, of its steps how many are done, and since when it runs [s].

    ``preview`` is uint8 [h, w, 3] of the latent's size, or None.
    """

    stage: str
    step: int
    steps: int
    seconds: float
    preview: Bytes | None = None


Watch = Callable[[Progress], None]
"""Told of every stage and step."""

Cancelled = Callable[[], bool]
"""Whether nobody waits for the picture any more."""
