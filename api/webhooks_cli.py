"""``vfr webhooks``: the secrets that messages are signed with, and the endpoints that want no more."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.table import Column, Table

from api.console import OUT, SAY, at_database, in_words
from api.webhooks import delivery
from api.webhooks.standard import new_secret

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Make secrets of endpoints, and see what did not arrive.",
)


@app.command()
def secret() -> None:
    """Make a secret for an endpoint and print it; it is kept nowhere.

    Give it to the receiver, and put it into the variable that the endpoint's `secret_env` names in the tenants' file.

    * `vfr webhooks secret > lumen.secret`
    """
    sys.stdout.write(f"{new_secret().get_secret_value()}\n")


@app.command("list")
def list_() -> None:
    """List the endpoints that messages did not reach, and how many.

    `pending` ones are sent again; an endpoint that is `disabled` answered 410 and gets nothing until it is enabled.
    """
    with in_words():
        rows = at_database(delivery.unheard)
    table = Table("tenant", Column("endpoint", overflow="fold"), "state", "messages", box=None)
    for tenant, endpoint, state, count in rows:
        table.add_row(tenant, endpoint, state, str(count))
    OUT.print(table, soft_wrap=True)


@app.command()
def enable(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="whose it is")],
    endpoint: Annotated[
        str, typer.Argument(metavar="URL", help="its address, as `vfr webhooks list` shows it")
    ],
) -> None:
    """Send to an endpoint again that had answered 410; what it missed is not repeated.

    * `vfr webhooks enable lumen https://hooks.lumen.example/fitting`
    """
    with in_words():
        at_database(lambda connection: delivery.enable(connection, tenant, endpoint))
    SAY.print("The next message goes there again.")
