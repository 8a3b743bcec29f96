"""The commands that write the third dimension to files: bodies, garments, and garments on bodies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.terminal import Local, Picture, console, in_words, progress
from bridge.contracts import Category, Expert, Fabric

Height = Annotated[int, typer.Option(min=0, help="The person's height in millimetres; 0: unknown.")]
Texture = Annotated[int, typer.Option(min=64, max=8192, help="Height and width of a texture in pixels.")]
Kind = Annotated[Category, typer.Option(help="What the garment is.")]


def body(
    person: Annotated[
        Path | None,
        typer.Argument(
            help="A person's photo; without it, an installed package's.", exists=True, dir_okay=False
        ),
    ] = None,
    height: Height = 0,
    person_index: Annotated[
        int, typer.Option(min=-1, help="Which person, counted from the largest (0); -1: the largest.")
    ] = -1,
    texture: Texture = 2048,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("out/body"),
) -> None:
    """The body of a person's photo: measurements; mesh (OBJ, NPZ), texture, depth, normals and landmarks as files.

    Without --height every length is a guess: what is seen could be a small person near by, or a tall one far off.
    """
    from benchmarks import body as sculptor
    from benchmarks import tables
    from benchmarks.inputs import request
    from bridge.triton.local import LocalModels

    photo = request(person).person
    with in_words(), progress() as say:
        found = sculptor.run(LocalModels(), photo, height, person_index, out, texture, say=say)
    console.print(tables.of_body(found), f"Mesh, texture and maps: {out}")


def garment(
    front: Annotated[
        Path | None,
        typer.Argument(
            help="Its photo; without it, one that the project draws.", exists=True, dir_okay=False
        ),
    ] = None,
    back: Annotated[
        Path | None, typer.Option(help="Its photo from behind.", exists=True, dir_okay=False)
    ] = None,
    person: Annotated[
        Path | None, typer.Option(help="Who wears it: it is draped too.", exists=True, dir_okay=False)
    ] = None,
    category: Kind = Category.AUTO,
    fabric: Annotated[
        Fabric, typer.Option(help="What it is made of; auto: as its photo tells.")
    ] = Fabric.AUTO,
    height: Height = 0,
    texture: Texture = 2048,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("out/garment"),
) -> None:
    """A garment's photo as files: sewing pattern (OBJ) with texture and seams (JSON); on a person its draped mesh too.

    The draped mesh (OBJ) wears the pattern's texture; its NPZ tells the strain, and how near the skin is.
    """
    from benchmarks import garment as cutter
    from benchmarks import tables
    from benchmarks.inputs import request
    from bridge.triton.local import LocalModels

    wanted = cutter.Wanted(
        front=request(None, front).garment,
        back=back.read_bytes() if back else None,
        person=person.read_bytes() if person else None,
        category=category,
        fabric=fabric,
        height=height,
        size=texture,
    )
    with in_words(), progress() as say:
        found = cutter.run(LocalModels(), wanted, out, say=say)
    console.print(tables.of_garment(found), f"Pattern, textures and meshes: {out}")


def body3d(
    person: Picture = None,
    garment: Picture = None,
    category: Kind = Category.AUTO,
    out: Annotated[Path, typer.Option(help="Folder for the page and the pictures.")] = Path("out/body3d"),
    *,
    local: Local = False,
) -> None:
    """A page that shows the third dimension: the fitted body, and the garment draped on it from all sides.

    Without --person and --garment it takes a photo of an installed package and a garment that the project draws.
    """
    from benchmarks import body3d as tailor
    from benchmarks.inputs import request
    from benchmarks.server import open_models

    asked = replace(request(person, garment), category=category, expert=Expert.DRAPE)
    with in_words(), progress() as say, open_models(local=local) as models:
        page = tailor.run(models, asked, out, say=say)
    console.print(f"Open {page} in a browser.")
