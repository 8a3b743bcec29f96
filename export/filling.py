"""Gives a network the weights of a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import torch

from bridge.errors import ConversionFailed

_Module = TypeVar("_Module", bound=torch.nn.Module)


def filled(module: _Module, weights: Mapping[str, torch.Tensor], path: Path) -> _Module:
    """Return the network with a file's weights, all of them and no others, for inference.

    Raises:
        ConversionFailed: the file's are another network's.
    """
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise ConversionFailed(f"{path} holds another network than was asked for ({brief(error)})") from error
    return module.eval()


def brief(error: Exception) -> str:
    """Return the beginning of what a library says."""
    return " ".join(" ".join(str(error).split("\n")[:2]).split())[:300]
