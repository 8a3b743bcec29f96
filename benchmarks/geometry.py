"""The third dimension measured: how quick fit, mesh, drape and drawing are, and how true body and cloth.

It needs no research photo: the people are rendered, and the garments drawn, so the truth about them is known.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict

import numpy as np

from benchmarks import known_bodies, origin
from benchmarks.dressed import garment_view
from benchmarks.first_answer import seconds_to_answer
from benchmarks.known_bodies import BodyError, Mean
from benchmarks.people import person
from benchmarks.rival import flat
from benchmarks.rival import newton as newton_drape
from bridge.body.linear import LinearBody
from bridge.cloth.draper import Fallen, fallen, material_of
from bridge.cloth.refine import refined
from bridge.cloth.wearer import Wearer
from bridge.contracts import CONTRACTS, SPLAT, Category
from bridge.errors import InternalError
from bridge.garment.drawing.wardrobe import Kind
from bridge.garment.drawn import draw_garment
from bridge.splat.gaussians import scales
from bridge.splat.renderer import Renderer
from bridge.splat.surface import Camera
from bridge.triton.local import LocalModels
from bridge.triton.model import Array, Arrays

Say = Callable[[str], None]
GARMENTS: tuple[Kind, ...] = ("tee", "sweater", "tank", "dress", "trousers", "skirt")
"""What is draped; the first one is what the clock is held against."""
CHAIN = ("fit_body", "garment_mesh", "splat")
STARTED = ("fit_body", "drape", "splat")
"""Models whose start is measured: they load a body, or compile their loops."""
STARTS = 2
"""How often each is started: the first start may have to compile."""
WITHOUT = (
    "Not beside newton: pip install newton into an environment of its own and name its Python by --newton."
)
WEARER = 1
"""The seed of the rendered person who wears the garments: the first whose arms don't run through the trunk."""


class Figure(TypedDict):
    """A time beside what was expected of it."""

    measured: float
    """Median."""

    least: float
    """Of the runs; on a shared machine it is the better estimate of what the work costs."""

    expected: float
    """The most that was hoped for."""

    unit: str


class Draped(TypedDict):
    """How one garment lies."""

    solver: str
    garment: str
    vertices: int
    seconds: float
    converged: bool | None
    """By the drape's own report; None: the solver has none."""

    mean_strain: float
    largest_strain: float
    deepest_penetration_mm: float


class Geometry(TypedDict):
    """What was measured."""

    machine: origin.Machine
    commit: str
    speed: dict[str, Figure]
    bodies: list[BodyError]
    bodies_mean: Mean
    drapes: list[Draped]
    notes: list[str]
    """What could not be measured, and why."""

    runs: int


@dataclass(frozen=True)
class Pictures:
    """Photos to be used instead of a rendered person and drawn garments."""

    person: Path | None = None
    garment: Path | None = None


def run(pictures: Pictures, *, people: int, runs: int, newton: Path | None = None, say: Say) -> Geometry:
    """Measure everything.

    Args:
        pictures: photos to be used instead of what is rendered and drawn.
        people: how many rendered people are fitted.
        runs: how often each time is taken, after a first time that does not count.
        newton: a Python that has newton, in which the first garment is draped too.
        say: hears one line per step.

    Raises:
        VfrError: a given photo can't be used, or the garment can't be draped on the person.
    """
    from bridge.body.load import load_body

    models, body, machine = LocalModels(), load_body(), origin.machine()
    wearer = worn_by(models, body, pictures.person)
    drapes, known = _drapes(models, wearer, pictures, runs, say)
    speed = _speed(models, known, runs, say) | _starts(known, say)
    rival, notes = _beside(known, drapes[0], newton, say)
    bodies = known_bodies.errors(models, body, people, say)
    return Geometry(
        machine=machine, commit=origin.commit(), speed=speed, bodies=bodies, bodies_mean=known_bodies.mean(bodies),
        drapes=[*drapes, *rival], notes=notes, runs=runs,
    )  # fmt: skip


def worn_by(models: LocalModels, body: LinearBody, photo: Path | None) -> dict[str, Array]:
    """Return what perception says of the person: a photo's, or a rendered one's."""
    if photo is None:
        known = dict(known_bodies.inputs(person(body, WEARER, known_bodies.NOISE, known_bodies.SIZE)))
    else:
        sent = np.array([photo.read_bytes()], np.object_)
        known = {**models["perception"](photo=sent), "height": np.zeros(1, np.int32)}
    return known | dict(models["fit_body"](**known))


def garment_of(kind: Kind) -> dict[str, Array]:
    """Return what is true of a drawn garment, as ``garment`` would say it."""
    picture, truth = draw_garment(kind)
    return {
        "garment_image": picture,
        "garment_category": np.array([truth.category.value.encode()], np.object_),
        "garment_mask": truth.mask,
        "garment_inside": truth.inside,
        "garment_points": truth.points,
        "fabric": np.array([b"knit"], np.object_),
    }


def garment_in(models: LocalModels, photo: Path) -> dict[str, Array]:
    """Return what ``garment`` says of a photo."""
    image = models["decode"](photo=np.array([photo.read_bytes()], np.object_))["image"]
    category = np.array([Category.AUTO.value.encode()], np.object_)
    found = models["garment"](garment_image=image, category=category)
    return {"garment_image": image, **found, "fabric": np.array([b"auto"], np.object_)}


def asked(models: LocalModels, name: str, known: Mapping[str, Array]) -> dict[str, Array]:
    """Return what is known after a model was asked."""
    return {**known, **models[name](**{tensor.name: known[tensor.name] for tensor in CONTRACTS[name].inputs})}


def _drapes(
    models: LocalModels, wearer: dict[str, Array], pictures: Pictures, runs: int, say: Say
) -> tuple[list[Draped], dict[str, Array]]:
    """Drape every garment, and return all that is known of the first one."""
    clothes = (
        {kind: garment_of(kind) for kind in GARMENTS}
        if pictures.garment is None
        else {pictures.garment.stem: garment_in(models, pictures.garment)}
    )
    rows, first = [], dict[str, Array]()
    for name, garment in clothes.items():
        say(f"drape: {name}")
        meshed = asked(models, "garment_mesh", wearer | garment)
        seconds = timed(partial(asked, models, "drape", meshed), runs if not first else 1)
        known = asked(models, "drape", meshed)
        rows.append(_row(name, known, statistics.median(seconds)))
        first = first or known
    return rows, first


def _row(name: str, known: Arrays, seconds: float) -> Draped:
    report = json.loads(known["drape_report"][0])
    return Draped(
        solver="ours", garment=name, vertices=len(known["garment_vertices"]), seconds=round(seconds, 3),
        converged=report["converged"], mean_strain=report["mean_strain"], largest_strain=report["largest_strain"],
        deepest_penetration_mm=report["deepest_penetration_mm"],
    )  # fmt: skip


def _beside(
    known: dict[str, Array], ours: Draped, python: Path | None, say: Say
) -> tuple[list[Draped], list[str]]:
    """Drape the garment in newton too, or say why not."""
    if python is None:
        return [], [WITHOUT]
    say("drape: in newton")
    try:
        with TemporaryDirectory() as folder:
            fallen = newton_drape(known, python, Path(folder))
    except InternalError as error:
        return [], [str(error)]
    return [Draped(garment=ours["garment"], vertices=ours["vertices"], converged=None, **fallen)], []


def _speed(models: LocalModels, known: dict[str, Array], runs: int, say: Say) -> dict[str, Figure]:
    """Time the models, each with what the one before it said."""
    taken: dict[str, list[float]] = {}
    for name in CHAIN:
        say(f"time: {name}")
        taken[name] = timed(partial(asked, models, name, known), runs)
    say("time: drape, its two stages")
    fall = fallen_of(known)
    taken["drape"] = timed(partial(fallen_of, known), runs)
    taken["refine"] = timed(partial(refined, fall.dressed, fall.coarse), runs)
    say("time: splat, as Gaussians")
    gaussians = Renderer("splat")
    inputs = {tensor.name: known[tensor.name] for tensor in SPLAT.inputs}
    taken["gaussians"] = timed(partial(gaussians, **inputs), runs)
    height, width = known["matte"].shape
    count = len(scales(garment_view(known, (height, width), Camera.of(known["camera"]))).depths)
    where = f"{width}×{height}"
    return {
        "fit": _figure(taken["fit_body"], 1.5, "s"),
        "garment mesh": _figure(taken["garment_mesh"], 10, "ms"),
        f"drape, {len(known['garment_vertices'])} vertices": _figure(taken["drape"], 0.8, "s"),
        "refine": _figure(taken["refine"], 0.5, "s"),
        f"textured mesh into {where}": _figure(taken["splat"], 10, "ms"),
        f"{count} Gaussians into {where}": _figure(taken["gaussians"], 60, "ms"),
    }


def fallen_of(known: Arrays) -> Fallen:
    """Return where the simulation alone leaves the garment on its wearer."""
    wearer = Wearer.of(known["body_motion"][0], known["body_parts"], known["body_landmarks"][0])
    material = material_of(known["garment_fabric"][0])
    return fallen(
        flat(known), wearer, known["body_motion"], known["body_landmarks"][1], known["body_faces"], material
    )


def _starts(known: Arrays, say: Say) -> dict[str, Figure]:
    figures = {}
    with TemporaryDirectory() as folder:
        for name in STARTED:
            say(f"start: {name}")
            figures[f"start to first answer, {name}"] = _figure(
                [seconds_to_answer(name, known, Path(folder)) for _ in range(STARTS)], 5, "s"
            )
    return figures


def timed(work: Callable[[], object], runs: int) -> list[float]:
    """Return how long some work takes [s], ``runs`` times; done once before the clock counts."""
    work()
    return [_seconds(work) for _ in range(runs)]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _figure(seconds: Sequence[float], expected: float, unit: str) -> Figure:
    scale, digits = (1, 3) if unit == "s" else (1000, 1)
    median, least = (round(scale * value, digits) for value in (statistics.median(seconds), min(seconds)))
    return Figure(measured=median, least=least, expected=expected, unit=unit)
