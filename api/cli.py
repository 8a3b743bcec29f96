"""The command line: ``vfr --help``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from api import fitting_cli, keys_cli, webhooks_cli
from api.console import OUT, SAY, AsJson, in_words
from api.running import embedded, listen, work
from api.settings import Role, Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.add_typer(keys_cli.app, name="keys")
app.add_typer(webhooks_cli.app, name="webhooks")
app.command()(fitting_cli.tryon)
app.command()(fitting_cli.parse)


@app.callback()
def root() -> None:
    """A virtual fitting room: a person's photo and a garment's photo in, the person wearing it out.

    Start with

        vfr tryon me.jpg shirt.jpg -o me-in-shirt.png

    It needs no server: where none runs, it starts one and stops it again. `vfr serve` keeps one running,
    with a page to try it at http://127.0.0.1:8080.
    """


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="the address to listen on")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="the port of REST and the page")] = None,
    grpc_port: Annotated[int, typer.Option(min=0, max=65535, help="the port of KServe v2 over gRPC")] = 8001,
    triton_url: Annotated[
        str | None, typer.Option(help="a Triton that runs elsewhere; none is started", metavar="URL")
    ] = None,
    role: Annotated[
        Role | None, typer.Option(help="api takes jobs, worker executes them, all does both")
    ] = None,
) -> None:
    """Serve REST, with a page to try it, and KServe v2 over gRPC, until Ctrl-C.

    * `vfr serve`
    * `vfr serve --port 9000 --triton-url triton:8001`

    Every option can come from the environment too: `VFR_PORT=9000`.
    """
    known = Settings()
    known = known.model_copy(
        update={
            name: value
            for name, value in {"host": host, "port": port, "triton_url": triton_url, "role": role}.items()
            if value is not None
        }
    )
    with in_words():
        if triton_url:
            listen(known, SAY)
            return
        with embedded(SAY, grpc_port=grpc_port) as url:
            listen(known.model_copy(update={"triton_url": url}), SAY)
    SAY.print("Everything is stopped.")


@app.command()
def worker(
    triton_url: Annotated[
        str | None, typer.Option(help="the Triton to ask; none: the one of VFR_TRITON_URL", metavar="URL")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="how many jobs are executed at once")] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="the port of /metrics, /healthz and /readyz")
    ] = None,
) -> None:
    """Execute the jobs that others take, until Ctrl-C.

    * `vfr serve --role api` takes jobs, and any number of `vfr worker` execute them
    * all name the same VFR_DATABASE_URL, VFR_BLOBS_URL and VFR_SECRET

    A worker may be killed at any moment: another one goes on where it was.
    """
    known = Settings(role=Role.WORKER)
    wanted = {"triton_url": triton_url, "workers": jobs, "metrics_port": metrics_port}
    with in_words():
        work(known.model_copy(update={name: value for name, value in wanted.items() if value}), SAY)
    SAY.print("Everything is stopped.")


@app.command()
def models(*, as_json: AsJson = False) -> None:
    """List every model: ready or not, its weights, their licence, and what to do about it."""
    from dataclasses import asdict

    from rich.table import Column, Table

    from bridge.registry import model_statuses

    with in_words():
        rows = model_statuses()
    if as_json:
        OUT.print_json(json.dumps([asdict(row) for row in rows]))
        return
    table = Table(
        Column("model", no_wrap=True),
        "ready",
        "weights",
        "licence",
        "commercial",
        Column("why not", overflow="fold"),  # paths and addresses must be readable whole
        box=None,
    )
    for row in rows:
        table.add_row(
            row.name,
            "[green]yes[/]" if row.ready else "[red]no[/]",
            f"{len(row.artifacts)} networks" if len(row.artifacts) > 1 else "".join(row.artifacts) or "none",
            ", ".join(row.licences) or "ours",
            "yes" if row.commercial_use else "[red]no[/]",
            row.why_not,
        )
    OUT.print(table)


def main() -> None:
    """Run the command line."""
    app(prog_name="vfr")


if __name__ == "__main__":
    main()
