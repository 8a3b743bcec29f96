"""``vfr keys``: API keys, issued, listed and revoked; and the secret of a relay."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timezone
from typing import Annotated

import typer
from rich.table import Column, Table

from api.console import OUT, SAY, at_database, in_words
from api.providers.callback import relay_secret
from api.security import keys
from api.security.keys import Key, Scope
from api.security.tenants import load_tenants
from api.settings import Settings
from bridge.errors import Refused

DAY = 86400.0

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
    with in_words():
        wanted = scope or [Scope.FIT, Scope.READ, Scope.ERASE]
        _check(tenant, wanted)
        now = time.time()
        expires = None if days is None else now + days * DAY
        pepper = keys.pepper_of(Settings().key)
        made = at_database(
            lambda connection: keys.issue(connection, pepper, tenant, wanted, now, expires=expires)
        )
    sys.stdout.write(f"{made}\n")
    SAY.print("This is the only time that the key is shown. Keep it where secrets are kept.")


@app.command("list")
def list_(tenant: Annotated[str | None, typer.Argument(help="of this tenant alone")] = None) -> None:
    """List the keys, active or not, by the names that `vfr keys revoke` takes."""
    with in_words():
        known = at_database(lambda connection: keys.keys_of(connection, tenant))
    now = time.time()
    table = Table(
        Column("key", no_wrap=True), "tenant", "state", "scopes", "created", "expires", "last used", box=None
    )
    for key in known:
        days = map(_day, (key.created, key.expires, key.last_used))
        table.add_row(key.prefix, key.tenant, _state(key, now), " ".join(sorted(key.scopes)), *days)
    OUT.print(table, soft_wrap=True)


@app.command()
def revoke(key: Annotated[str, typer.Argument(help="its name, as `vfr keys list` shows it")]) -> None:
    """Close a key at once and for ever.

    * `vfr keys revoke 3f9c01d2a4b7`
    """
    with in_words():
        at_database(lambda connection: keys.revoke(connection, key, time.time()))
    SAY.print("The key is revoked.")


@app.command()
def relay() -> None:
    """Print the secret with which a relay of yours signs Kling's callbacks: see `api/providers/callback.py`.

    It follows from VFR_SECRET, is good for nothing else, and changes with it.
    """
    with in_words():
        sys.stdout.write(f"{relay_secret(Settings().key).decode()}\n")


def _check(tenant: str, scopes: list[Scope]) -> None:
    path = Settings().tenants
    tenants = load_tenants(path)
    if not (known := tenants.named(tenant)):
        raise Refused(f"{path} has no tenant {tenant}; it has {', '.join(t.id for t in tenants.tenants)}.")
    if Scope.ADMIN in scopes and not known.admin:
        raise Refused(f"{tenant} is no admin; set admin: true for it in {path} first.")


def _state(key: Key, now: float) -> str:
    if key.active(now):
        return "[green]active[/]"
    return "revoked" if key.revoked is not None else "over"


def _day(moment: float | None) -> str:
    return f"{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%d}" if moment else "never"
