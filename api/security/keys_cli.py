"""``vfr keys``: API keys, issued, listed and revoked."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Annotated, TypeVar

import sqlalchemy as sa
import typer
from rich.console import Console
from rich.table import Column, Table

from api.security import keys
from api.security.keys import Key, Scope
from api.security.tenants import load_tenants
from api.settings import Settings
from api.storage.database import Database
from bridge.errors import Refused, VfrError

T = TypeVar("T")
DAY = 86400.0
SAY = Console(stderr=True, highlight=False, soft_wrap=True)
OUT = Console(soft_wrap=True)

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Issue, list and revoke the API keys of tenants."
)

TenantName = Annotated[str, typer.Argument(metavar="TENANT", help="an id of the tenants' file")]


@app.command()
def issue(
    tenant: TenantName,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="what it may be used for; may be repeated [fit, read, erase]")
    ] = None,
    days: Annotated[float | None, typer.Option(min=0.01, help="when it is over; never by default")] = None,
) -> None:
    """Make a key and print it: the only time that it is seen.

    * `vfr keys issue lumen`
    * `vfr keys issue lumen --scope read --days 90 > dashboard.key`

    Two keys with the same scopes can be active: issue the new one, move the callers, revoke the old one.
    """
    with _in_words():
        wanted = scope or [Scope.FIT, Scope.READ, Scope.ERASE]
        _check(tenant, wanted)
        now = time.time()
        expires = None if days is None else now + days * DAY
        pepper = keys.pepper_of(Settings().key)
        made = _run(lambda connection: keys.issue(connection, pepper, tenant, wanted, now, expires=expires))
    sys.stdout.write(f"{made}\n")
    SAY.print("This is the only time that the key is shown. Keep it where secrets are kept.")


@app.command("list")
def list_(tenant: Annotated[str | None, typer.Argument(help="of this tenant alone")] = None) -> None:
    """List the keys, active or not, by the names that `vfr keys revoke` takes."""
    with _in_words():
        known = _run(lambda connection: keys.keys_of(connection, tenant))
    now = time.time()
    table = Table(
        Column("key", no_wrap=True), "tenant", "state", "scopes", "created", "expires", "last used", box=None
    )
    for key in known:
        days = map(_day, (key.created, key.expires, key.last_used))
        table.add_row(key.prefix, key.tenant, _state(key, now), " ".join(sorted(key.scopes)), *days)
    OUT.print(table)


@app.command()
def revoke(key: Annotated[str, typer.Argument(help="its name, as `vfr keys list` shows it")]) -> None:
    """Close a key at once and for ever.

    * `vfr keys revoke 3f9c01d2a4b7`
    """
    with _in_words():
        _run(lambda connection: keys.revoke(connection, key, time.time()))
    SAY.print("The key is revoked.")


def _check(tenant: str, scopes: list[Scope]) -> None:
    path = Settings().tenants
    tenants = load_tenants(path)
    if not (known := tenants.named(tenant)):
        raise Refused(f"{path} has no tenant {tenant}; it has {', '.join(t.id for t in tenants.tenants)}.")
    if Scope.ADMIN in scopes and not known.admin:
        raise Refused(f"{tenant} is no admin; set admin: true for it in {path} first.")


def _run(transaction: Callable[[sa.Connection], T]) -> T:
    database = Database(Settings().database)
    try:
        database.create()
        return database.run_here(transaction)
    finally:
        database.close()


def _state(key: Key, now: float) -> str:
    if key.active(now):
        return "[green]active[/]"
    return "revoked" if key.revoked is not None else "over"


def _day(moment: float | None) -> str:
    return f"{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%d}" if moment else "never"


@contextmanager
def _in_words() -> Iterator[None]:
    """Turn an error that we know into one sentence and exit status 1."""
    try:
        yield
    except (VfrError, OSError) as error:
        SAY.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None
