"""`python -m export`: the weights, their proofs, and Triton's configurations."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bridge.contracts import FIT_BODY
from bridge.errors import ArtifactMissing, ConfigError
from bridge.registry import chosen_body_fault, load_registry, report_path
from export.console import err, out, told
from export.recipes import RECIPES
from export.scores.command import scores
from export.sdxl import command

BODY = FIT_BODY.name
"""The one model whose weights are no network's."""

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for each in (command.sdxl, command.plan, command.quantize, command.safetensors, scores):
    app.command()(each)


@app.command()
def weights(
    only: Annotated[
        list[str] | None, typer.Option(help="A model's name; give it again for more. Default: all.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Convert even what is current.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Fetch the weights, translate them, prove them against their source, install them.

    Needs the network once, for two wheels of 84 MB; what is current is left alone. The body takes a minute.
    VFR_ARTIFACTS names another folder than .artifacts for downloads and reports.

    With VFR_BODY=smplx the body is a file of your own, which can't be fetched; if it isn't there, you are told where
    it goes.
    """
    names = only or [*RECIPES, BODY]
    for unknown in set(names) - {*RECIPES, BODY}:
        raise typer.BadParameter(
            f"{unknown!r} is not one of {', '.join([*RECIPES, BODY])}", param_hint="--only"
        )
    with told():
        _install(names, force=force)
        if BODY in names and (fault := chosen_body_fault()):
            raise ArtifactMissing(fault)


@app.command()
def fetch(ids: Annotated[list[str], typer.Argument(help="Ids of configs/registry.yaml.")]) -> None:
    """Bring files of the registry onto this machine, checked, and convert nothing."""
    from export.fetch import fetch as bring

    with told():
        registry = load_registry()
        for artifact in [registry[each] for each in ids]:
            out.print(bring(artifact), highlight=False, soft_wrap=True)


def _install(names: list[str], *, force: bool) -> None:
    from export import anny, convert

    registry = load_registry()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("", total=len(names))
        for name in names:
            bar.update(task, description=name)
            if name == BODY:
                size = report.bytes if (report := anny.install(registry, force=force)) else 0
            else:
                size = made.onnx_bytes if (made := convert.install(name, registry, force=force)) else 0
            bar.advance(task)
            outcome = f"installed, {size / 1e6:.1f} MB" if size else "current"
            out.print(f"{name:20} {outcome}", highlight=False)


@app.command()
def report() -> None:
    """Show what the last conversions measured: how far from LiteRT at most, how fast on 2 threads."""
    table = Table(
        "model", "output", "largest error", "bound", "LiteRT", "ONNX", box=None, header_style="bold"
    )
    for name in RECIPES:
        for row in _rows(name):
            table.add_row(*row)
    out.print(table)
    if report_path("anny").is_file():
        body = json.loads(report_path("anny").read_text(encoding="utf-8"))
        out.print(
            f"\nbody: {1e3 * body['pose_error_m']:.4f} mm from Anny's own in poses, "
            f"{1e3 * body['shape_error_m']:.2f} mm in the mean in shapes "
            f"(at most {1e3 * body['largest_shape_error_m']:.0f})"
        )


def _rows(name: str) -> list[tuple[str, ...]]:
    path = report_path(name)
    if not path.is_file():
        return [(name, "not converted yet")]
    proof = json.loads(path.read_text(encoding="utf-8"))["proof"]
    rows = [
        ("", output, f"{d['error']:.1e} {d['unit']}", f"{d['bound']:g}")
        for output, d in proof["differences"].items()
    ]
    times = [f"{proof[key]:.1f} ms" for key in ("litert_ms", "onnx_ms")]
    return [(name, *rows[0][1:], *times), *rows[1:]]


@app.command()
def configs(
    card: Annotated[
        str,
        typer.Option(help="A file of configs/gpu. Triton reads its configs with --model-config-name=CARD."),
    ] = "cpu",
) -> None:
    """Write every model's configuration from bridge/contracts.py and configs/gpu; cpu's are the plain config.pbtxt."""
    from export.pbtxt import write_configs

    try:
        written = write_configs(card=card)
    except ConfigError as error:
        err.print(f"[red]ConfigError[/]: {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    for path in written:
        out.print(path, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    app(prog_name="python -m export")
