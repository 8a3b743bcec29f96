"""What the commands have in common: options, what is said meanwhile, how results leave."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bridge.errors import VfrError

console = Console()

Json = Annotated[Path | None, typer.Option("--json", help="Write the results to this file.", dir_okay=False)]
Local = Annotated[
    bool, typer.Option("--local/--server", help="Run the models in this process / in an embedded Triton.")
]
Picture = Annotated[Path | None, typer.Option(exists=True, dir_okay=False)]
Folder = Annotated[Path | None, typer.Option(exists=True, file_okay=False)]


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Show the latest line beside a spinner; where nobody looks at a terminal, print every line."""
    if not console.is_terminal:
        yield lambda line: console.print(line, markup=False)
        return
    with console.status("starting") as status:
        yield status.update


@contextmanager
def in_words() -> Iterator[None]:
    """Turn our own errors into a sentence and exit status 1."""
    try:
        yield
    except VfrError as error:
        console.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None


def write(path: Path | None, results: Mapping[str, object]) -> None:
    """Write results as JSON, if they are wanted in a file."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=2) + "\n")
