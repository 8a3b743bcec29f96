"""What commands have in common: what they say, and where - data to standard output, words to people elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, TypeVar

import sqlalchemy as sa
import typer
from rich.console import Console

from api.settings import Settings
from api.storage.database import Database
from bridge.errors import VfrError

T = TypeVar("T")
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


def at_database(transaction: Callable[[sa.Connection], T]) -> T:
    """Run a transaction on the service's database, and return what it returns.

    Raises:
        StorageUnavailable: the database does not answer.
    """
    database = Database(Settings().database)
    try:
        database.create()
        return database.run_here(transaction)
    finally:
        database.close()
