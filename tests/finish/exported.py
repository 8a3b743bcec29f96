"""The tiny checkpoint, exported by the real command's own function, once for as long as the export stays the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from export.files import locked
from export.sdxl.choice import Choice
from tests.finish import tiny
from tests.kept import kept_folder

_SOURCES = (
    "export/sdxl",
    "export/filling.py",
    "export/installation.py",
    "export/onnx.py",
    "export/precision.py",
    "export/proof.py",
    "export/pbtxt.py",
    "export/cards.py",
    "export/weights.py",
    "bridge/finish/contracts.py",
    "bridge/finish/layout.py",
    "tests/finish/tiny.py",
)
_CARD = "configs/gpu/cpu.yaml"
_APART = frozenset(
    {
        "adapters",
        "aoti",
        "architectures",
        "calibration",
        "command",
        "lora",
        "names",
        "quantize",
        "single",
        "tensorrt",
        "vocabulary",
    }
)
"""Modules of the export that take no part in this one."""
_PACKAGES = ("torch", "diffusers", "transformers", "onnx", "onnxscript", "onnxruntime")


def choice(source: Path, /, **changes: object) -> Choice:
    """Return what the tests export: base, ControlNet-Union and refiner in both tiny buckets, in float32."""
    return Choice(
        **{
            "source": str(source / "base"), "refiner": str(source / "refiner"), "buckets": tiny.BUCKETS,
            "licence": "Apache-2.0", "commercial_use": True,
        }
        | changes
    )  # fmt: skip


def checkpoint(cache: pytest.Cache) -> Path:
    """Return the folder of the tiny checkpoint as it would be published; read it only."""
    folder = _folder(cache) / "checkpoint"
    with locked(folder):
        if not (folder / "whole").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            tiny.write(folder)
            (folder / "whole").touch()
    return folder


def repository(cache: pytest.Cache) -> Path:
    """Return a model repository in which the tiny checkpoint is installed, for one bucket; read it only, or copy it.

    Exporting takes a minute, so that it is kept between runs of the tests until something that it depends on changes.
    """
    from export.sdxl.install import install

    source = checkpoint(cache)
    folder = _folder(cache) / "model_repository"
    with locked(folder):
        if not (folder / "finish" / "1" / "layout.json").is_file():
            install(choice(source, buckets=tiny.BUCKETS[:1]), folder)
    return folder


def _folder(cache: pytest.Cache) -> Path:
    return kept_folder(cache, "finisher", (*_SOURCES, _CARD), _PACKAGES, _APART)
