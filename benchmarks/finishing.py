"""The commands about the photoreal finisher on a card: whether it fits, and how quick it is."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.terminal import Json, console, in_words, progress, write
from bridge.errors import ConfigError
from bridge.finish.layout import Bucket
from export.precision import Precision
from export.sdxl.choice import Target, parse_bucket


def memory(
    card: Annotated[str, typer.Option(help="A card of configs/gpu, such as rtx4090.")],
    layout: Annotated[
        Path | None,
        typer.Option(
            help="A checkpoint's layout.json. Default: the installed one's, or else the product's.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    bucket: Annotated[
        list[str] | None, typer.Option(help="A size that is loaded, such as 1024x1344; may be repeated.")
    ] = None,
    target: Annotated[Target, typer.Option(help="What runs the networks.")] = Target.ONNX,
    results: Json = None,
) -> None:
    """What the finisher needs of a card's memory: weights, what takes turns, contexts, and whether it fits.

    Nothing is measured: it needs neither the card nor weights. Exits with 1 where it does not fit.
    """
    from benchmarks import memory as scales
    from benchmarks.memory_table import of_memory

    with in_words():
        found = scales.run(card, layout, target.value, tuple(_size(each) for each in bucket or ()))
    write(results, found)
    console.print(of_memory(found))
    if not found["fits"]:
        raise typer.Exit(1)


def finisher(
    results: Json = None,
    precision: Annotated[Precision, typer.Option(help="The type of the weights.")] = Precision.BF16,
    runs: Annotated[int, typer.Option(min=1, help="How often each forward pass is timed.")] = 5,
    only: Annotated[
        list[str] | None,
        typer.Option(help="A section; may be repeated. The others stay as the file has them."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="No section is begun that would end later.")] = 520.0,
    *,
    tiny: Annotated[bool, typer.Option("--tiny", help="Small networks, in float32, on any machine.")] = False,
) -> None:
    """How quick the finisher is on this machine's card, in full size with random weights, beside what was expected.

    Sections reach the file one by one, so that a lease may end at any time.
    """
    from benchmarks import finisher as stopwatch
    from benchmarks.finisher_table import of_finisher

    if unknown := set(only or ()) - stopwatch.SECTIONS.keys():
        raise typer.BadParameter(f"{', '.join(sorted(unknown))} is none of {', '.join(stopwatch.SECTIONS)}")
    chosen = Precision.FP32 if tiny else precision
    asked = stopwatch.Asked(tiny, chosen.value, runs, frozenset(only or ()), seconds)
    with in_words(), progress() as say:
        found = stopwatch.run(asked, results, shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]), say)
    console.print(of_finisher(found))


def shortcuts(
    results: Json = None,
    turns: Annotated[int, typer.Option(min=1, help="How often each switch is timed.")] = 5,
) -> None:
    """What each of the finisher's shortcuts saves, on small random networks: rows, seconds, how far the picture moves.

    The switches are settings of a request (bridge/finish/shortcuts.py), off by default:
    guidance_end leaves guidance out at the end; deep_every N runs the whole denoiser every N-th step (export with
    --shallow). For a checkpoint that was distilled to few steps: merge its LoRA by
    `python -m export sdxl --lora FILE:1`, then finish with scheduler lcm, guidance 1, steps 4 to 8, full_schedule.
    """
    from benchmarks import shortcuts as switches

    with in_words(), progress() as say:
        found = switches.run(turns, shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]), say)
    write(results, found)
    console.print(switches.table(found), found["quality"])


def _size(text: str) -> Bucket:
    try:
        return parse_bucket(text)
    except ConfigError as error:
        raise typer.BadParameter(str(error), param_hint="--bucket") from error
