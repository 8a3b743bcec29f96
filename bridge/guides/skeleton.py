"""The pose as OpenPose draws it: coloured limbs and joints, hands, and the face's outline as dots.

The colours, the order and the joining of limbs are those of OpenPose's COCO model (Cao et al. 2019) and its hands
(Simon et al. 2017), as ControlNet was trained on (Zhang et al. 2023).
"""

from __future__ import annotations

import colorsys
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import BodyPoint as P

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

SEEN = 0.3
"""The least visibility of a joint that is drawn: OpenPose itself leaves out what it doesn't find."""

_JOINTS = (
    P.NOSE, None, P.RIGHT_SHOULDER, P.RIGHT_ELBOW, P.RIGHT_WRIST, P.LEFT_SHOULDER, P.LEFT_ELBOW, P.LEFT_WRIST,
    P.RIGHT_HIP, P.RIGHT_KNEE, P.RIGHT_ANKLE, P.LEFT_HIP, P.LEFT_KNEE, P.LEFT_ANKLE, P.RIGHT_EYE, P.LEFT_EYE,
    P.RIGHT_EAR, P.LEFT_EAR,
)  # fmt: skip
"""OpenPose's 18 joints; None: the neck, which it places between the shoulders."""
_NECK = 1
_LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
    (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
_LIMB_SHARE = 0.6
"""Limbs are drawn darker than joints."""
_BONES = tuple(bone for finger in range(5) for bone in pairwise((0, *range(4 * finger + 1, 4 * finger + 5))))
"""Of a hand: from the wrist along each finger."""
_JOINT_OF_HAND = (0, 0, 255)
_FACE = (
    127, 234, 132, 58, 172, 150, 149, 148, 152, 377, 378, 379, 397, 288, 361, 454, 356,  # jaw
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # brows
    168, 197, 5, 4, 75, 97, 2, 326, 305,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,  # lips, outside
    78, 82, 13, 312, 308, 317, 14, 87,  # lips, inside
    468, 473,  # the pupils, of meshes that have them
)  # fmt: skip
"""The 68 points of the usual face outline (iBUG 300-W) among MediaPipe's, and the two pupils that OpenPose adds."""
_SHIFT = 4  # OpenCV draws with sixteenths of a pixel


def draw_pose(
    size: tuple[int, int],
    keypoints: Floats,
    hands: Floats,
    hand_scores: Floats,
    face_mesh: Floats,
    face_score: float,
) -> Bytes:
    """Draw one person on black.

    Args:
        size: height and width [px].
        keypoints: ``[33, 4]``: BodyPoint rows x, y, z [px], visibility [0, 1].
        hands: ``[2, 21, 3]`` [px], left and right.
        hand_scores: ``[2]`` [0, 1].
        face_mesh: ``[468, 3]`` [px].
        face_score: [0, 1].

    Returns:
        RGB ``[h, w, 3]``.
    """
    canvas = np.zeros((*size, 3), np.uint8)
    unit = max(size) / 512  # OpenPose's thickness is meant for pictures of that side
    places, seen = _joints(keypoints)
    _draw_body(canvas, places, seen, unit)
    for hand, score in zip(hands, hand_scores, strict=True):
        if score >= SEEN:
            _draw_hand(canvas, hand[:, :2], unit)
    if face_score >= SEEN:
        for index in _FACE:
            if index < len(face_mesh):
                _dot(canvas, face_mesh[index, :2], 1.5 * unit, (255, 255, 255))
    return canvas


def _joints(keypoints: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    rows = [keypoints[P.NOSE if point is None else point] for point in _JOINTS]
    shoulders = keypoints[[P.LEFT_SHOULDER, P.RIGHT_SHOULDER]]
    rows[_NECK] = np.append(shoulders[:, :3].mean(0), shoulders[:, 3].min())
    table = np.stack(rows)
    return table[:, :2], table[:, 3] >= SEEN


def _draw_body(canvas: Bytes, places: Floats, seen: npt.NDArray[np.bool_], unit: float) -> None:
    colours = [_hue(index / len(_JOINTS)) for index in range(len(_JOINTS))]
    for (start, end), colour in zip(_LIMBS, colours, strict=False):
        if seen[start] and seen[end]:
            dimmed = tuple(round(_LIMB_SHARE * value) for value in colour)
            _limb(canvas, places[start], places[end], 4 * unit, dimmed)
    for place, colour, there in zip(places, colours, seen, strict=True):
        if there:
            _dot(canvas, place, 4 * unit, colour)


def _draw_hand(canvas: Bytes, points: Floats, unit: float) -> None:
    for index, (start, end) in enumerate(_BONES):
        colour, thickness = _hue(index / len(_BONES)), max(1, round(2 * unit))
        cv2.line(canvas, _fixed(points[start]), _fixed(points[end]), colour, thickness, cv2.LINE_AA, _SHIFT)
    for point in points:
        _dot(canvas, point, 2 * unit, _JOINT_OF_HAND)


def _limb(canvas: Bytes, start: Floats, end: Floats, half_width: float, colour: tuple[int, ...]) -> None:
    """An ellipse as long as the limb."""
    along = end - start
    axes = (round(float(np.hypot(*along)) / 2 * 2**_SHIFT), round(half_width * 2**_SHIFT))
    angle = float(np.degrees(np.arctan2(along[1], along[0])))
    middle = _fixed((start + end) / 2)
    cv2.ellipse(canvas, middle, axes, angle, 0, 360, colour, cv2.FILLED, cv2.LINE_AA, _SHIFT)


def _dot(canvas: Bytes, place: Floats, radius: float, colour: tuple[int, ...]) -> None:
    cv2.circle(
        canvas, _fixed(place), round(max(radius, 1.0) * 2**_SHIFT), colour, cv2.FILLED, cv2.LINE_AA, _SHIFT
    )


def _fixed(place: Floats) -> tuple[int, int]:
    """OpenCV's pixel centres are whole numbers, ours end in a half."""
    x, y = np.round((np.asarray(place) - 0.5) * 2**_SHIFT)
    return int(x), int(y)


def _hue(turn: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(turn, 1.0, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)
