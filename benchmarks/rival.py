"""The same cloth in another solver, beside ours: same masses, edges, start, body and motion; same measures."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TypedDict

import numpy as np

from benchmarks.first_answer import load
from bridge.cloth.draper import material_of, resampled
from bridge.cloth.dressing import put_on, size
from bridge.cloth.fit import deepest, strains
from bridge.cloth.grading import graded
from bridge.cloth.pattern import cloth_of, sew
from bridge.cloth.solver import Surface
from bridge.cloth.wearer import Flat, Wearer
from bridge.contracts import Category, Panel
from bridge.errors import InternalError
from bridge.triton.model import Arrays

SCRIPT = Path(__file__).with_name("newton_cloth.py")
FALLS = ((7, 20.0), (None, 5.0), (9, 12.0))
"""Frames in which the garment falls onto the A-pose, follows the body, and comes to rest, each with the drag of the
air [1/s]: our own solver's. None: as many as the motion has."""
SECONDS = 570
"""How long the rival may take."""


class Fallen(TypedDict):
    """How a garment lies."""

    solver: str
    seconds: float
    mean_strain: float
    largest_strain: float
    deepest_penetration_mm: float


def newton(known: Arrays, python: Path, folder: Path) -> Fallen:
    """Drape the garment in newton and measure it as ours is.

    Args:
        known: everything that ``drape`` is given.
        python: an interpreter that has newton: ``pip install newton`` into an environment of its own.
        folder: where the cloth goes for the script, and its answer.

    Raises:
        InternalError: newton isn't there, or its simulation did not end; with what it said last.
    """
    garment = flat(known)
    wearer = Wearer.of(known["body_motion"][0], known["body_parts"], known["body_landmarks"][0])
    sewn = sew(len(garment.vertices), garment.seams)
    rest = graded(garment, wearer, size(garment, wearer))
    material = material_of(known["garment_fabric"][0])
    cloth = cloth_of(rest, garment.faces, sewn, material)
    path = resampled((known["body_motion"] - wearer.origin).astype(np.float32))
    frames = [len(path) - 1 if count is None else count for count, _ in FALLS]
    motion = np.concatenate([np.repeat(path[:1], frames[0], 0), path, np.repeat(path[-1:], frames[2], 0)])
    np.savez(
        folder / "cloth.npz",
        positions=(put_on(garment, wearer) - wearer.origin)[sewn.first].astype(np.float32),
        inverse_masses=cloth.inverse_masses, edges=cloth.edges, rest=cloth.rest,
        edge_compliance=cloth.edge_compliance, hinges=cloth.hinges, bending=material.bending,
        thickness=material.thickness, friction=material.friction, faces=known["body_faces"], motion=motion,
        drag=np.repeat([drag for _, drag in FALLS], frames),
    )  # fmt: skip
    answer = _run(python, folder)
    worn = answer["worn"].astype(np.float32)
    strain = strains(rest, worn[sewn.vertex_of], garment.faces)
    surface = Surface.of(known["body_faces"], path.shape[1])
    depth, _ = deepest(worn, cloth, path[-1], surface)
    return Fallen(
        solver=f"newton {answer['version']} XPBD",
        seconds=round(float(answer["seconds"]), 2),
        mean_strain=round(float(strain.mean()), 5),
        largest_strain=round(float(strain.max()), 4),
        deepest_penetration_mm=round(1e3 * depth, 3),
    )


def flat(known: Arrays) -> Flat:
    """Return the garment's panels as the cloth works with them."""
    return Flat(
        vertices=known["garment_vertices"].astype(np.float64),
        faces=known["garment_faces"],
        back=known["garment_panels"] == Panel.BACK,
        regions=known["garment_regions"],
        seams=known["garment_seams"],
        points=known["garment_points"].astype(np.float64),
        category=Category(known["garment_category"][0].decode()),
    )


def _run(python: Path, folder: Path) -> Arrays:
    command = [str(python), "-P", str(SCRIPT), str(folder / "cloth.npz"), str(folder / "worn.npz")]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS)  # noqa: S603 - the user's own interpreter, our script
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines()[-1:] or ["nothing"]
        raise InternalError(
            f"newton did not drape the garment: {said[0]} (pip install newton, in an environment of its own.)"
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InternalError(f"newton did not drape the garment: {error}.") from None
    return load(folder / "worn.npz")
