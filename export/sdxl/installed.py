"""Where an exported checkpoint lies in a model repository, and how one is put there in another one's place.

``finish/1/layout.json`` is written last and taken away first: where it lies, everything that it speaks of is whole.
"""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from bridge.contracts import KNOWN, Backend
from bridge.finish.contracts import contracts, is_network
from bridge.finish.layout import Layout
from export import files
from export.cards import DEFAULT_CARD, find_card
from export.installation import VERSION
from export.pbtxt import write_config
from export.sdxl.choice import Target


def layout_path(repository: Path) -> Path:
    """Return where a repository's layout lies, or would lie."""
    return repository / "finish" / VERSION / "layout.json"


def networks(repository: Path) -> list[Path]:
    """Return the folders of the networks that are installed, or were and are left over."""
    return [path for path in sorted(repository.iterdir()) if path.is_dir() and is_network(path.name)]


def write_config_files(folder: Path, layout: Layout, card: str, target: Target) -> None:
    """Write each network's config for machines without a card, and for the card.

    Raises:
        ConfigError: the card's file can't be used.
    """
    made = contracts(layout)
    backend = Backend.PYTORCH if target is Target.AOTI else Backend.ONNXRUNTIME
    for name in dict.fromkeys((DEFAULT_CARD, card)):
        tunings = find_card(name, {**KNOWN, **made})
        for contract in made.values():
            served = dataclasses.replace(contract, backend=backend)
            write_config(folder, name, served, tunings.tuning(contract.name))


def replace(repository: Path, staged: Path, layout: Layout) -> None:
    """Put what was staged where Triton reads it, and take away what an earlier checkpoint left.

    Args:
        repository: Triton's.
        staged: the networks' folders, and ``finish/1`` with what the finisher itself reads.
        layout: what they are.
    """
    path = layout_path(repository)
    path.unlink(missing_ok=True)
    for stale in networks(repository):
        shutil.rmtree(stale)
    for folder in sorted(staged.iterdir()):
        if folder.name != "finish":
            folder.rename(repository / folder.name)
    _replace_tokenizers(staged / "finish" / VERSION, path.parent)
    files.write(path, (layout.model_dump_json(indent=2) + "\n").encode())


def _replace_tokenizers(staged: Path, target: Path) -> None:
    """Exchange the tokenizers' folders; the rest of ``finish/1`` is the repository's own."""
    target.mkdir(parents=True, exist_ok=True)
    for stale in target.glob("tokenizer_*"):
        shutil.rmtree(stale)
    for folder in sorted(staged.iterdir()):
        folder.rename(target / folder.name)
