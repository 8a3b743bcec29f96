"""Networks that onnxruntime runs in this process, as functions of torch's tensors: what BLS is inside the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import torch

from bridge.contracts import Contract
from bridge.finish.networks import TORCH, Network, Networks, Tensors
from bridge.triton.model import Array, Infer


def networks(contracts: Mapping[str, Contract], opened: Callable[[str], Infer]) -> Networks:
    """Return the networks by name; ``opened`` opens one when it is first called."""
    return {name: _network(contract, opened) for name, contract in contracts.items()}


def _network(contract: Contract, opened: Callable[[str], Infer]) -> Network:
    dtypes = {tensor.name: TORCH[tensor.dtype] for tensor in contract.inputs}

    def run(arrays: Mapping[str, Array]) -> Tensors:
        outputs = opened(contract.name)(**arrays)
        return {name: torch.from_numpy(array) for name, array in outputs.items()}

    async def call(**tensors: torch.Tensor) -> Tensors:
        arrays = {name: tensors[name].to(dtype).numpy() for name, dtype in dtypes.items()}
        return await asyncio.to_thread(run, arrays)

    return call
