"""Builds LiteRT files of a few operators, so that LiteRT itself can be the truth of a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from bridge.contracts import Backend, Contract, DType, Tensor
from export.litert import Array, parse
from export.parity import OnnxNetwork
from export.translate import translate

_TYPES = {np.dtype(np.float32): 0, np.dtype(np.float16): 1, np.dtype(np.int32): 2}


@dataclass(frozen=True)
class Node:
    """One operator: ``reads`` are names of tensors; its result has its own name and shape (batch first)."""

    kind: str
    reads: Sequence[str]
    result: str
    shape: Sequence[int]
    options: Any = None  # an options object of the schema, or bytes for a custom operator
    dtype: type = np.float32


@dataclass(frozen=True)
class Tiny:
    """A network with the input ``x``; ``sparsity`` marks constants whose arrays hold only what is stored."""

    x: Sequence[int]
    nodes: Sequence[Node]
    constants: Mapping[str, Array] = field(default_factory=dict)
    sparsity: Mapping[str, tuple[Sequence[int], Any]] = field(
        default_factory=dict
    )  # name -> shape, parameters

    @property
    def outputs(self) -> list[str]:
        """What no operator reads."""
        read = {name for node in self.nodes for name in node.reads}
        return [node.result for node in self.nodes if node.result not in read]

    def file(self) -> bytes:
        """Return the ``.tflite`` file."""
        model, graph = schema.ModelT(), schema.SubGraphT()
        model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
        graph.tensors, model.operatorCodes = [], []
        index = {"x": self._add(model, "x", self.x, np.float32)}
        for name, values in self.constants.items():
            shape, sparsity = self.sparsity.get(name, (values.shape, None))
            index[name] = self._add(model, name, shape, values.dtype, values, sparsity)
        for node in self.nodes:
            index[node.result] = self._add(model, node.result, node.shape, node.dtype)
        graph.operators = [_operator(model, node, index) for node in self.nodes]
        graph.inputs, graph.outputs = [index["x"]], [index[name] for name in self.outputs]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    @staticmethod
    def _add(
        model: Any,
        name: str,
        shape: Sequence[int],
        dtype: Any,
        values: Array | None = None,
        sparsity: Any = None,
    ) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), _TYPES[np.dtype(dtype)]
        tensor.sparsity, tensor.buffer = sparsity, 0
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            model.buffers.append(buffer)
            tensor.buffer = len(model.buffers) - 1
        model.subgraphs[0].tensors.append(tensor)
        return len(model.subgraphs[0].tensors) - 1

    def contract(self) -> Contract:
        """Return the contract that the network would have as a model."""
        shapes = {node.result: tuple(node.shape[1:]) for node in self.nodes}
        outputs = tuple(Tensor(name, DType.FP32, shapes[name], "") for name in self.outputs)
        crop = Tensor("crop", DType.FP32, tuple(self.x[1:]), "")
        return Contract("tiny", "", Backend.ONNXRUNTIME, (crop,), outputs, 8)

    def translation(self) -> bytes:
        """Return the ONNX file."""
        return translate(parse(self.file()), self.contract(), {name: name for name in self.outputs}, {})

    def run_litert(self, batch: Array) -> Array:
        """Run LiteRT on each of a batch and return the first output."""
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_content=self.file(), num_threads=1)
        interpreter.allocate_tensors()
        source = interpreter.get_input_details()[0]["index"]
        target = interpreter.get_output_details()[0]["index"]
        results = []
        for one in batch:
            interpreter.set_tensor(source, one[None])
            interpreter.invoke()
            results.append(interpreter.get_tensor(target).copy())
        return np.concatenate(results)

    def run_onnx(self, batch: Array) -> Array:
        """Translate, run onnxruntime on the whole batch and return the first output."""
        return OnnxNetwork(self.translation())(batch)[self.outputs[0]]


def _operator(model: Any, node: Node, index: Mapping[str, int]) -> Any:
    code, op = schema.OperatorCodeT(), schema.OperatorT()
    code.version = 1
    custom = not hasattr(schema.BuiltinOperator, node.kind)
    code.builtinCode = schema.BuiltinOperator.CUSTOM if custom else getattr(schema.BuiltinOperator, node.kind)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.customCode = node.kind if custom else None
    model.operatorCodes.append(code)
    op.opcodeIndex = len(model.operatorCodes) - 1
    op.inputs, op.outputs = [index[name] for name in node.reads], [index[node.result]]
    if custom:
        op.customOptions = np.frombuffer(node.options or b"", np.uint8)
    elif node.options is not None:
        op.builtinOptions = node.options
        op.builtinOptionsType = getattr(schema.BuiltinOptions, type(node.options).__name__.removesuffix("T"))
    return op


def options(kind: str, **values: Any) -> Any:
    """Return an options object of the schema: ``options("Pool2D", strideW=2)``."""
    made = getattr(schema, f"{kind}OptionsT")()
    for name, value in values.items():
        if not hasattr(made, name):
            raise AttributeError(name)
        setattr(made, name, value)
    return made
