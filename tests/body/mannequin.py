"""A file as SMPL-X's licence-holders give it, of a body that we made: tubes along the joints, in the true sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bridge.body.smplx import FACES, JOINTS, VERTICES

Arrays = dict[str, np.ndarray]  # type: ignore[type-arg]  # of many types

PARENTS = np.array([
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 15, 15, 15,
    20, 25, 26, 20, 28, 29, 20, 31, 32, 20, 34, 35, 20, 37, 38,
    21, 40, 41, 21, 43, 44, 21, 46, 47, 21, 49, 50, 21, 52, 53,
])  # fmt: skip
_MIDDLE = {0: (0, 0, 0), 3: (0, 0.12, -0.02), 6: (0, 0.25, 0), 9: (0, 0.31, 0.02), 12: (0, 0.52, -0.02),
           15: (0, 0.6, 0.02), 22: (0, 0.59, 0.05)}  # fmt: skip
_LEFT = {1: (0.07, -0.09, 0), 4: (0.1, -0.48, 0), 7: (0.09, -0.9, -0.03), 10: (0.12, -0.96, 0.09),
         13: (0.05, 0.43, 0), 16: (0.17, 0.46, -0.01), 18: (0.43, 0.45, -0.03), 20: (0.68, 0.45, -0.03),
         23: (0.03, 0.65, 0.08)}  # fmt: skip
_MARKS = {9120: (0, 0.63, 0.12), 9448: (0.03, 0.66, 0.1), 9929: (-0.03, 0.66, 0.1), 6: (0.07, 0.64, 0.02),
          616: (-0.07, 0.64, 0.02), 8846: (0.09, -0.97, -0.07), 8635: (-0.09, -0.97, -0.07),
          5770: (0.13, -0.97, 0.15), 8463: (-0.13, -0.97, 0.15)}  # fmt: skip
_MARKED_BY = {9120: 15, 9448: 15, 9929: 15, 6: 15, 616: 15, 8846: 7, 8635: 8, 5770: 10, 8463: 11}
_RADIUS = {1: 0.09, 2: 0.09, 3: 0.13, 4: 0.08, 5: 0.08, 6: 0.13, 7: 0.05, 8: 0.05, 9: 0.14, 12: 0.1, 15: 0.06,
           13: 0.08, 14: 0.08, 16: 0.07, 17: 0.07, 18: 0.045, 19: 0.045, 20: 0.035, 21: 0.035}  # fmt: skip
_RINGS, _AROUND = 16, 12


def joints() -> np.ndarray:  # type: ignore[type-arg]
    """The joints [55, 3] of a T-pose [m]; x to the left, y up, z forward."""
    places = np.zeros((JOINTS, 3))
    for joint, place in _MIDDLE.items():
        places[joint] = place
    for joint, place in _LEFT.items():
        places[joint], places[joint + 1] = place, place * np.array((-1, 1, 1))
    for finger, aside in enumerate((0.03, 0.01, -0.03, -0.01, 0.05)):
        for bone in range(3):
            place = np.array((0.76 + 0.03 * bone, 0.45, aside - 0.03))
            places[25 + 3 * finger + bone], places[40 + 3 * finger + bone] = place, place * (-1, 1, 1)
    return places


def model(seed: int = 0) -> Arrays:
    """All that is read of the file, and what ``smplx`` reads besides."""
    rng, places = np.random.default_rng(seed), joints()
    vertices, faces, weights, regressor = _tubes(places)
    waves = np.sin(vertices @ rng.normal(0, 4, (3, 60)) + rng.uniform(0, 6, 60)).reshape(VERTICES, 3, 20)
    shapes = 0.004 * waves
    shapes[..., 0] = 0.03 * vertices  # how large
    return {
        "v_template": vertices + np.array((0.01, -0.3, 0.02)),  # the pelvis is not at the origin
        "shapedirs": np.concatenate([shapes, np.zeros((VERTICES, 3, 380))], axis=2, dtype=np.float32),
        "posedirs": 0.002 * rng.standard_normal((VERTICES, 3, 9 * (JOINTS - 1)), np.float32),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": np.stack([PARENTS % 2**32, np.arange(JOINTS)]),
        "f": faces.astype(np.uint32),
        "vt": rng.uniform(0, 1, (11313, 2)),
        "ft": rng.integers(0, 11313, (FACES, 3)),
        "hands_componentsl": np.eye(45), "hands_componentsr": np.eye(45),
        "hands_meanl": np.zeros(45), "hands_meanr": np.zeros(45),
        "lmk_faces_idx": np.zeros(51, np.int64), "lmk_bary_coords": np.full((51, 3), 1 / 3),
        "joint2num": np.array({"Pelvis": 0}, dtype=object),  # the true file has pickled ones too
    }  # fmt: skip


def saved(folder: Path, arrays: Arrays) -> Path:
    """Write a model as the true file is written."""
    path = folder / "SMPLX_NEUTRAL.npz"
    np.savez(path, **arrays)
    return path


def _tubes(places: np.ndarray) -> tuple[np.ndarray, ...]:  # type: ignore[type-arg]
    """A tube from each joint's parent to it, held by the parent, and by the joint at its end."""
    vertices = np.tile(places[15], (VERTICES, 1))
    weights, regressor = np.zeros((VERTICES, JOINTS)), np.zeros((JOINTS, VERTICES))
    weights[:, 15] = 1
    free = np.setdiff1d(np.arange(VERTICES), list(_MARKS))
    faces = list[tuple[int, int, int]]()
    for joint in range(1, JOINTS):
        rings = free[(joint - 1) * _RINGS * _AROUND :][: _RINGS * _AROUND].reshape(_RINGS, _AROUND)
        share = np.linspace(0, 1, _RINGS)[:, None]
        vertices[rings] = _tube(places[PARENTS[joint]], places[joint], _RADIUS.get(joint, 0.01))
        weights[rings] = 0
        weights[rings, joint] = 0.5 * np.clip(share * 2 - 1, 0, 1)
        weights[rings, PARENTS[joint]] = 1 - weights[rings, joint]
        regressor[joint, rings[-1]] = 1 / _AROUND
        if PARENTS[joint] == 0:
            regressor[0, rings[0]] = 1 / _AROUND / 3
        faces += _strip(rings)
    for vertex, place in _MARKS.items():
        vertices[vertex], weights[vertex] = place, np.eye(JOINTS)[_MARKED_BY[vertex]]
    return vertices, np.array(faces + faces[: FACES - len(faces)]), weights, regressor


def _tube(start: np.ndarray, end: np.ndarray, radius: float) -> np.ndarray:  # type: ignore[type-arg]
    along = (end - start) / np.linalg.norm(end - start)
    first = np.cross(along, (0.3, 0.2, 1.0))
    first /= np.linalg.norm(first)
    angle = np.arange(_AROUND) * 2 * np.pi / _AROUND
    ring = np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * np.cross(along, first)
    return start + np.linspace(0, 1, _RINGS)[:, None, None] * (end - start) + radius * ring


def _strip(rings: np.ndarray) -> list[tuple[int, int, int]]:  # type: ignore[type-arg]
    low, high = rings[:-1], rings[1:]
    next_low, next_high = np.roll(low, -1, 1), np.roll(high, -1, 1)
    triangles = np.concatenate([
        np.stack([low, next_low, next_high], -1).reshape(-1, 3), np.stack([low, next_high, high], -1).reshape(-1, 3)
    ])  # fmt: skip
    return [(int(a), int(b), int(c)) for a, b, c in triangles]
