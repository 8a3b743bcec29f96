"""The commands that dress and look: ``vfr tryon`` and ``vfr parse``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.status import Status
from typer.models import OptionInfo

from api.backend import Backend
from api.console import OUT, SAY, AsJson, in_words
from api.finishing import Told, dress
from api.fitting import CHOICES, Fitting, Wish, perceive, settings_of
from api.running import open_triton
from api.settings import Settings
from bridge.contracts import Category, Expert, Fabric
from bridge.imaging.encode import Format, encode_image
from bridge.imaging.overlay import draw_perception
from bridge.registry import Tier

T = TypeVar("T")

Photo = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JPEG, PNG or WebP")]
Server = Annotated[
    str | None,
    typer.Option(help="host:port of a Triton that runs; without it one is found or started", metavar="URL"),
]


def _option(field: str) -> OptionInfo:
    """Return the option of a field of a wish."""
    choice = CHOICES[field]
    made: OptionInfo = typer.Option(help=choice.words, min=choice.least, max=choice.most)
    return made


PersonIndex = Annotated[int, _option("person_index")]

SUFFIXES = {".png": Format.PNG, ".jpg": Format.JPEG, ".jpeg": Format.JPEG, ".webp": Format.WEBP}


def tryon(
    person: Photo,
    garment: Photo,
    out: Annotated[Path, typer.Option("-o", "--out", help="where to write it: .png, .jpg or .webp")] = Path(
        "tryon.png"
    ),
    category: Annotated[Category, _option("category")] = Category.AUTO,
    mask: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help=CHOICES["mask"].words)
    ] = None,
    seed: Annotated[int, _option("seed")] = -1,
    person_index: PersonIndex = -1,
    expert: Annotated[Expert, _option("expert")] = Expert.AUTO,
    height: Annotated[int, _option("height")] = 0,
    fabric: Annotated[Fabric, _option("fabric")] = Fabric.AUTO,
    tier: Annotated[Tier, _option("tier")] = Tier.BASIC,
    prompt: Annotated[str, _option("prompt")] = "",
    negative_prompt: Annotated[str, _option("negative_prompt")] = "",
    finisher: Annotated[str, _option("finisher")] = "",
    server: Server = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a person wearing a garment.

    * `vfr tryon me.jpg shirt.jpg -o me.png`
    * `vfr tryon family.jpg skirt.png --category lower --person-index 1`
    * `vfr tryon me.jpg jeans.jpg --expert drape --height 1780 --fabric denim`
    * `vfr tryon me.jpg shirt.jpg --tier pro --finisher '{"steps": 30}'`
    * `vfr tryon me.jpg dress.webp --mask only-here.png --json > report.json`

    Only PNG keeps every pixel that the garment does not touch exactly as it was.
    """
    form = _format(out)
    with in_words():
        wish = Wish(
            person=person.read_bytes(),
            garments=(garment.read_bytes(),),
            category=category,
            mask=mask.read_bytes() if mask else b"",
            seed=seed,
            person_index=person_index,
            form=form,
            expert=expert,
            height=height,
            fabric=fabric,
            tier=tier,
            prompt=prompt,
            negative_prompt=negative_prompt,
            finisher=settings_of(finisher),
        )
        with open_triton(server, SAY) as url, SAY.status("Dressing …") as status:
            fitting = asyncio.run(_ask(url, lambda triton, known: _dressed(triton, wish, known, status)))
        out.write_bytes(fitting.picture)
    _tell(fitting, out, as_json=as_json)


def parse(
    photo: Photo,
    out: Annotated[Path, typer.Option("-o", "--out", help="where to write it: .png, .jpg or .webp")] = Path(
        "parse.png"
    ),
    person_index: PersonIndex = -1,
    server: Server = None,
) -> None:
    """Draw what the system sees in a photo: labels, outline and pose.

    * `vfr parse me.jpg -o seen.png`
    * `vfr parse family.jpg -o second.jpg --person-index 1`

    Points and masks as data come from REST: `curl -F photo=@me.jpg -H 'Accept: application/json' …/v1/parse`.
    """
    form = _format(out)
    with in_words():
        with open_triton(server, SAY) as url, SAY.status("Looking …"):
            data = photo.read_bytes()
            seen = asyncio.run(
                _ask(url, lambda triton, known: perceive(triton, data, person_index, known.timeout))
            )
        out.write_bytes(encode_image(draw_perception(seen), form))
    SAY.print(f"Wrote {out}.")


def _format(out: Path) -> Format:
    if out.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(f"{out.name} must end in {', '.join(SUFFIXES)}", param_hint="--out")
    if not out.absolute().parent.is_dir():
        raise typer.BadParameter(f"the folder {out.parent} does not exist", param_hint="--out")
    return SUFFIXES[out.suffix.lower()]


async def _ask(url: str, question: Callable[[Backend, Settings], Awaitable[T]]) -> T:
    """Ask the Triton of that address; the question is given the settings too."""
    from api.app import connect_triton

    settings = Settings(triton_url=url)
    async with connect_triton(settings) as backend:
        return await question(backend, settings)


async def _dressed(triton: Backend, wish: Wish, known: Settings, status: Status) -> Fitting:
    """Dress, and show where the finisher is; it has as much time as a job."""

    async def watch(told: Told) -> None:
        status.update(f"Dressing … {told.stage}" + (f" {told.step}/{told.steps}" if told.steps else ""))

    seconds = known.timeout if wish.tier is Tier.BASIC else known.job_seconds
    return await dress(triton, wish, seconds, watch)


def _tell(fitting: Fitting, out: Path, *, as_json: bool) -> None:
    report = fitting.report
    if as_json:
        OUT.print_json(report.model_dump_json())
    for warning in report.warnings:
        SAY.print(f"[yellow]{warning}[/]")
    SAY.print(
        f"Wrote {out}: {report.category} garment, expert {report.expert}, {fitting.seconds:.2f} s.",
        soft_wrap=True,
    )
