"""What a network is tried on: inputs of the size, type and range that its contract says, from a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from bridge.contracts import ANY, Contract, Tensor
from bridge.finish.layout import Layout
from export.proof import DTYPES

_Make = Callable[[tuple[int, ...], torch.Generator, Layout], torch.Tensor]


def _integers(below: int) -> _Make:
    return lambda shape, generator, _: torch.randint(0, below, shape, generator=generator)


def _uniform(low: float, high: float) -> _Make:
    return lambda shape, generator, _: torch.empty(shape).uniform_(low, high, generator=generator)


def _kinds(shape: tuple[int, ...], generator: torch.Generator, layout: Layout) -> torch.Tensor:
    return torch.randint(0, layout.union_kinds + len(layout.nets), shape, generator=generator)


def _present(shape: tuple[int, ...], generator: torch.Generator, _: Layout) -> torch.Tensor:
    """Draw which controls a row has; every row has its first."""
    present = torch.randint(0, 2, shape, generator=generator).float()
    present[:, 0] = 1.0
    return present


def _normal(shape: tuple[int, ...], generator: torch.Generator, _: Layout) -> torch.Tensor:
    return torch.randn(shape, generator=generator)


_RANGES: Mapping[str, _Make] = {
    "ids_1": _integers(256),
    "ids_2": _integers(256),
    "kind": _kinds,
    "timestep": _uniform(0.0, 999.0),
    "time_ids": _uniform(0.0, 1408.0),
    "image": _uniform(-1.0, 1.0),
    "control": _uniform(0.0, 1.0),
    "union_present": _present,
    "union_weights": _uniform(0.0, 1.0),
    "union_gain": _uniform(0.0, 1.0),
    "net_scales": _uniform(0.0, 1.0),
    "adapter_scales": _uniform(0.0, 1.0),
}
"""Of the inputs that are not about normal."""


def examples(contract: Contract, layout: Layout, rows: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return inputs of a network by name, in the contract's order: ``[rows, *shape]``."""
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for tensor in contract.inputs:
        make = _RANGES.get(tensor.name, _normal)
        made[tensor.name] = make((rows, *_shape(tensor, layout)), generator, layout).to(DTYPES[tensor.dtype])
    return made


def _shape(tensor: Tensor, layout: Layout) -> tuple[int, ...]:
    """Return a tensor's shape, where it differs between requests that of the first bucket."""
    if ANY not in tensor.shape:
        return tensor.shape
    width, height = layout.buckets[0]
    sides = (height, width) if tensor.name == "image" else layout.latent_size(layout.buckets[0])
    return (tensor.shape[0], *sides)
