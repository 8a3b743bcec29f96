"""SMPL-X (Pavlakos et al., *Expressive Body Capture*, 2019) as a linear body, from the user's own model file.

The file is licensed by the Max Planck Institute (https://smpl-x.is.tue.mpg.de) and never part of this project. Its 55
joints become our twenty bones: jaw, eyes, fingers and toes stay at rest with the bone that carries them, which is
exact for a closed mouth and flat hands. Its pose-dependent correctives are kept.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bridge.body.linear import LinearBody
from bridge.body.skeleton import BONES, part_of
from bridge.contracts import BodyPoint
from bridge.errors import ArtifactCorrupt, ArtifactMissing
from bridge.registry import smplx_fault

Floats = npt.NDArray[np.float64]
Arrays = Mapping[str, npt.NDArray[np.generic]]

SHAPES = 10
"""How many numbers of shape are used: the first, in which people differ most; each is a standard normal."""
VERTICES, FACES, JOINTS = 10475, 20908, 55
_SHAPES: Mapping[str, tuple[int, ...]] = {
    "v_template": (VERTICES, 3),
    "shapedirs": (VERTICES, 3, -1),
    "posedirs": (VERTICES, 3, 9 * (JOINTS - 1)),
    "J_regressor": (JOINTS, VERTICES),
    "weights": (VERTICES, JOINTS),
    "kintree_table": (2, JOINTS),
    "f": (FACES, 3),
}
"""What is read of the file; -1 is any number. Texture coordinates, ``vt`` and ``ft``, are in some releases only."""
_SUM_ERROR = 0.01
"""How far shares may be from summing to 1: they are rounded in some releases."""
_STATURE = (1.0, 2.5)
"""Between what a mean adult's height is [m]; files in other units are not."""
_LEFT_FINGERS, _RIGHT_FINGERS = range(25, 40), range(40, 55)
_PARENTS = (
    *(0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 15, 15, 15),
    *(20 if i % 3 == 0 else joint - 1 for i, joint in enumerate(_LEFT_FINGERS)),
    *(21 if i % 3 == 0 else joint - 1 for i, joint in enumerate(_RIGHT_FINGERS)),
)
"""The parent of each joint but the pelvis: by it the order of the joints is recognised."""
_JOINT: Mapping[str, int] = {
    "pelvis": 0, "left_hip": 1, "right_hip": 2, "spine1": 3, "left_knee": 4, "right_knee": 5, "spine2": 6,
    "left_ankle": 7, "right_ankle": 8, "spine3": 9, "neck": 12, "left_clavicle": 13, "right_clavicle": 14, "head": 15,
    "left_shoulder": 16, "right_shoulder": 17, "left_elbow": 18, "right_elbow": 19, "left_wrist": 20, "right_wrist": 21,
}  # fmt: skip
"""The joint of each bone; those that are not named go with the joint that carries them."""
_VERTEX: Mapping[BodyPoint, int] = {
    BodyPoint.NOSE: 9120,
    BodyPoint.LEFT_EYE: 9448,
    BodyPoint.RIGHT_EYE: 9929,
    BodyPoint.LEFT_EAR: 6,
    BodyPoint.RIGHT_EAR: 616,
    BodyPoint.LEFT_HEEL: 8846,
    BodyPoint.RIGHT_HEEL: 8635,
    BodyPoint.LEFT_FOOT_INDEX: 5770,
    BodyPoint.RIGHT_FOOT_INDEX: 8463,
}
"""The vertices at landmarks, as the ``smplx`` package names them (``vertex_ids.py``)."""
_REGRESSED: Mapping[str, int] = {
    "LEFT_INDEX": 25, "LEFT_PINKY": 31, "LEFT_THUMB": 38, "RIGHT_INDEX": 40, "RIGHT_PINKY": 46, "RIGHT_THUMB": 53,
}  # fmt: skip
"""The joints at BlazePose's landmarks of the hand, which are knuckles, not tips."""
_HANGING = np.pi / 4
"""How far below the horizontal the upper arms of an A-pose hang [rad]."""


def load_smplx(path: Path) -> LinearBody:
    """Return the body that an SMPL-X model file describes; nothing of the file is unpickled.

    Raises:
        ArtifactMissing: there is no such file.
        ArtifactCorrupt: it is not SMPL-X's, or broken.
    """
    if fault := smplx_fault(path):
        raise ArtifactMissing(fault)
    return LinearBody.of("smplx", _merged(_read(path)))


def _read(path: Path) -> Arrays:
    """Return the arrays that are used, of proven shape."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            if lacking := _SHAPES.keys() - file.keys():
                raise ArtifactCorrupt(f"{path} lacks {', '.join(sorted(lacking))}; {_EXPECTED}")
            names = [*_SHAPES, *(name for name in ("vt", "ft") if name in file)]
            arrays = {name: np.asarray(file[name]) for name in names}
    except (ValueError, TypeError) as wrong:  # pickled inside; no archive of arrays
        raise ArtifactCorrupt(f"{path} would have to be unpickled or is no npz file; {_EXPECTED}") from wrong
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as wrong:
        raise ArtifactCorrupt(f"{path} can't be read: {wrong}; {_EXPECTED}") from wrong
    if fault := next(_faults(arrays), None):
        raise ArtifactCorrupt(f"{path}: {fault}; {_EXPECTED}")
    return arrays


_EXPECTED = "SMPLX_NEUTRAL.npz of SMPL-X v1.1 is expected, as https://smpl-x.is.tue.mpg.de gives it"


def _faults(arrays: Arrays) -> Iterator[str]:
    """Tell what an SMPL-X model doesn't look like."""
    for name, shape in _SHAPES.items():
        array = arrays[name]
        fits = len(array.shape) == len(shape) and all(
            b in (-1, a) for a, b in zip(array.shape, shape, strict=True)
        )
        if not fits or array.dtype.kind not in "fiu":
            wanted = " x ".join("n" if size < 0 else str(size) for size in shape)
            yield f"{name} is {array.dtype} {list(array.shape)}, not numbers {wanted}"
        elif not np.isfinite(array).all():
            yield f"{name} has values that are not finite"
    if arrays["shapedirs"].shape[2] < SHAPES:
        yield f"shapedirs has fewer than {SHAPES} numbers of shape"
    if tuple(arrays["kintree_table"][0, 1:].tolist()) != _PARENTS:
        yield "kintree_table has other joints"
    if arrays["f"].min() < 0 or arrays["f"].max() >= VERTICES:
        yield "f names vertices that don't exist"
    for name in ("weights", "J_regressor"):
        if np.abs(arrays[name].sum(axis=1) - 1).max() > _SUM_ERROR:
            yield f"{name} has rows that don't sum to 1"
    if not _STATURE[0] < (tall := float(np.ptp(arrays["v_template"][:, 1]))) < _STATURE[1]:
        yield f"v_template is {tall:g} m tall, not a person's height"


def _merged(file: Arrays) -> dict[str, npt.NDArray[np.generic]]:
    """Return the arrays of :class:`bridge.body.linear.LinearBody`."""
    regressor = file["J_regressor"].astype(np.float64)
    own = [_JOINT[bone] for bone in BONES]
    template = file["v_template"].astype(np.float64)
    directions = file["shapedirs"][..., :SHAPES].astype(np.float64)
    # around the pelvis, whatever the shape
    template = template - regressor[0] @ template
    directions = directions - np.einsum("v,vcs->cs", regressor[0], directions)
    heads = regressor[own] @ template
    weights = file["weights"].astype(np.float64) @ np.eye(len(BONES))[_carriers()]
    arrays = {
        "template": template,
        "directions": directions,
        "heads": heads,
        "head_directions": np.einsum("jv,vcs->jcs", regressor[own], directions),
        "weights": weights,
        "landmarks": _landmarks(regressor),
        "a_pose": _a_pose(heads),
        "correctives": file["posedirs"].reshape(VERTICES, 3, JOINTS - 1, 9)[:, :, np.array(own[1:]) - 1],
        "uv": _texture_coordinates(file),
    }
    arrays["correctives"] = arrays["correctives"].reshape(VERTICES, 3, -1)
    parts = np.array([part_of(bone) for bone in BONES], np.uint8)
    return {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()} | {
        "faces": file["f"].astype(np.int32),
        "parts": parts[weights.argmax(axis=1)],
    }


def _carriers() -> list[int]:
    """Return for each joint the index of the bone that it moves with, [55]."""
    bone_of = {joint: BONES.index(bone) for bone, joint in _JOINT.items()}
    carriers = [0]
    for joint, parent in enumerate(_PARENTS, 1):
        carriers.append(bone_of.get(joint, carriers[parent]))
    return carriers


def _landmarks(regressor: Floats) -> Floats:
    """Return the BodyPoint landmarks as sums of vertices [33, V]."""
    found = np.zeros((len(BodyPoint), VERTICES))
    for point, vertex in _VERTEX.items():
        found[point, vertex] = 1
    for side in ("LEFT", "RIGHT"):
        for corner in ("INNER", "OUTER"):  # the eye stands for its corners
            found[BodyPoint[f"{side}_EYE_{corner}"]] = found[BodyPoint[f"{side}_EYE"]]
    joints = {**{name.upper(): joint for name, joint in _JOINT.items()}, **_REGRESSED}
    for point in BodyPoint:
        if point.name in joints:
            found[point] = regressor[joints[point.name]]
    nose, eyes = found[BodyPoint.NOSE], (found[BodyPoint.LEFT_EYE], found[BodyPoint.RIGHT_EYE])
    for point, sign in ((BodyPoint.MOUTH_LEFT, 0.4), (BodyPoint.MOUTH_RIGHT, -0.4)):
        # by the face's proportions: below the nose what the nose is below the eyes, four fifths as wide as they
        found[point] = nose + 0.9 * (nose - (eyes[0] + eyes[1]) / 2) + sign * (eyes[0] - eyes[1])
    return found


def _a_pose(heads: Floats) -> Floats:
    """Return the rotation vectors [20, 3] that let the upper arms hang; SMPL-X rests with arms held out."""
    turns = np.zeros((len(BONES), 3))
    for shoulder, elbow, side in (("left_shoulder", "left_elbow", 1), ("right_shoulder", "right_elbow", -1)):
        across, up, _ = heads[BONES.index(elbow)] - heads[BONES.index(shoulder)]
        turns[BONES.index(shoulder), 2] = -side * (_HANGING + np.arctan2(up, side * across))
    return turns


def _texture_coordinates(file: Arrays) -> Floats:
    """Return the texture coordinates of the triangles' corners [F, 3, 2]; zeros where the file has none that fit."""
    places, corners = (file.get(name, np.zeros((0, 0), np.int64)) for name in ("vt", "ft"))
    indices = corners.shape == (FACES, 3) and corners.dtype.kind in "iu"
    points = places.shape[1:] == (2,) and places.dtype.kind == "f" and np.isfinite(places).all()
    if not (indices and points) or corners.min() < 0 or corners.max() >= len(places):
        return np.zeros((FACES, 3, 2))
    return places.astype(np.float64)[corners.astype(np.int64)]
