"""Pickled weights, as tensors or as safetensors: PyTorch's unpickler refuses everything that would run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

from bridge.errors import ConversionFailed
from export.files import part_of


def read(path: Path) -> Mapping[str, torch.Tensor]:
    """Return a file's tensors by name and nothing else; nothing that is written into it runs.

    Names of groups are joined to the names in them (``image_proj.latents``), as safetensors' own adapters have them.

    Raises:
        ConversionFailed: there is more in it than tensors, or none.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's unpickler raises whatever it meets
        raise ConversionFailed(
            f"{path} is not only tensors, so it was not read; use another copy of it"
        ) from error
    tensors = dict(_tensors("", content))
    if not tensors:
        raise ConversionFailed(f"{path} holds no tensors; use another copy of it")
    return tensors


def rewrite(path: Path) -> Path:
    """Write a file's tensors as ``.safetensors`` beside it and return that file.

    Raises:
        ConversionFailed: see :func:`read`.
    """
    from safetensors.torch import save_file

    tensors = read(path)
    made = path.with_suffix(".safetensors")
    part = part_of(made)
    save_file(tensors, part)
    part.replace(made)
    return made


def _tensors(prefix: str, content: object) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(content, torch.Tensor):
        yield prefix, content.contiguous().clone()  # safetensors holds no two views of one storage
    elif isinstance(content, Mapping):
        for name, value in content.items():
            yield from _tensors(f"{prefix}.{name}" if prefix else str(name), value)
