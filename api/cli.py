"""The command line: ``vfr --help``."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from typer.models import OptionInfo

from api.backend import Backend
from api.fitting import CHOICES, Fitting, Wish, perceive, try_on
from api.providers.callback import relay_secret
from api.running import embedded, listen, open_triton, work
from api.security import keys_cli
from api.settings import Role, Settings
from bridge.contracts import Category, Expert, Fabric
from bridge.errors import VfrError
from bridge.imaging.encode import Format, encode_image
from bridge.imaging.overlay import draw_perception

T = TypeVar("T")
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.add_typer(keys_cli.app, name="keys")
OUT = Console()
SAY = Console(stderr=True, highlight=False, soft_wrap=True)

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
AsJson = Annotated[bool, typer.Option("--json", help="print the report as JSON")]

SUFFIXES = {".png": Format.PNG, ".jpg": Format.JPEG, ".jpeg": Format.JPEG, ".webp": Format.WEBP}


@app.callback()
def root() -> None:
    """A virtual fitting room: a person's photo and a garment's photo in, the person wearing it out.

    Start with

        vfr tryon me.jpg shirt.jpg -o me-in-shirt.png

    It needs no server: where none runs, it starts one and stops it again. `vfr serve` keeps one running,
    with a page to try it at http://127.0.0.1:8080.
    """


@app.command()
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
    server: Server = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a person wearing a garment.

    * `vfr tryon me.jpg shirt.jpg -o me.png`
    * `vfr tryon family.jpg skirt.png --category lower --person-index 1`
    * `vfr tryon me.jpg jeans.jpg --expert drape --height 1780 --fabric denim`
    * `vfr tryon me.jpg dress.webp --mask only-here.png --json > report.json`

    Only PNG keeps every pixel that the garment does not touch exactly as it was.
    """
    form = _format(out)
    with _in_words():
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
        )
        with open_triton(server, SAY) as url, SAY.status("Dressing …"):
            fitting = asyncio.run(_ask(url, lambda triton, timeout: try_on(triton, wish, timeout)))
        out.write_bytes(fitting.picture)
    _tell(fitting, out, as_json=as_json)


@app.command()
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
    with _in_words():
        with open_triton(server, SAY) as url, SAY.status("Looking …"):
            data = photo.read_bytes()
            seen = asyncio.run(
                _ask(url, lambda triton, timeout: perceive(triton, data, person_index, timeout))
            )
        out.write_bytes(encode_image(draw_perception(seen), form))
    SAY.print(f"Wrote {out}.")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="the address to listen on")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="the port of REST and the page")] = None,
    grpc_port: Annotated[int, typer.Option(min=0, max=65535, help="the port of KServe v2 over gRPC")] = 8001,
    triton_url: Annotated[
        str | None, typer.Option(help="a Triton that runs elsewhere; none is started", metavar="URL")
    ] = None,
    role: Annotated[
        Role | None, typer.Option(help="api takes jobs, worker executes them, all does both")
    ] = None,
) -> None:
    """Serve REST, with a page to try it, and KServe v2 over gRPC, until Ctrl-C.

    * `vfr serve`
    * `vfr serve --port 9000 --triton-url triton:8001`

    Every option can come from the environment too: `VFR_PORT=9000`.
    """
    known = Settings()
    known = known.model_copy(
        update={
            name: value
            for name, value in {"host": host, "port": port, "triton_url": triton_url, "role": role}.items()
            if value is not None
        }
    )
    with _in_words():
        if triton_url:
            listen(known, SAY)
            return
        with embedded(SAY, grpc_port=grpc_port) as url:
            listen(known.model_copy(update={"triton_url": url}), SAY)
    SAY.print("Everything is stopped.")


@app.command()
def worker(
    triton_url: Annotated[
        str | None, typer.Option(help="the Triton to ask; none: the one of VFR_TRITON_URL", metavar="URL")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="how many jobs are executed at once")] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="the port of /metrics, /healthz and /readyz")
    ] = None,
) -> None:
    """Execute the jobs that others take, until Ctrl-C.

    * `vfr serve --role api` takes jobs, and any number of `vfr worker` execute them
    * all name the same VFR_DATABASE_URL, VFR_BLOBS_URL and VFR_SECRET

    A worker may be killed at any moment: another one goes on where it was.
    """
    known = Settings(role=Role.WORKER)
    wanted = {"triton_url": triton_url, "workers": jobs, "metrics_port": metrics_port}
    with _in_words():
        work(known.model_copy(update={name: value for name, value in wanted.items() if value}), SAY)
    SAY.print("Everything is stopped.")


@keys_cli.app.command()
def relay() -> None:
    """Print the secret with which a relay of yours signs Kling's callbacks: see `api/providers/callback.py`.

    It follows from VFR_SECRET, is good for nothing else, and changes with it.
    """
    with _in_words():
        sys.stdout.write(f"{relay_secret(Settings().key).decode()}\n")


@app.command()
def models(*, as_json: AsJson = False) -> None:
    """List every model: ready or not, its weights, their licence, and what to do about it."""
    from dataclasses import asdict

    from rich.table import Column, Table

    from bridge.registry import model_statuses

    with _in_words():
        rows = model_statuses()
    if as_json:
        OUT.print_json(json.dumps([asdict(row) for row in rows]))
        return
    table = Table(
        Column("model", no_wrap=True),
        "ready",
        "weights",
        "licence",
        "commercial",
        Column("why not", overflow="fold"),  # paths and addresses must be readable whole
        box=None,
    )
    for row in rows:
        table.add_row(
            row.name,
            "[green]yes[/]" if row.ready else "[red]no[/]",
            f"{len(row.artifacts)} networks" if len(row.artifacts) > 1 else "".join(row.artifacts) or "none",
            ", ".join(row.licences) or "ours",
            "yes" if row.commercial_use else "[red]no[/]",
            row.why_not,
        )
    OUT.print(table)


def _format(out: Path) -> Format:
    if out.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(f"{out.name} must end in {', '.join(SUFFIXES)}", param_hint="--out")
    if not out.absolute().parent.is_dir():
        raise typer.BadParameter(f"the folder {out.parent} does not exist", param_hint="--out")
    return SUFFIXES[out.suffix.lower()]


@contextmanager
def _in_words() -> Iterator[None]:
    """Turn an error that we know into one sentence and exit status 1."""
    try:
        yield
    except (VfrError, OSError) as error:
        SAY.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


async def _ask(url: str, question: Callable[[Backend, float], Awaitable[T]]) -> T:
    """Ask the Triton of that address; the question is given the time that it may take [s] too."""
    from api.app import connect_triton

    settings = Settings(triton_url=url)
    async with connect_triton(settings) as backend:
        return await question(backend, settings.timeout)


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


def main() -> None:
    """Run the command line."""
    app(prog_name="vfr")


if __name__ == "__main__":
    main()
