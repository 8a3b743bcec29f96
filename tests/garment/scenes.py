"""Drawn garments, drawn once, and the backgrounds that they are laid on."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from bridge.garment.drawing.wardrobe import Kind
from bridge.garment.drawn import HEIGHT, WIDTH, DrawnTruth, draw_garment
from bridge.garment.reader import GarmentReader

Pixels = npt.NDArray[np.uint8]
Outputs = dict[str, npt.NDArray[np.generic]]


@lru_cache(maxsize=64)
def drawn(kind: Kind, seed: int = 0) -> tuple[Pixels, DrawnTruth]:
    """A garment as it is drawn by default; seeds above 0 differ in cut, colours, size, place and tilt."""
    if seed == 0:
        return draw_garment(kind)
    rng = np.random.default_rng(1000 + seed)
    scale, tilt = rng.uniform(0.75, 1.05), rng.uniform(-6, 6)
    x, y = rng.uniform(-25, 25, 2)
    return draw_garment(kind, seed, scale=scale, tilt=tilt, shift=(x, y), vary=1.0)


@lru_cache(maxsize=64)
def read(kind: Kind, seed: int = 0) -> Outputs:
    """What the garment model says of :func:`drawn`, its category given."""
    image, truth = drawn(kind, seed)
    return reading(image, truth.category.value)


def reading(image: Pixels, category: str = "auto") -> Outputs:
    """What the garment model says of a photo."""
    return GarmentReader()(garment_image=image, category=np.array([category.encode()], object))


def overlap(mask: npt.NDArray[np.generic], truth: npt.NDArray[np.generic]) -> float:
    """Intersection over union of two masks."""
    first, second = mask > 127, truth > 127
    return float((first & second).sum() / max((first | second).sum(), 1))


def photographed(truth: DrawnTruth, background: Pixels) -> Pixels:
    """The garment on a background, with the soft shadow that it casts, as a JPEG of common quality."""
    shadow = np.roll(cv2.GaussianBlur(truth.mask, (0, 0), 12), 8, axis=0).astype(np.float32)[..., None] / 255
    shaded = np.clip(background * (1 - 0.12 * shadow), 0, 255).astype(np.uint8)
    _, code = cv2.imencode(".jpg", truth.on(shaded)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    return np.ascontiguousarray(cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1])


def background(name: str) -> Pixels:
    """A wall, a floor or a table, UINT8 [1024, 768, 3]."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    grain = rng.standard_normal((HEIGHT, WIDTH), np.float32)
    if name == "white":
        light = np.full((HEIGHT, WIDTH, 1), 255.0)
    elif name == "grey":
        light = np.full((HEIGHT, WIDTH, 1), 210.0)
    elif name == "gradient":
        light = (200 + 40 * x / WIDTH - 30 * (y / HEIGHT) ** 2)[..., None]
    elif name == "grain":
        light = (228 + 6 * grain)[..., None]
    elif name == "table":
        light = np.where(y[..., None] < 780, [236.0, 236, 236], [150.0, 110, 80]) + grain[..., None]
    elif name == "stripes":
        light = np.where(((x + y) // 40 % 2)[..., None] > 0, [205.0, 215, 225], [190.0, 200, 212])
    else:
        planks = rng.uniform(-18, 18, 20)[(x // 130).astype(int)]
        fibres = 60 * cv2.GaussianBlur(grain, (0, 0), sigmaX=1.2, sigmaY=40)
        light = (planks + fibres)[..., None] * [1.0, 0.8, 0.6] + [172.0, 126, 84]
        light[(x % 130) < 2] -= 50
    return np.clip(np.broadcast_to(light, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)
