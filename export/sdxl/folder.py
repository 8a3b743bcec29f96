"""Reads a checkpoint's parts out of diffusers' folders: each has a ``config.json`` and its weights as safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import torch

from bridge.errors import ArtifactCorrupt, ConversionFailed
from export.filling import brief, filled
from export.sdxl.weights import component, files
from export.weights import check_dtypes

_Module = TypeVar("_Module", bound=torch.nn.Module)


def read_index(folder: Path) -> Mapping[str, object]:
    """Return what a checkpoint says of itself as a whole; a single part has no such file, and says nothing."""
    path = folder / "model_index.json"
    return read_json(path) if path.is_file() else {}


def read_json(path: Path) -> Mapping[str, object]:
    """Read a JSON object.

    Raises:
        ArtifactCorrupt: it is none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactCorrupt(f"{path} can't be read ({error}); fetch it anew") from error
    if not isinstance(found, dict):
        raise ArtifactCorrupt(f"{path} is no JSON object; fetch it anew")
    return found


def read_part(made: type[_Module], folder: Path, name: str, origin: str) -> _Module:
    """Read one network.

    Args:
        made: its class, of diffusers or transformers.
        folder: the checkpoint.
        name: the part's folder in it; empty: ``folder`` is the part's own.
        origin: where such weights come from: the end of a sentence.

    Returns:
        The network in float32, for inference.

    Raises:
        ArtifactMissing: it is not there, or not whole.
        ArtifactCorrupt: a file is cut short.
        ConversionFailed: its weights are pickled, quantised or of other shapes than its config says.
    """
    path = component(folder, name, origin)
    found = files(path, origin)
    check_dtypes(found)
    variant = "fp16" if found[0].name.endswith(".fp16.safetensors") else None
    try:
        return made.from_pretrained(
            path, torch_dtype=torch.float32, use_safetensors=True, variant=variant, local_files_only=True
        ).eval()
    except (ValueError, RuntimeError, KeyError, OSError) as error:
        raise ConversionFailed(
            f"the weights in {path} don't suit its config.json ({brief(error)}); both must be of one checkpoint"
        ) from error


def read_weights(made: _Module, path: Path) -> _Module:
    """Fill a network from one file whose tensors have the network's own names.

    Raises:
        ArtifactCorrupt: the file is cut short.
        ConversionFailed: its weights are pickled, quantised, or another network's.
    """
    from safetensors.torch import load_file

    found = files(path)
    check_dtypes(found)
    weights = {name: tensor.float() for file in found for name, tensor in load_file(file).items()}
    weights = {name: tensor for name, tensor in weights.items() if not name.endswith("position_ids")}
    return filled(made, weights, path)
