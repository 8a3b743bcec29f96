"""How far a fitted body is from the true one, on renders of random people whose pose and shape are known."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from benchmarks.people import Person, person
from bridge.body.fitter import measured
from bridge.body.linear import LinearBody
from bridge.body.skeleton import JOINTS
from bridge.contracts import BodyPoint
from bridge.triton.local import LocalModels
from bridge.triton.model import Arrays

Floats = npt.NDArray[np.float32]

SIZE = (1024, 768)
"""Height and width of the renders [px]."""
NOISE = 1.0
"""How far perception's landmarks are off [px]; their depth by 2 cm."""
MEASURES = ("chest", "waist", "hip", "inseam", "height")


class BodyError(TypedDict):
    """One person's errors; both bodies are moved so that the middle of their hips is one."""

    seed: int
    pve_mm: float
    """Mean distance of the vertices."""

    mpjpe_mm: float
    """Mean distance of twelve joints: shoulders, elbows, wrists, hips, knees, ankles."""

    silhouette_iou: float
    measures_cm: dict[str, float]
    """Found less true: chest, waist, hip, inseam, height."""

    seconds: float


class Mean(TypedDict):
    """Means over the people; of the measures, of their absolute errors."""

    pve_mm: float
    mpjpe_mm: float
    silhouette_iou: float
    measures_cm: dict[str, float]
    seconds: float


def errors(models: LocalModels, body: LinearBody, people: int, say: Callable[[str], None]) -> list[BodyError]:
    """Fit ``people`` random persons whose height is given, and compare."""
    found = []
    for seed in range(people):
        say(f"body {seed + 1} of {people}")
        one = person(body, seed, NOISE, SIZE)
        fitted = models["fit_body"](**inputs(one))
        found.append(error(body, one, seed, fitted, models.seconds["fit_body"]))
    return found


def inputs(one: Person) -> Arrays:
    """Return what ``fit_body`` is asked."""
    return {
        "keypoints": one.keypoints,
        "world": one.world,
        "matte": one.matte,
        "labels": one.labels,
        "height": np.array([round(1000 * one.height)], np.int32),
    }


def error(body: LinearBody, one: Person, seed: int, fitted: Arrays, seconds: float) -> BodyError:
    """Compare a fitted body with the true one."""
    report = json.loads(fitted["body_report"][0])
    true = one.vertices[0].numpy()
    marks = body.landmarks.numpy()
    (skin, joints), (true_skin, true_joints) = (
        _from_the_hips(vertices, marks @ vertices) for vertices in (fitted["body_motion"][-1], true)
    )
    sizes = measured(body, one.state.shape)
    return BodyError(
        seed=seed,
        pve_mm=_apart(skin, true_skin),
        mpjpe_mm=_apart(joints, true_joints),
        silhouette_iou=report["silhouette_iou"],
        measures_cm={name: round(report["measurements_cm"][name] - sizes[name], 1) for name in MEASURES},
        seconds=round(seconds, 3),
    )


def mean(rows: Sequence[BodyError]) -> Mean:
    """Return the means."""
    return Mean(
        pve_mm=round(statistics.fmean(row["pve_mm"] for row in rows), 1),
        mpjpe_mm=round(statistics.fmean(row["mpjpe_mm"] for row in rows), 1),
        silhouette_iou=round(statistics.fmean(row["silhouette_iou"] for row in rows), 3),
        measures_cm={
            name: round(statistics.fmean(abs(row["measures_cm"][name]) for row in rows), 1)
            for name in MEASURES
        },
        seconds=round(statistics.median(row["seconds"] for row in rows), 3),
    )


def _from_the_hips(
    vertices: Floats,
    landmarks: Floats,
) -> tuple[Floats, Floats]:
    """Return vertices and JOINTS from the middle of the hips."""
    root = landmarks[[BodyPoint.LEFT_HIP, BodyPoint.RIGHT_HIP]].mean(axis=0)
    return vertices - root, landmarks[JOINTS] - root


def _apart(one: Floats, other: Floats) -> float:
    """Return the mean distance [mm]."""
    return round(1000 * float(np.linalg.norm(one - other, axis=1).mean()), 1)
