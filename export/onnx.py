"""A PyTorch network as ONNX: any number of rows, the picture's size as its contract says."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch

from bridge.contracts import ANY, Contract, Tensor
from bridge.errors import ConversionFailed
from export.proof import Tensors

_LARGEST_PROTOBUF = 1 << 30
"""Weights above this lie beside the graph [bytes]: a protobuf holds 2 GB at most."""

_HARMLESS = (
    "# The axis name",  # every input shares the axis of rows
    ".*isinstance\\(treespec, LeafSpec\\)",  # torch calls what torch deprecated
    ".*has been removed from the graph.*",
)


def write_onnx(
    module: torch.nn.Module, contract: Contract, inputs: Tensors, path: Path, about: Mapping[str, str]
) -> None:
    """Write a network as ONNX, large weights in a file of their own beside it.

    Args:
        module: takes the contract's inputs in order and returns a tuple of its outputs in order.
        contract: the network's.
        inputs: two rows of each of the contract's inputs, in order.
        path: the ``.onnx`` file.
        about: what the file says about itself.

    Raises:
        ConversionFailed: the network can't be translated.
    """
    from onnxscript.optimizer import fold_constants, remove_unused_nodes

    program = _program(module, contract, inputs)
    fold_constants(program.model)
    remove_unused_nodes(program.model)
    program.model.metadata_props.update(about)
    weights = (value.const_value for value in program.model.graph.initializers.values())
    size = sum(weight.nbytes for weight in weights if weight is not None)
    program.save(path, external_data=size > _LARGEST_PROTOBUF)


def exported(module: torch.nn.Module, contract: Contract, inputs: Tensors) -> torch.export.ExportedProgram:
    """Return a network's graph with every size that may differ as a symbol.

    Raises:
        ConversionFailed: what it does depends on values that are only known when it runs.
    """
    try:
        with _quiet(), torch.no_grad():
            return torch.export.export(
                module, tuple(inputs.values()), dynamic_shapes=_like(module, _dynamic(contract)), strict=False
            )
    except Exception as error:  # torch raises whatever it meets
        raise ConversionFailed(f"{contract.name} can't be captured: {error}") from error


def _program(module: torch.nn.Module, contract: Contract, inputs: Tensors) -> torch.onnx.ONNXProgram:
    graph = exported(module, contract, inputs)
    try:
        with _quiet():
            program = torch.onnx.export(
                graph,
                dynamo=True,
                verbose=False,
                optimize=False,  # a third of the time, for what onnxruntime and TensorRT do when they load
                input_names=[tensor.name for tensor in contract.inputs],
                output_names=[tensor.name for tensor in contract.outputs],
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise ConversionFailed(f"{contract.name} can't be written as ONNX: {error}") from error
    return program


def _dynamic(contract: Contract) -> tuple[dict[int, object], ...]:
    """Return each input's sizes that may differ: the rows, and a side where the contract leaves it open."""
    rows = torch.export.Dim("rows", min=1, max=max(contract.max_batch, 2))
    sides = [torch.export.Dim(name, min=2, max=512) for name in ("height", "width")]
    return tuple(_sizes(tensor, rows, sides) for tensor in contract.inputs)


def _sizes(tensor: Tensor, rows: object, sides: list[torch.export.Dim]) -> dict[int, object]:
    step = 8 if tensor.name == "image" else 1  # a picture's side is 8 times its latent's
    opened = [axis for axis, size in enumerate(tensor.shape, 1) if size == ANY]
    return {0: rows} | {axis: step * side for axis, side in zip(opened, sides, strict=False)}


def _like(module: torch.nn.Module, sizes: tuple[dict[int, object], ...]) -> tuple[object, ...]:
    """Return the sizes as torch wants them: of a module that takes ``*tensors``, as its one argument's."""
    (first, *_) = inspect.signature(module.forward).parameters.values()
    return (sizes,) if first.kind is inspect.Parameter.VAR_POSITIONAL else sizes


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's remarks about its own code from the user."""
    with warnings.catch_warnings():
        for message in _HARMLESS:
            warnings.filterwarnings("ignore", message)
        yield
