"""A Triton whose try-on costs nothing, so that what is measured is the service around it.

The model gives the person's photo back, with scores that pass. It is served by the real embedded Triton under the
real contract, as one Python model in place of the ensemble.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bridge.contracts import TRYON_BASIC, Backend
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.model import Array, Arrays

CONTRACT = replace(TRYON_BASIC, backend=Backend.PYTHON, steps=())

SCORES = {"protected_identity": 1.0, "garment_colour": 0.9, "leak_iou": 1.0, "coverage": 1.0}
"""What the stub says of every picture; all profiles pass by them."""

_MODEL = '''"""A try-on that costs nothing."""

from benchmarks.stub import CONTRACT, Stub
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = CONTRACT

    def load(self, models: Models) -> Stub:
        return Stub({seconds!r})
'''


@dataclass(frozen=True)
class Stub:
    """The model: takes its time and gives the photo back."""

    seconds: float

    def __call__(self, person: Array, seed: Array, **_: Array) -> Arrays:
        """Answer as ``tryon_basic``, without looking at a pixel."""
        time.sleep(self.seconds)
        report = {
            "scores": SCORES,
            "warnings": [],
            "category": "upper",
            "expert": "warp",
            "route": {},
            "seed": int(seed[0]),
            "people": 1,
            "person_index": 0,
            "sizes": {},
            "not_measured": {},
        }
        return {"encoded": person, "report": np.array([json.dumps(report).encode()], object)}


def write_repository(folder: Path, seconds: float = 0.0, instances: int = 1) -> Path:
    """Write a repository that holds the stub alone.

    Args:
        folder: where to.
        seconds: what each answer takes [s].
        instances: how many are given at the same time.

    Returns:
        The folder.
    """
    from export.pbtxt import Tuning, render

    model = folder / CONTRACT.name
    (model / "1").mkdir(parents=True)
    (model / "1" / "model.py").write_text(_MODEL.format(seconds=seconds))
    (model / "config.pbtxt").write_text(render(CONTRACT, Tuning(instances=instances)))
    return folder


@contextmanager
def stub_triton(seconds: float = 0.0, instances: int = 1) -> Iterator[EmbeddedTriton]:
    """Serve the stub on a free port; see :func:`write_repository`.

    Raises:
        ServerUnavailable: Triton can't run here; the message says why.
    """
    with (
        TemporaryDirectory(prefix="vfr-stub-") as folder,
        EmbeddedTriton(write_repository(Path(folder), seconds, instances)) as server,
    ):
        yield server
