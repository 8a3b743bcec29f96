"""The bones that a fit moves: the same twenty for every body model, whatever finer bones its data has."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.contracts import BodyPart, BodyPoint

PARENT: Mapping[str, str | None] = {
    "pelvis": None,
    "left_hip": "pelvis",
    "left_knee": "left_hip",
    "left_ankle": "left_knee",
    "right_hip": "pelvis",
    "right_knee": "right_hip",
    "right_ankle": "right_knee",
    "spine1": "pelvis",
    "spine2": "spine1",
    "spine3": "spine2",
    "left_clavicle": "spine3",
    "left_shoulder": "left_clavicle",
    "left_elbow": "left_shoulder",
    "left_wrist": "left_elbow",
    "right_clavicle": "spine3",
    "right_shoulder": "right_clavicle",
    "right_elbow": "right_shoulder",
    "right_wrist": "right_elbow",
    "neck": "spine3",
    "head": "neck",
}
"""Each bone, named by the joint at its head, and the bone that carries it; parents first."""

BONES = tuple(PARENT)
PARENTS = tuple(BONES.index(parent) if parent else -1 for parent in PARENT.values())
"""The index of each bone's parent; -1 for the pelvis."""

JOINTS = [
    point
    for point in BodyPoint
    if point.name.endswith(("SHOULDER", "ELBOW", "WRIST", "HIP", "KNEE", "ANKLE"))
]
"""The twelve landmarks that are joints of arms and legs; what BlazePose says of their depth can be used."""

_PARTS = {
    "pelvis": BodyPart.TORSO,
    "hip": BodyPart.LEFT_THIGH,
    "knee": BodyPart.LEFT_CALF,
    "ankle": BodyPart.LEFT_FOOT,
    "spine1": BodyPart.TORSO,
    "spine2": BodyPart.TORSO,
    "spine3": BodyPart.TORSO,
    "clavicle": BodyPart.TORSO,
    "shoulder": BodyPart.LEFT_UPPER_ARM,
    "elbow": BodyPart.LEFT_FOREARM,
    "wrist": BodyPart.LEFT_HAND,
    "neck": BodyPart.NECK,
    "head": BodyPart.HEAD,
}


def part_of(bone: str) -> BodyPart:
    """Return the part of the body that a bone moves."""
    part = _PARTS[bone.removeprefix("left_").removeprefix("right_")]
    return BodyPart(part + 1) if bone.startswith("right_") and part is not BodyPart.TORSO else part
