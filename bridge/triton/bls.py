"""Networks that the server runs, as functions of torch's tensors: Triton's business logic scripting, BLS.

The server joins what several tasks ask of a network at the same time into one batch. On a card the tensors stay
where they are (DLPack); otherwise they travel through shared memory.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from bridge.contracts import Contract
from bridge.errors import OutOfMemory, VfrError
from bridge.finish.networks import TORCH, Network, Networks, Tensors
from bridge.triton.serving import told
from bridge.triton.stub import StubTensor, TritonError, stub


def networks(contracts: Mapping[str, Contract], device: str) -> Networks:
    """Return the server's networks by name; their outputs are on ``device``, as torch names it."""
    return {name: _network(contract, torch.device(device)) for name, contract in contracts.items()}


def _network(contract: Contract, device: torch.device) -> Network:
    dtypes = {tensor.name: TORCH[tensor.dtype] for tensor in contract.inputs}
    outputs = [tensor.name for tensor in contract.outputs]

    async def call(**tensors: torch.Tensor) -> Tensors:
        request = stub().InferenceRequest(
            model_name=contract.name,
            requested_output_names=outputs,
            inputs=[_sent(name, tensors[name].to(dtype)) for name, dtype in dtypes.items()],
            **_where(device),
        )
        response = await request.async_exec()
        if response.has_error():
            raise _failed(contract, response.error())
        return {tensor.name(): _received(tensor).to(device) for tensor in response.output_tensors()}

    return call


def _where(device: torch.device) -> Mapping[str, object]:
    """Return what asks for outputs that stay on the card."""
    if device.type == "cpu":
        return {}
    return {"preferred_memory": stub().PreferredMemory(stub().TRITONSERVER_MEMORY_GPU, device.index or 0)}


def _sent(name: str, tensor: torch.Tensor) -> StubTensor:
    if tensor.is_cuda:
        return stub().Tensor.from_dlpack(name, tensor.contiguous())
    return stub().Tensor(name, tensor.contiguous().numpy())


def _received(tensor: StubTensor) -> torch.Tensor:
    """Return a copy: what Triton lends lies in memory that it wants back."""
    if tensor.is_cpu():
        return torch.from_numpy(tensor.as_numpy())
    return torch.from_dlpack(tensor.to_dlpack()).clone()


def _failed(contract: Contract, error: TritonError) -> VfrError:
    """Return a network's error; what onnxruntime, TensorRT and CUDA say of a full card has one word in common."""
    if "memory" in error.message().lower():
        return OutOfMemory(
            f"{contract.name} found no room on the card; please try again later, or lower how many jobs are in flight."
        )
    return told(contract, error)
