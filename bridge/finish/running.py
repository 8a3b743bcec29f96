"""What computes one network's batch within a process: a torch module, or a session of onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from bridge.contracts import Contract
from bridge.finish.networks import TORCH, Tensors

Run = Callable[[Tensors], Tensors]
"""Computes a batch: tensors by input name in, by output name out."""

Array = npt.NDArray[np.generic]


class Session(Protocol):
    """What is needed of ``onnxruntime.InferenceSession``."""

    def run(self, output_names: Sequence[str], input_feed: Mapping[str, Array]) -> Sequence[Array]:
        """Return the outputs of those names."""


def torch_run(module: torch.nn.Module, contract: Contract, device: str = "cpu") -> Run:
    """Return what runs a module that takes a contract's inputs in their order and gives its outputs so.

    On a card it returns when the outputs are there: otherwise whoever looks at them first, the event loop, would wait.
    """
    dtypes = {tensor.name: TORCH[tensor.dtype] for tensor in contract.inputs}
    names = [tensor.name for tensor in contract.outputs]

    def run(inputs: Tensors) -> Tensors:
        with torch.no_grad():
            outputs = module(*(inputs[name].to(device, dtype) for name, dtype in dtypes.items()))
        if device != "cpu":
            torch.cuda.current_stream(device).synchronize()
        return dict(zip(names, outputs, strict=True))

    return run


def onnx_run(session: Session, contract: Contract) -> Run:
    """Return what runs a session that has a contract's inputs and outputs by name, on the CPU."""
    dtypes = {tensor.name: TORCH[tensor.dtype] for tensor in contract.inputs}
    names = [tensor.name for tensor in contract.outputs]

    def run(inputs: Tensors) -> Tensors:
        fed = {name: inputs[name].to("cpu", dtype).contiguous().numpy() for name, dtype in dtypes.items()}
        return {
            name: torch.from_numpy(array) for name, array in zip(names, session.run(names, fed), strict=True)
        }

    return run
