"""The networks as the engine calls them, whoever runs them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import torch

from bridge.contracts import DType

Network = Callable[..., Awaitable[Mapping[str, torch.Tensor]]]
"""Tensors by input name in, rows first; tensors by output name out."""

Networks = Mapping[str, Network]
"""By the name of their contract, see :func:`bridge.finish.contracts.contracts`."""

Tensors = Mapping[str, torch.Tensor]

TORCH: Mapping[DType, torch.dtype] = {
    DType.FP32: torch.float32,
    DType.FP16: torch.float16,
    DType.INT64: torch.int64,
}
"""torch's names of the types that networks use."""
