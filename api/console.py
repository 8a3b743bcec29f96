"""What the command line says, and where: pictures' data to standard output, words to people elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console

from bridge.errors import VfrError

AsJson = Annotated[bool, typer.Option("--json", help="print it as JSON")]
OUT = Console()
SAY = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def in_words() -> Iterator[None]:
    """Turn an error that we know into one sentence and exit status 1."""
    try:
        yield
    except (VfrError, OSError) as error:
        SAY.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
