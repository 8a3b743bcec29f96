"""Two real people whose photos come with a wheel, and what the models say of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from bridge.triton.local import LocalModels
from tests.perception.seen import LARGEST, See, Seen, UInt8


@pytest.fixture(scope="session")
def astronaut() -> UInt8:
    """Eileen Collins, NASA, public domain; comes with scikit-image. 512 x 512."""
    data = pytest.importorskip("skimage.data", reason="the extra `demo` is not installed")
    return np.asarray(data.astronaut(), np.uint8)


@pytest.fixture(scope="session")
def grace() -> UInt8:
    """Grace Hopper, US Navy, public domain; comes with matplotlib. 600 x 512."""
    matplotlib = pytest.importorskip("matplotlib", reason="the extra `demo` is not installed")
    picture = cv2.imread(str(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"))
    return np.ascontiguousarray(picture[..., ::-1])


@pytest.fixture(scope="session")
def see(local: LocalModels) -> See:
    """Run every model of the perception on an image, in this process; each image only once."""
    known: dict[bytes, Seen] = {}

    def run(image: UInt8) -> Seen:
        key = image.tobytes()
        if key not in known:
            known[key] = _seen(local, image)
        return known[key]

    return run


def _seen(local: LocalModels, image: UInt8) -> Seen:
    seen: dict[str, npt.NDArray[Any]] = {"image": image}
    seen |= local["pose"](image=image, person_index=LARGEST)
    for name in ("face", "hand", "silhouette", "parse"):
        inputs = ("image", "keypoints", *_MORE.get(name, ()))
        seen |= local[name](**{key: seen[key] for key in inputs})
    return seen


_MORE = {
    "silhouette": ("box", "pose_mask"),
    "parse": ("face_mesh", "face_score", "hands", "hand_scores", "matte"),
}
