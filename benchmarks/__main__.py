"""The command line of the benchmarks: ``python -m benchmarks --help``."""

from __future__ import annotations

import shlex
import sys
import time
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import finishing, solid
from benchmarks.terminal import Folder, Json, Local, Picture, console, in_words, progress, write
from bridge.contracts import Category, Expert

app = typer.Typer(
    help="How good, how fast and how steady the try-on is. Results go to the screen, and as data to --json.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Store(str, Enum):
    """The databases that jobs are kept in."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


@app.command()
def quality(
    pairs: Annotated[
        Path,
        typer.Option(
            help="Folder of <id>/person, garment and mask pictures: each person wears that very garment.",
            exists=True,
            file_okay=False,
        ),
    ],
    results: Json = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures, side by side.")] = Path("out/quality"),
    expert: Annotated[
        Expert, typer.Option(help="What puts the garment on; auto: the router picks.")
    ] = Expert.AUTO,
    *,
    local: Local = False,
) -> None:
    """The paired protocol: dress people in what they wear, and compare with their photo.

    A pair that fails is told in words; the others are measured all the same, and the exit status is 1.
    """
    from benchmarks import quality as protocol
    from benchmarks import tables
    from benchmarks.server import open_models

    with in_words(), progress() as say, open_models(local=local) as models:
        found = protocol.run(models, pairs, out=out, say=say, expert=expert)
    write(results, found.to_json())
    console.print(tables.of_quality(found), f"Pictures side by side: {out}")
    for name, sentence in found.failures.items():
        console.print(f"[red]{name} failed:[/] {sentence}")
    if found.failures:
        raise typer.Exit(1)


@app.command()
def latency(
    runs: Annotated[int, typer.Option(min=1, help="How often, after warming up.")] = 20,
    results: Json = None,
    person: Picture = None,
    garment: Picture = None,
) -> None:
    """Median and 95th percentile per stage and end to end, and what serving adds to the bare functions.

    Without --person and --garment it takes a photo of an installed package and a garment that the project draws.
    """
    from benchmarks import latency as stopwatch
    from benchmarks import tables
    from benchmarks.inputs import request
    from benchmarks.server import embedded
    from bridge.triton.local import LocalModels

    with in_words(), progress() as say, embedded(memo=False) as server:
        found = stopwatch.run(server, LocalModels(), request(person, garment), runs=runs, say=say)
    write(results, found)
    console.print(tables.of_latency(found))


@app.command()
def wardrobe(
    people: Annotated[int, typer.Option(min=1, help="How many try everything on; one more warms up.")] = 3,
    results: Json = None,
) -> None:
    """One person tries ten garments on, at models that remember the person and at models that don't.

    Exits with 1 when a picture differed between them.
    """
    from benchmarks import tables
    from benchmarks import wardrobe as changing_room
    from benchmarks.server import embedded

    with in_words(), progress() as say, embedded() as remembering, embedded(memo=False) as without:
        found = changing_room.run(remembering, without, people=people, say=say)
    write(results, found)
    console.print(tables.of_wardrobe(found))
    if found["different"]:
        raise typer.Exit(1)


@app.command()
def geometry(
    runs: Annotated[int, typer.Option(min=1, help="How often each is timed, after warming up.")] = 7,
    people: Annotated[int, typer.Option(min=1, help="How many rendered people are fitted.")] = 8,
    results: Json = None,
    person: Picture = None,
    garment: Picture = None,
    newton: Annotated[
        Path | None,
        typer.Option(help="A Python that has newton: the first garment is draped in it too.", exists=True),
    ] = None,
) -> None:
    """The third dimension: how quick fit, mesh, drape and drawing are, and how true body and cloth.

    Without --person and --garment it renders the person and draws the garments, of which all is known.
    """
    from benchmarks import geometry as workshop
    from benchmarks import tables

    with in_words(), progress() as say:
        pictures = workshop.Pictures(person, garment)
        found = workshop.run(pictures, people=people, runs=runs, newton=newton, say=say)
    write(results, found)
    console.print(tables.of_geometry(found))


@app.command()
def load(
    callers: Annotated[int, typer.Option(min=1, help="How many ask at the same time.")] = 8,
    requests: Annotated[int, typer.Option(min=1, help="How many they send together.")] = 200,
    results: Json = None,
) -> None:
    """Concurrent callers: every answer right to the last byte, throughput, growth of memory.

    Exits with 1 when an answer was wrong or missing.
    """
    from benchmarks import load as crowd
    from benchmarks import tables
    from benchmarks.inputs import different_requests
    from benchmarks.server import embedded

    with in_words(), progress() as say, embedded(memo=False) as server:
        found = crowd.run(server, different_requests(callers), total=requests, say=say)
    write(results, found)
    console.print(tables.of_load(found))
    for sentence in sorted(set(found["failures"])):
        console.print(f"[red]failed:[/] {sentence}")
    if found["wrong"] or found["failures"]:
        raise typer.Exit(1)


@app.command()
def jobs(
    number: Annotated[
        int, typer.Option("--jobs", min=100, help="How many pass for rate and memory; 10000 takes minutes.")
    ] = 1000,
    database: Annotated[list[Store] | None, typer.Option(help="May be repeated; both by default.")] = None,
    results: Json = None,
) -> None:
    """What the service costs around the models: a job's way, the rate, a known result, a burst, memory.

    Triton serves a stub; API, worker and database are processes of their own on this machine.
    """
    from benchmarks import jobs as post_office
    from benchmarks import jobs_table

    with in_words(), progress() as say:
        kinds = [one.value for one in database or list(Store)]
        found = post_office.run(kinds, jobs=number, say=say)
    write(results, found)
    console.print(jobs_table.of_jobs(found))
    if any(one["burst"]["dropped"] for one in found["databases"]):
        raise typer.Exit(1)


@app.command()
def gallery(
    photos: Annotated[
        Path,
        typer.Option(
            help="Folder that holds people/, garments/ and pairs/; each may be missing.", envvar="VFR_PHOTOS"
        ),
    ] = Path("../shared/photos"),
    people: Folder = None,
    garments: Folder = None,
    pairs: Folder = None,
    out: Annotated[Path, typer.Option(help="Folder for the sheets and pictures.")] = Path("out/gallery"),
    *,
    local: Local = False,
) -> None:
    """Every person in every garment, on contact sheets to look at.

    People and garments of pairs join in. A file's name may begin with upper_, lower_ or dress_ to say what it is.
    """
    from benchmarks import gallery as fitting_room
    from benchmarks.photos import gather
    from benchmarks.server import open_models

    with in_words(), progress() as say:
        wearers, clothes = gather(
            people or photos / "people", garments or photos / "garments", pairs or photos / "pairs"
        )
        with open_models(local=local) as models:
            fittings = fitting_room.run(models, wearers, clothes, out=out, say=say)
    failures = [fitting for fitting in fittings if fitting.picture is None]
    for failure in failures:
        console.print(f"[yellow]{failure.person} in {failure.garment}:[/] {failure.sentence}")
    console.print(
        f"{len(fittings) - len(failures)} of {len(fittings)} pictures; the sheet: {out / 'all.jpg'}"
    )


@app.command()
def demo(
    person: Annotated[Path | None, typer.Option(help="Your own photo.", exists=True, dir_okay=False)] = None,
    garment: Annotated[
        Path | None, typer.Option(help="A garment's photo.", exists=True, dir_okay=False)
    ] = None,
    category: Annotated[Category, typer.Option(help="What the garment is.")] = Category.AUTO,
    out: Annotated[Path, typer.Option(help="Folder for the page and the pictures.")] = Path("out/demo"),
) -> None:
    """A page that shows people in other garments, with everything the system saw and made on the way."""
    from benchmarks import demo as showroom

    began = time.perf_counter()
    with in_words(), progress() as say:
        page = showroom.demo(person, garment, out, category, say=say)
    console.print(f"Open {page} in a browser. All in all {time.perf_counter() - began:.0f} s.")


@app.command()
def scores(
    results: Json = None,
    turns: Annotated[int, typer.Option(min=1, help="How often each network is timed.")] = 7,
    threads: Annotated[int, typer.Option(min=1, help="Of each network.")] = 2,
) -> None:
    """What the learned scores (CLIP, LPIPS, aesthetics, a face's identity) take on the processor, at true size.

    Their weights are random and need not be installed; it takes two minutes and 6 GB.
    """
    from benchmarks import scores as learned

    with in_words(), progress() as say:
        found = learned.run(turns, threads, shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]), say)
    write(results, found)
    console.print(learned.table(found))


for command in (
    solid.body,
    solid.garment,
    solid.body3d,
    finishing.memory,
    finishing.finisher,
    finishing.shortcuts,
):
    app.command()(command)

if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
