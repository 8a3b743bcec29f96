"""Every person in every garment, on one sheet to look at."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.photos import Photo
from benchmarks.sheet import Tile, contact_sheet
from benchmarks.tryon import Request
from bridge.contracts import Category
from bridge.errors import VfrError
from bridge.imaging.decode import decode_image
from bridge.imaging.encode import Format, encode_image
from bridge.quality.measures import Pixels
from bridge.quality.report import Report
from bridge.triton.model import Models

Say = Callable[[str], None]
TILE = (288, 384)
"""Width and height of each picture on the sheets [px]."""


@dataclass(frozen=True)
class Fitting:
    """One person in one garment: the picture, or the sentence that says why there is none."""

    person: str
    garment: str
    picture: Pixels | None = None
    report: Report | None = None
    sentence: str = ""
    claimed: Category = Category.AUTO

    @property
    def category(self) -> str:
        """What the garment was taken for; what its name claims where there is no picture."""
        return self.claimed.value if self.report is None else self.report["category"]


def run(
    models: Models, people: Sequence[Photo], garments: Sequence[Photo], *, out: Path, say: Say
) -> list[Fitting]:
    """Dress every person in every garment.

    Args:
        models: ``tryon_basic``.
        people: the persons' photos.
        garments: the garments' photos, each with the category that its name claims.
        out: the folder that gets ``upper.png``, ``lower.png``, ``dress.png``, ``all.jpg``, one JPEG per picture,
            and ``reports.json`` with what the system says of each.
        say: hears one line per picture.

    Returns:
        All fittings, person by person; a failure is one of them and stops nothing.
    """
    out.mkdir(parents=True, exist_ok=True)
    fittings = []
    for person in people:
        for garment in garments:
            fitting = dress(models, person, garment)
            say(f"{person.name} in {garment.name}{': ' + fitting.sentence if fitting.sentence else ''}")
            if fitting.picture is not None:
                name = f"{person.name}__{garment.name}.jpg"
                (out / name).write_bytes(encode_image(fitting.picture, Format.JPEG))
            fittings.append(fitting)
    _write_sheets(people, garments, fittings, out)
    reports = {
        f"{fitting.person}__{fitting.garment}": fitting.report or fitting.sentence for fitting in fittings
    }
    (out / "reports.json").write_text(json.dumps(reports, indent=1) + "\n")
    return fittings


def dress(models: Models, person: Photo, garment: Photo) -> Fitting:
    """Put one garment on one person."""
    request = Request(person.data, garment.data, garment.category)
    try:
        answer = models["tryon_basic"](**request.arrays())
    except VfrError as error:
        return Fitting(person.name, garment.name, sentence=str(error), claimed=garment.category)
    report: Report = json.loads(answer["report"][0])
    return Fitting(person.name, garment.name, decode_image(bytes(answer["encoded"][0])), report)


def sheet(people: Sequence[Photo], garments: Sequence[Photo], fittings: Sequence[Fitting]) -> Pixels:
    """Draw persons as rows and garments as columns, their own photos first."""
    found = {(fitting.person, fitting.garment): fitting for fitting in fittings}
    head = [Tile(""), *(_photo(garment) for garment in garments)]
    rows = [
        [_photo(person), *(_tile(found[person.name, garment.name]) for garment in garments)]
        for person in people
    ]
    return contact_sheet([head, *rows], width=TILE[0], height=TILE[1])


def _write_sheets(
    people: Sequence[Photo], garments: Sequence[Photo], fittings: Sequence[Fitting], out: Path
) -> None:
    (out / "all.jpg").write_bytes(encode_image(sheet(people, garments, fittings), Format.JPEG))
    for category in (Category.UPPER, Category.LOWER, Category.DRESS):
        names = {fitting.garment for fitting in fittings if fitting.category == category.value}
        chosen = [garment for garment in garments if garment.name in names]
        if chosen:
            (out / f"{category.value}.png").write_bytes(encode_image(sheet(people, chosen, fittings)))


def _photo(photo: Photo) -> Tile:
    try:
        return Tile(photo.name, decode_image(photo.data))
    except VfrError as error:
        return Tile(photo.name, sentence=str(error))


def _tile(fitting: Fitting) -> Tile:
    return Tile(f"{fitting.person} / {fitting.garment}", fitting.picture, fitting.sentence)
