"""Arrays against the contracts: the same checks, in the same words, on both sides of the wire."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bridge.contracts import ANY, Contract, Tensor
from bridge.errors import InternalError, WrongTensor
from bridge.triton.model import NUMPY, Array, Arrays


def complete(contract: Contract, arrays: Arrays) -> Arrays:
    """Return the arrays with the defaults of the inputs that were left out.

    Raises:
        WrongTensor: an input is missing, unknown, or has another dtype or shape than the contract says.
    """
    known = {tensor.name: tensor for tensor in contract.inputs}
    if unknown := arrays.keys() - known.keys():
        raise WrongTensor(
            f"{contract.name} has no input '{min(unknown)}'; its inputs are {', '.join(known)}."
        )
    filled = {name: _default(tensor) for name, tensor in known.items() if tensor.default is not None}
    filled |= arrays
    if fault := _first_fault(contract, known, filled):
        raise WrongTensor(f"{contract.name} needs the input {fault}.")
    return filled


def checked(contract: Contract, arrays: Arrays) -> Arrays:
    """Return a model's answer as it was, once it holds every output that the contract promises.

    Raises:
        InternalError: it doesn't.
    """
    promised = {tensor.name: tensor for tensor in contract.outputs}
    if fault := _first_fault(contract, promised, arrays):
        raise InternalError(f"{contract.name} owes the output {fault}.")
    return arrays


def _default(tensor: Tensor) -> Array:
    return np.full(tensor.shape, tensor.default, NUMPY[tensor.dtype.value])


def _first_fault(contract: Contract, tensors: Mapping[str, Tensor], arrays: Arrays) -> str | None:
    for name, tensor in tensors.items():
        wanted = f"'{name}' as {describe(tensor, batched=contract.max_batch > 0)}"
        if name not in arrays:
            return f"{wanted}; it is missing"
        array = np.asarray(arrays[name])
        if array.dtype != NUMPY[tensor.dtype.value]:
            return f"{wanted}; its numbers are {array.dtype}"
        if not _fits(tensor, array.shape, contract.max_batch):
            return f"{wanted}; its shape is {list(array.shape)}"
    return None


def _fits(tensor: Tensor, shape: tuple[int, ...], max_batch: int) -> bool:
    if max_batch > 0:
        if not shape or not 1 <= shape[0] <= max_batch:
            return False
        shape = shape[1:]
    return len(shape) == len(tensor.shape) and all(
        wanted in (ANY, size) for wanted, size in zip(tensor.shape, shape, strict=True)
    )


def describe(tensor: Tensor, *, batched: bool = False) -> str:
    """Return dtype and shape in words: ``UINT8 [any, any, 3]``."""
    sizes = ["batch"] * batched + ["any" if size == ANY else str(size) for size in tensor.shape]
    return f"{tensor.dtype.value} [{', '.join(sizes)}]"
