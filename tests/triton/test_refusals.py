"""A server that refuses stays whole: nothing of a refused request is left behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage.data import astronaut

from benchmarks.inputs import drawn
from bridge.errors import BadInput
from bridge.imaging.encode import encode_image
from bridge.triton.client import TritonClient
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.model import Array


def text(data: bytes) -> Array:
    """Return bytes as a tensor."""
    return np.array([data], np.object_)


WALL = encode_image(np.full((300, 240, 3), 240, np.uint8))
REFUSED: list[dict[str, Array]] = [
    {"person": text(b"")},
    {"garment": text(b"hello")},
    {"mask": text(WALL)},
    {"format": text(b"bmp")},
    {"category": text(b"hat")},
    {"category": text(b"lower")},
    {"garment": text(WALL)},
    {"person": text(WALL)},
    {"person_index": np.array([5], np.int32)},
]


def test_refusals_leave_nothing_in_flight(tmp_path: Path) -> None:
    """Triton 24.10 keeps a request for ever, or crashes, when a step fails while another one runs."""
    good = {"person": text(encode_image(astronaut())), "garment": text(drawn("tee"))}
    log = tmp_path / "triton.log"
    with EmbeddedTriton(models=["tryon_basic"], log=log) as server, TritonClient(server.url) as client:
        for wrong in REFUSED * 3:
            with pytest.raises(BadInput):
                client.infer("tryon_basic", {**good, **wrong})
        assert client.infer("tryon_basic", good)["encoded"][0]
    assert "in-flight inferences" in log.read_text()
    assert "Found 0 model versions that have in-flight inferences" in log.read_text()
