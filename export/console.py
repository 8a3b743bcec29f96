"""What every command of `python -m export` speaks through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from bridge.errors import ArtifactError, ConfigError

if TYPE_CHECKING:
    from export.installation import Report

out, err = Console(), Console(stderr=True)


@contextmanager
def told() -> Iterator[None]:
    """Turn what an artifact or a setting refuses into a sentence and an exit code."""
    try:
        yield
    except (ArtifactError, ConfigError) as error:
        err.print(f"[red]{type(error).__name__}[/]: ", end="")
        err.print(str(error), highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(1) from error


def table(reports: Sequence[Report]) -> Table:
    """Return how far every output of every network lies from its source in float32."""
    made = Table("network", "output", "largest error", "relative", "bound", "by", "size", box=None)
    for report in reports:
        name, size = report.model, f"{report.bytes / 1e6:.1f} MB"
        for output, found in report.proof.differences.items():
            error = (f"{found.max_abs:.1e}", f"{found.max_rel:.1e}", f"{found.bound:g}")
            made.add_row(name, output, *error, report.proof.runner, size)
            name = size = ""
    return made
