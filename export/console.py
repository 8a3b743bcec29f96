"""What every command of `python -m export` speaks through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from bridge.errors import ArtifactError, ConfigError

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
