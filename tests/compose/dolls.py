"""Drawn people whose every pixel is known, dressed and undressed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import BodyPoint, Label, Part

HEIGHT, WIDTH = 320, 240
FINE = 4
SKIN, SHIRT, JEANS, LOCKS = (214, 172, 148), (60, 90, 160), (70, 80, 110), (80, 50, 35)
PLACES = {
    BodyPoint.NOSE: (120, 62),
    BodyPoint.MOUTH_LEFT: (125, 70),
    BodyPoint.MOUTH_RIGHT: (115, 70),
    BodyPoint.LEFT_SHOULDER: (150, 110),
    BodyPoint.RIGHT_SHOULDER: (90, 110),
    BodyPoint.LEFT_ELBOW: (168, 158),
    BodyPoint.RIGHT_ELBOW: (72, 158),
    BodyPoint.LEFT_WRIST: (172, 200),
    BodyPoint.RIGHT_WRIST: (68, 200),
    BodyPoint.LEFT_HIP: (138, 200),
    BodyPoint.RIGHT_HIP: (102, 200),
    BodyPoint.LEFT_KNEE: (140, 262),
    BodyPoint.RIGHT_KNEE: (100, 262),
    BodyPoint.LEFT_ANKLE: (140, 318),
    BodyPoint.RIGHT_ANKLE: (100, 318),
}
Array = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Doll:
    """A drawn person: the photo, the same person without the shirt, and what is where."""

    image: Array
    bare: Array
    labels: Array
    matte: Array
    points: npt.NDArray[np.float32]


class Canvas:
    """Draws at ``FINE`` times the size, so that edges come out as smooth as a camera's."""

    def __init__(self) -> None:
        y, x = np.indices((HEIGHT * FINE, WIDTH * FINE), np.float32) / FINE
        wall = 226 - 0.05 * y + 0.03 * x
        self.image = np.stack([wall, wall, wall + 4], 2)
        self.labels = np.zeros(self.image.shape[:2], np.uint8)

    def strip(self, start: tuple[int, int], end: tuple[int, int], half: float) -> Array:
        """A line with round ends."""
        bits = np.zeros(self.labels.shape, np.uint8)
        cv2.line(bits, *(tuple(FINE * v for v in p) for p in (start, end)), 1, round(2 * half * FINE))
        return bits

    def polygon(self, *corners: tuple[int, int]) -> Array:
        bits = np.zeros(self.labels.shape, np.uint8)
        cv2.fillPoly(bits, [np.array(corners, np.int32) * FINE], 1)
        return bits

    def disc(self, centre: tuple[int, int], axes: tuple[int, int]) -> Array:
        bits = np.zeros(self.labels.shape, np.uint8)
        cv2.ellipse(bits, tuple(FINE * v for v in centre), tuple(FINE * v for v in axes), 0, 0, 360, 1, -1)
        return bits

    def paint(self, bits: Array, colour: tuple[int, int, int], label: Label) -> None:
        self.image[bits > 0] = colour
        self.labels[bits > 0] = label

    def shrunk(self) -> tuple[Array, Array]:
        """The image and its labels at the real size."""
        image = cv2.resize(self.image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        return np.round(image).astype(np.uint8), self.labels[FINE // 2 :: FINE, FINE // 2 :: FINE].copy()


def doll(*, long_hair: bool = False, hand_on_belly: bool = False, shirt: bool = True) -> Doll:
    """Draw a person in a T-shirt and trousers before a wall."""
    places = dict(PLACES)
    if hand_on_belly:
        places[BodyPoint.LEFT_WRIST] = (128, 170)
    (image, labels), (bare, _) = (_drawn(places, long_hair, worn) for worn in (shirt, False))
    points = np.zeros((33, 4), np.float32)
    for point, place in places.items():
        points[point] = (*place, 0, 1)
    return Doll(image, bare, labels, np.where(labels > 0, 255, 0).astype(np.uint8), points)


def _drawn(places: dict[BodyPoint, tuple[int, int]], long_hair: bool, shirt: bool) -> tuple[Array, Array]:
    c, p = Canvas(), BodyPoint
    c.paint(c.polygon((94, 176), (146, 176), (152, 319), (88, 319)), JEANS, Label.LOWER)
    c.paint(c.polygon((90, 104), (150, 104), (145, 176), (95, 176)), SKIN, Label.NECK)
    c.paint(c.strip((120, 75), (120, 110), 11), SKIN, Label.NECK)
    arms = [
        (places[p.LEFT_SHOULDER], places[p.LEFT_ELBOW], places[p.LEFT_WRIST]),
        (places[p.RIGHT_SHOULDER], places[p.RIGHT_ELBOW], places[p.RIGHT_WRIST]),
    ]
    if shirt:
        c.paint(c.polygon((88, 102), (152, 102), (152, 196), (88, 196)), SHIRT, Label.UPPER)
        c.paint(c.strip((120, 75), (120, 104), 11), SKIN, Label.NECK)
    for shoulder, elbow, wrist in arms:
        c.paint(c.strip(shoulder, elbow, 8), SKIN, Label.ARMS)
        c.paint(c.strip(elbow, wrist, 7), SKIN, Label.ARMS)
        c.paint(c.disc((wrist[0], wrist[1] + 4), (8, 9)), SKIN, Label.HANDS)
        if shirt:
            half = tuple((a + b) // 2 for a, b in zip(shoulder, elbow, strict=True))
            c.paint(c.strip(shoulder, half, 11), SHIRT, Label.UPPER)
    c.paint(c.disc((120, 56), (24, 30)), LOCKS, Label.HAIR)
    if long_hair:
        c.paint(c.polygon((97, 56), (108, 56), (110, 140), (99, 140)), LOCKS, Label.HAIR)
    c.paint(c.disc((120, 64), (17, 22)), SKIN, Label.FACE)
    return c.shrunk()


def layer(kind: str) -> tuple[Array, Array]:
    """A red garment and its parts: ``tee``, ``top`` (narrow, cropped), ``long`` (with sleeves) or ``none``."""
    c = Canvas()
    parts = np.zeros(c.labels.shape, np.uint8)
    if kind != "none":
        torso = {"top": ((96, 104), (144, 104), (144, 150), (96, 150))}.get(
            kind, ((88, 102), (152, 102), (154, 186), (86, 186))
        )
        parts[c.polygon(*torso) > 0] = Part.TORSO
    ends = {"tee": 0.5, "long": 2.0}.get(kind)
    if ends is not None:
        for part, chain in (
            (Part.LEFT_SLEEVE, (BodyPoint.LEFT_SHOULDER, BodyPoint.LEFT_ELBOW, BodyPoint.LEFT_WRIST)),
            (Part.RIGHT_SLEEVE, (BodyPoint.RIGHT_SHOULDER, BodyPoint.RIGHT_ELBOW, BodyPoint.RIGHT_WRIST)),
        ):
            shoulder, elbow, wrist = (PLACES[point] for point in chain)
            middle = tuple((a + b) // 2 for a, b in zip(shoulder, elbow, strict=True))
            parts[c.strip(shoulder, middle if ends < 1 else elbow, 12) > 0] = part
            if ends > 1:
                parts[c.strip(elbow, wrist, 11) > 0] = part
    alpha = cv2.resize((parts > 0).astype(np.float32) * 255, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    rgba = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    rgba[..., :3], rgba[..., 3] = (200, 40, 50), np.round(alpha)
    return rgba, np.where(rgba[..., 3] > 0, parts[FINE // 2 :: FINE, FINE // 2 :: FINE], 0).astype(np.uint8)


def inputs(person: Doll, kind: str = "tee", region: Array | None = None, category: bytes = b"upper") -> dict:
    """The tensors of contract COMPOSE."""
    rgba, parts = layer(kind)
    return {
        "image": person.image,
        "keypoints": person.points,
        "matte": person.matte,
        "labels": person.labels,
        "face_mesh": np.zeros((468, 3), np.float32),
        "face_score": np.zeros(1, np.float32),
        "hands": np.zeros((2, 21, 3), np.float32),
        "hand_scores": np.zeros(2, np.float32),
        "region": np.zeros((0, 0), np.uint8) if region is None else region,
        "garment_category": np.array([category], object),
        "layer": rgba,
        "layer_parts": parts,
        "seed": np.array([7], np.int64),
    }


def box(top: int, bottom: int, left: int, right: int) -> Array:
    """A user's mask: white in a box."""
    region = np.zeros((HEIGHT, WIDTH), np.uint8)
    region[top:bottom, left:right] = 255
    return region
