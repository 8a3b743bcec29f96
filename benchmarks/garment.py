"""A garment's photo as files: its sewing pattern with texture, and the garment as it hangs on a person."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tryon import Request
from bridge.cloth.fabric import materials
from bridge.cloth.files import drape_files
from bridge.contracts import Category, Expert, Fabric
from bridge.garment.mesh.asset import Shown, garment_files
from bridge.triton.model import Arrays, Models

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a garment; pictures are encoded bytes.

    Attributes:
        front: its photo from the front.
        back: its photo from behind; None: the back looks like the front, mirrored.
        person: a photo of who wears it; None: it is not draped.
        category: what it is; auto: as its photo tells.
        fabric: what it is made of; auto: as its photo tells.
        height: the person's [mm]; 0: unknown.
        size: height and width of a texture [px].
    """

    front: bytes
    back: bytes | None = None
    person: bytes | None = None
    category: Category = Category.AUTO
    fabric: Fabric = Fabric.AUTO
    height: int = 0
    size: int = 2048


def run(models: Models, wanted: Wanted, out: Path, *, say: Say) -> dict[str, Any]:
    """Write what is known of a garment.

    Args:
        models: ``decode``, ``garment``, ``garment_mesh``, and for a person ``tryon_basic_stages``.
        wanted: the photos, and what is known beside them.
        out: the folder that gets the files.
        say: hears one line per step.

    Returns:
        The report of ``garment_mesh``, and under ``drape`` that of ``drape`` where there is a person.

    Raises:
        VfrError: a photo can't be used, or the garment can't be cut into panels or draped on this person.
    """
    say("Cutting the garment into panels.")
    front = _seen(models, wanted.front, wanted.category)
    mesh = {**front, **models["garment_mesh"](**front, fabric=_text(wanted.fabric.value))}
    back = None if wanted.back is None else _shown(_seen(models, wanted.back, wanted.category))
    thickness = materials()[Fabric(mesh["garment_fabric"][0].decode())].thickness
    files = garment_files(mesh, _shown(front), back, thickness=thickness, size=wanted.size)
    report: dict[str, Any] = json.loads(mesh["mesh_report"][0])
    if wanted.person is not None:
        say("Draping it on the person.")
        draped = _draped(models, wanted, wanted.person)
        files |= drape_files(draped, front["garment_image"].shape)
        report["drape"] = json.loads(draped["drape_report"][0])
    out.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (out / name).write_bytes(data)
    return report


def _seen(models: Models, photo: bytes, category: Category) -> Arrays:
    image = models["decode"](photo=np.array([photo], np.object_))["image"]
    return {
        "garment_image": image,
        **models["garment"](garment_image=image, category=_text(category.value)),
    }


def _shown(seen: Arrays) -> Shown:
    """Return the garment's outer side."""
    outer = np.where(seen["garment_inside"] < 128, seen["garment_mask"], np.uint8(0))
    return Shown(seen["garment_image"], outer)


def _draped(models: Models, wanted: Wanted, person: bytes) -> Arrays:
    """Return what :func:`drape_files` reads, of a whole try-on."""
    asked = Request(person, wanted.front, wanted.category, expert=Expert.DRAPE).arrays()
    known = {"height": np.array([wanted.height], np.int32), "fabric": _text(wanted.fabric.value)}
    stages = models["tryon_basic_stages"](**asked, **known)
    report = json.loads(stages["report"][0])["route"]["drape"]
    return {**stages, "drape_report": _text(json.dumps(report))}


def _text(word: str) -> np.ndarray[Any, np.dtype[np.object_]]:
    return np.array([word.encode()], np.object_)
