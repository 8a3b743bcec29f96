"""AuraFace, which is published as ONNX: taken as it is, under our names, for any number of faces at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, ValueInfoProto

from bridge.contracts import Contract, Tensor
from bridge.errors import ArtifactCorrupt, ConversionFailed
from export.proof import Tensors, onnx_runner

_ROWS = "rows"
_STANDARD = ("", "ai.onnx")
_LOWEST_IR = 4
"""Since then weights need not be inputs as well, which kept runtimes from computing with them ahead of time."""


def write(source: Path, contract: Contract, path: Path, about: Mapping[str, str]) -> None:
    """Write a network under the contract's names, its weights and operators untouched.

    Args:
        source: the published ``.onnx``.
        contract: the network's; of one input and one output.
        path: the ``.onnx`` file to write.
        about: what the file says about itself.

    Raises:
        ArtifactCorrupt: the file is no ONNX, or cut short.
        ConversionFailed: it takes or gives something else than the contract says, or needs more than itself.
    """
    model = _read(source)
    _refuse_more_than_itself(model, source)
    graph, taken = model.graph, _inputs(model)
    _refuse_other(taken, contract.inputs, source)
    _refuse_other(list(graph.output), contract.outputs, source)
    _refuse_own_range(model, source)
    _rename(model, {taken[0].name: contract.inputs[0].name, graph.output[0].name: contract.outputs[0].name})
    for values, tensors in ((graph.input, contract.inputs), (graph.output, contract.outputs)):
        del values[:]
        values.extend(_value(tensor) for tensor in tensors)
    del graph.value_info[:]  # it says one row
    model.ir_version = max(model.ir_version, _LOWEST_IR)
    onnx.helper.set_model_props(model, dict(about))
    onnx.save(model, path)


def reference(source: Path, contract: Contract, inputs: Tensors) -> Tensors:
    """Return what the published file computes, one row after the other: its own batch may be 1.

    Args:
        source: the published ``.onnx``.
        contract: the network's.
        inputs: by the contract's name, ``[rows, *shape]``.
    """
    (given,), (made,) = inputs.values(), contract.outputs
    (taken,) = _inputs(_read(source))
    run = onnx_runner(source)
    rows = [next(iter(run({str(taken.name): row}).values())) for row in given.split(1)]
    return {made.name: torch.cat(rows)}


def _inputs(model: onnx.ModelProto) -> list[ValueInfoProto]:
    weights = {weight.name for weight in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def _read(source: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(source, load_external_data=False)
    except (DecodeError, OSError) as error:
        raise ArtifactCorrupt(f"{source} is no ONNX ({error}); fetch it anew") from error
    if not model.graph.node:
        raise ArtifactCorrupt(f"{source} is empty; fetch it anew")
    return model


def _refuse_more_than_itself(model: onnx.ModelProto, source: Path) -> None:
    """Refuse weights in other files, and operators that only some program of somebody's knows."""
    outside = [w.name for w in model.graph.initializer if w.data_location == TensorProto.EXTERNAL]
    if outside:
        raise ConversionFailed(f"{source} keeps {outside[0]} in another file; use the publisher's whole one")
    foreign = {node.op_type: node.domain for node in model.graph.node if node.domain not in _STANDARD}
    foreign |= {function.name: function.domain for function in model.functions}
    if foreign:
        kind, domain = next(iter(foreign.items()))
        raise ConversionFailed(f"{source} needs {domain}'s {kind}, which is no operator of ONNX")


def _refuse_other(values: list[ValueInfoProto], tensors: tuple[Tensor, ...], source: Path) -> None:
    (wanted,) = tensors
    kinds = [value.type.tensor_type for value in values]
    if len(kinds) != 1 or not _may_be(kinds[0], wanted):
        pairs = zip(values, kinds, strict=True)
        found = " and ".join(f"{value.name} {_sizes(kind)}" for value, kind in pairs)
        raise ConversionFailed(
            f"{source} is another network: where one fp32 tensor of rows x {list(wanted.shape)} belongs, it has "
            f"{found or 'nothing'}"
        )


def _may_be(kind: onnx.TypeProto.Tensor, wanted: Tensor) -> bool:
    """Tell whether a tensor can have the wanted type and sizes; of what it leaves open, the proof will tell."""
    sizes = _sizes(kind) if kind.HasField("shape") else [0] * len(wanted.shape)
    fits = len(sizes) == len(wanted.shape) and all(
        size in {0, known} for size, known in zip(sizes, wanted.shape, strict=True)
    )
    return fits and kind.elem_type == TensorProto.FLOAT


def _sizes(kind: onnx.TypeProto.Tensor) -> list[int]:
    """Return the sizes behind the rows; one that is open is 0."""
    return [size.dim_value for size in kind.shape.dim[1:]]


def _refuse_own_range(model: onnx.ModelProto, source: Path) -> None:
    """Refuse what scales bytes by itself, as InsightFace's networks of MXNet's time do (its ``ArcFaceONNX``)."""
    if {"Sub", "Mul"} <= {node.op_type for node in model.graph.node[:8]}:
        raise ConversionFailed(f"{source} takes pixels from 0 to 255, and AuraFace's are in [-1, 1]")


def _rename(model: onnx.ModelProto, names: Mapping[str, str]) -> None:
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def _value(tensor: Tensor) -> ValueInfoProto:
    return onnx.helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, [_ROWS, *tensor.shape])
