"""Translates a LiteRT network to the ONNX model that a contract describes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper

from bridge.contracts import Contract
from bridge.contracts import Tensor as Declared
from bridge.errors import ConversionFailed
from export import operators
from export.graph import TO_NCHW, GraphBuilder
from export.litert import Network, Operator

OPSET = 17
IR_VERSION = 8
"""What onnxruntime 1.12 (2022) and everything newer reads."""


def translate(
    network: Network, contract: Contract, outputs: Mapping[str, str], metadata: Mapping[str, str]
) -> bytes:
    """Translate a network of one input to an ONNX model with the contract's names and shapes.

    The batch becomes dynamic; what no wanted output depends on is left out.

    Args:
        network: the LiteRT network.
        contract: the Triton model that it becomes.
        outputs: the network's own name of each of the contract's outputs.
        metadata: what is written into the file beside the graph: where it comes from, its licence.

    Returns:
        The model's file; equal arguments give equal bytes.

    Raises:
        ConversionFailed: an operator can't be translated, or the shapes contradict the contract.
    """
    tensors = _tensors(network, contract, outputs)
    b = GraphBuilder(network)
    crop = contract.inputs[0]
    flat = len(crop.shape) != 3
    b.bind(network.inputs[0], crop.name if flat else b.emit("Transpose", [crop.name], perm=TO_NCHW))
    for op in _needed(network, tensors.values()):
        operators.apply(b, op)
    for declared in contract.outputs:
        b.reshape(tensors[declared.name], declared.shape, declared.name)
    return _file(b, contract, metadata)


def _tensors(network: Network, contract: Contract, outputs: Mapping[str, str]) -> dict[str, int]:
    """Return the network's tensor for each of the contract's outputs, their sizes checked."""
    named = {network.tensors[i].name: i for i in network.outputs}
    if absent := set(outputs.values()) - named.keys():
        raise ConversionFailed(f"{contract.name}: the network has no output {', '.join(sorted(absent))}")
    tensors = {declared.name: named[outputs[declared.name]] for declared in contract.outputs}
    pairs = [(contract.inputs[0], network.inputs[0])]
    pairs += [(declared, tensors[declared.name]) for declared in contract.outputs]
    for declared, tensor in pairs:
        shape = network.tensors[tensor].shape[1:]
        if np.prod(shape) != np.prod(declared.shape):
            raise ConversionFailed(
                f"{contract.name}: {declared.name} is {shape} in the network and {declared.shape} by contract"
            )
    return tensors


def _needed(network: Network, outputs: Iterable[int]) -> list[Operator]:
    """Return the operators that the outputs depend on, in the order of their execution."""
    wanted, needed = set(outputs), []
    for op in reversed(network.operators):
        if wanted.intersection(op.outputs):
            wanted.update(op.inputs)
            needed.append(op)
    return needed[::-1]


def _file(b: GraphBuilder, contract: Contract, metadata: Mapping[str, str]) -> bytes:
    inputs, outputs = ([_info(t) for t in side] for side in (contract.inputs, contract.outputs))
    graph = helper.make_graph(b.nodes, contract.name, inputs, outputs, b.initializers)
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(
        graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="neurose-vfr"
    )
    helper.set_model_props(model, dict(metadata))
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ConversionFailed(f"{contract.name}: the translated graph is not valid ONNX: {error}") from error
    return bytes(model.SerializeToString(deterministic=True))


def _info(tensor: Declared) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, ["batch", *tensor.shape])
