"""`python -m export scores`: the command line of the learned scores' export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.checkout import REPOSITORY
from bridge.registry import load_registry
from export.console import err, out, table, told
from export.scores.choice import Score, locate

Only = Annotated[list[Score] | None, typer.Option(help="One network; give it again for more. Default: all.")]


def scores(
    only: Only = None,
    half: Annotated[bool, typer.Option("--half", help="CLIP in half floats, for a card.")] = False,  # noqa: FBT002 - a flag
    card: Annotated[str, typer.Option(help="A file of configs/gpu: on what they will run.")] = "cpu",
    repository: Annotated[Path, typer.Option(help="Triton's model repository.")] = REPOSITORY,
) -> None:
    """Install the networks that judge finished pictures: CLIP, LPIPS, an aesthetic predictor, AuraFace.

    Needs their files, of 2.2 GB together, which `python -m export fetch` brings; if one isn't there, you are told so.
    A picture's report has those scores whose networks are installed.
    """
    from export.scores.installing import install

    with told():
        chosen = tuple(dict.fromkeys(only or Score))
        sources = locate(chosen, load_registry())
        made = install(
            sources, repository, scores=chosen, half=half, card=card,
            progress=lambda score: err.print(score.contract.name, highlight=False),
        )  # fmt: skip
    out.print(table(made))
