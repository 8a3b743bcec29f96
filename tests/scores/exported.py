"""The learned scores' networks, installed by the real command's own function, once for as long as it stays the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.files import locked
from export.scores.choice import Score
from export.scores.installing import install
from tests.kept import kept_folder
from tests.scores import tiny

_SOURCES = (
    "export/scores",
    "export/cards.py",
    "export/files.py",
    "export/filling.py",
    "export/installation.py",
    "export/onnx.py",
    "export/pbtxt.py",
    "export/pickles.py",
    "export/precision.py",
    "export/proof.py",
    "export/weights.py",
    "bridge/contracts.py",
    "bridge/registry/learned.py",
    "configs/gpu/cpu.yaml",
    "configs/registry.yaml",
    "tests/finish/tiny.py",
    "tests/scores/tiny.py",
)
_PACKAGES = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime", "lpips")


def repository(cache: pytest.Cache) -> Path:
    """Return a model repository with all four networks, small and of random weights; read it only, or copy it.

    To make it takes twenty seconds, so that it is kept between runs of the tests.
    """
    folder = kept_folder(cache, "scores", _SOURCES, _PACKAGES)
    made = folder / "model_repository"
    with locked(made):
        missing = [score for score in Score if not (made / score.contract.name).is_dir()]
        if missing:
            install(tiny.write(folder / "files"), made, scores=missing)
    return made
