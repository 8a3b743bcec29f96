"""A page that shows people in other garments, with everything the system saw and made on the way."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks import page
from benchmarks.inputs import drawn
from benchmarks.photos import Photo
from benchmarks.server import Server, embedded
from benchmarks.steps import steps
from benchmarks.times import between
from benchmarks.tryon import Request
from bridge.contracts import CONTRACTS, TRYON_BASIC, TRYON_BASIC_STAGES, Backend, Category
from bridge.errors import VfrError
from bridge.imaging.encode import Format, encode_image
from bridge.quality.measures import Pixels
from bridge.triton.model import Arrays

Say = Callable[[str], None]

LEAD = (
    "Every picture was made by a real Triton ensemble on this machine's own CPU. Drag over a picture to compare it "
    "with the photo: what the garment does not touch is the photo's own, bit for bit."
)
FOOT = (
    "The demo's own people are in the public domain and come out of installed packages: Eileen Collins by NASA "
    "(scikit-image), Grace Hopper by the US Navy (Matplotlib). Its garments are drawn by this project."
)
STRIP_HEIGHT = 400
"""Height of the pictures of :func:`side_by_side` [px]."""
PARTS = {name for contract in CONTRACTS.values() for name in contract.calls}
"""Models that others call; their time is part of their callers'."""


@dataclass(frozen=True)
class Fitting:
    """One person in one garment: everything on the way."""

    title: str
    stages: Arrays  # the outputs of `tryon_basic_stages`
    milliseconds: Mapping[str, float]  # per model, by the server's own account
    seconds: float  # of one call of `tryon_basic`, as its caller sees it


def demo(
    person: Path | None,
    garment: Path | None,
    out: Path = Path("out/demo"),
    category: Category = Category.AUTO,
    *,
    say: Say,
) -> Path:
    """Dress people and write the page.

    Args:
        person: a photo; None: two that come with installed packages.
        garment: a photo; None: three that the project draws.
        out: the folder that gets ``index.html``, every result as PNG, and as JPEG beside its two photos.
        category: what the garment is.
        say: hears one line per step.

    Returns:
        The page.

    Raises:
        ServerUnavailable: the server does not start.
        VfrError: not one picture could be made; what was said of the last one.
    """
    began = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    say("Starting Triton with every model of the repository.")
    with embedded() as server:
        ready = server.triton.ready_seconds
        say(f"Triton is ready after {ready:.1f} s.")
        fittings = list(_fittings(server, people(person), garments(garment, category), say))
    for number, fitting in enumerate(fittings, start=1):
        (out / f"{number}.png").write_bytes(fitting.stages["encoded"][0])
        (out / f"{number}.jpg").write_bytes(encode_image(side_by_side(fitting.stages), Format.JPEG))
    path = out / "index.html"
    facts = _facts(fittings, ready, time.perf_counter() - began)
    path.write_text(write(fittings, facts), encoding="utf-8")
    say(f"All done after {time.perf_counter() - began:.1f} s.")
    return path


def people(given: Path | None) -> list[Photo]:
    """Return the person to dress, or the demo's own."""
    if given:
        return [Photo(given.stem, given.read_bytes())]
    from matplotlib.cbook import get_sample_data
    from skimage.data import astronaut

    hopper = Path(str(get_sample_data("grace_hopper.jpg", asfileobj=False)))
    return [Photo("Eileen Collins", encode_image(astronaut())), Photo("Grace Hopper", hopper.read_bytes())]


def garments(given: Path | None, category: Category) -> list[Photo]:
    """Return the garment to wear, or the demo's own."""
    if given:
        return [Photo(given.stem, given.read_bytes(), category)]
    return [Photo(f"a drawn {kind}", drawn(kind)) for kind in ("sweater", "tee", "blouse")]


def _fittings(
    server: Server, people: Sequence[Photo], garments: Sequence[Photo], say: Say
) -> Iterator[Fitting]:
    refusal: VfrError | None = None
    made = 0
    for person in people:
        for garment in garments:
            title = f"{person.name} in {garment.name}"
            try:
                yield _fit(server, title, Request(person.data, garment.data, garment.category))
                made += 1
                say(f"{title}.")
            except VfrError as error:
                refusal = error
                say(f"{title}: {error}")
    if refusal and not made:
        raise refusal


def _fit(server: Server, title: str, request: Request) -> Fitting:
    """Ask once for everything on the way, which warms up too, then time the call that callers make."""
    arrays = request.arrays()
    stages = server.models[TRYON_BASIC_STAGES.name](**arrays)
    before = server.client.statistics()
    start = time.perf_counter()
    server.models[TRYON_BASIC.name](**arrays)
    seconds = time.perf_counter() - start
    time.sleep(0.03)  # Triton counts a request after it answered it
    return Fitting(title, stages, between(before, server.client.statistics()), seconds)


def write(fittings: Sequence[Fitting], facts: Mapping[str, str]) -> str:
    """Return the page as HTML; ``facts`` are told at its top."""
    articles = (_article(fitting, number) for number, fitting in enumerate(fittings))
    return page.page("Fitting room", LEAD, page.cards(facts), *articles, foot=FOOT)


def side_by_side(stages: Arrays) -> Pixels:
    """Return the person's photo, the garment's and the result in one row; the README's picture is one of them."""
    pictures = [stages[name] for name in ("image", "garment_image", "result")]
    widths = [round(STRIP_HEIGHT * picture.shape[1] / picture.shape[0]) for picture in pictures]
    row = [
        cv2.resize(picture, (width, STRIP_HEIGHT), interpolation=cv2.INTER_AREA)
        for picture, width in zip(pictures, widths, strict=True)
    ]
    return np.hstack(row).astype(np.uint8)


def _article(fitting: Fitting, number: int) -> str:
    report = json.loads(fitting.stages["report"][0])
    scores = {
        name.replace("_", " "): f"{score:.3f}"
        for name, score in report["scores"].items()
        if score is not None
    }
    times = {name: ms for name, ms in fitting.milliseconds.items() if _is_step(name)}
    garment = page.figure(page.Picture(fitting.stages["garment_image"], "The garment's photo"))
    return page.article(
        fitting.title,
        page.hero(
            garment + page.remarks(report["warnings"]),
            page.compare(fitting.stages["image"], fitting.stages["result"]),
            page.bars(f"{fitting.seconds:.2f} s, by stage", times, "ms"),
        ),
        page.cards(scores),
        page.folded("How it was made", page.strip(steps(fitting.stages)), is_open=number == 0),
    )


def _is_step(name: str) -> bool:
    return name not in PARTS and CONTRACTS[name].backend is not Backend.ENSEMBLE


def _facts(fittings: Sequence[Fitting], ready: float, total: float) -> dict[str, str]:
    return {
        "pictures": str(len(fittings)),
        "from asking to seeing, median": f"{statistics.median(f.seconds for f in fittings):.2f} s",
        "Triton ready after": f"{ready:.1f} s",
        "everything, start to page": f"{total:.1f} s",
    }
