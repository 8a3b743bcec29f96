"""A stand-in for the try-on whose answers are known, and tiny folders of pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import Label
from bridge.errors import NoPerson
from bridge.imaging.decode import decode_image, decode_mask
from bridge.imaging.encode import encode_image
from bridge.triton.model import Arrays, Models

Pixels = npt.NDArray[np.uint8]
HEIGHT, WIDTH = 240, 180


def textured(seed: int) -> Pixels:
    """Blobs of all sizes, so that there is something to measure everywhere."""
    rng = np.random.default_rng(seed)
    noise = [cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH, 3)), (0, 0), s) * s for s in (1, 3, 9)]
    return np.asarray(cv2.normalize(sum(noise), None, 20, 235, cv2.NORM_MINMAX), np.uint8)


class StandIn:
    """Paints the masked pixels in one grey and says that this is the garment.

    ``colour`` None gives the person's own photo back: the perfect answer of the paired protocol. A person's photo
    that is all black shows nobody.
    """

    def __init__(self, colour: int | None = 90) -> None:
        self.colour = colour
        self.asked = 0

    def __call__(self, **arrays: Any) -> Arrays:
        """Answer as ``tryon_basic_stages``."""
        self.asked += 1
        image = decode_image(bytes(arrays["person"][0]))
        if not image.any():
            raise NoPerson("Nobody was found in the photo.")
        region = decode_mask(bytes(arrays["mask"][0]), (image.shape[0], image.shape[1]))
        worn = region if region.size else np.full(image.shape[:2], 255, np.uint8)
        result = image.copy()
        if self.colour is not None:
            result[worn > 0] = self.colour
        garment = decode_image(bytes(arrays["garment"][0]))
        expert = arrays["expert"][0].decode().replace("auto", "warp")
        return {
            "encoded": np.array([encode_image(result)], np.object_),
            "report": np.array([json.dumps({"category": "upper", "expert": expert}).encode()], np.object_),
            "agnostic": np.where(worn[..., None] > 0, np.uint8(0), image),
            "edit_mask": worn,
            "labels": np.full(image.shape[:2], Label.UPPER, np.uint8),
            "layer": np.dstack([result, worn]),
            "garment_image": garment,
            "garment_mask": np.full(garment.shape[:2], 255, np.uint8),
            "garment_inside": np.zeros(garment.shape[:2], np.uint8),
            "keypoints": np.stack([np.arange(33.0), np.zeros(33), np.zeros(33), np.ones(33)], axis=1) * 50,
        }

    @property
    def models(self) -> Models:
        """The ensembles that the benchmarks ask."""
        return {"tryon_basic": self, "tryon_basic_stages": self}


def write_pair(folder: Path, *, seed: int = 0, suffix: str = ".png", channels: int = 1) -> Path:
    """Write one pair whose mask is the picture's middle."""
    folder.mkdir(parents=True)
    mask = np.zeros((HEIGHT, WIDTH, channels), np.uint8)
    mask[60:180, 40:140] = 255
    for name, picture in (("person", textured(seed)), ("garment", textured(seed + 1))):
        cv2.imwrite(str(folder / f"{name}{suffix}"), picture[..., ::-1])
    cv2.imwrite(str(folder / f"mask{suffix}"), mask)
    return folder
