"""Reads a LiteRT (TensorFlow Lite) model into plain objects: tensors, operators, and constants as arrays.

The format is the flatbuffer of ``tensorflow/lite/schema/schema.fbs`` (repository tensorflow/tensorflow); the
generated reader comes with the ``ai-edge-litert`` wheel. Arrays are channels-last, as LiteRT stores them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from bridge.errors import ConversionFailed

if TYPE_CHECKING:
    from ai_edge_litert import schema_py_generated as schema

Array: TypeAlias = npt.NDArray[Any]
Option: TypeAlias = int | bool | Array | bytes | None

_DENSE = 0  # schema.fbs, enum DimensionType; the other is SPARSE_CSR
_DTYPES: Mapping[int, type[np.generic]] = {
    0: np.float32,
    1: np.float16,
    2: np.int32,
    3: np.uint8,
    4: np.int64,
    9: np.int8,
}
"""The members of schema.fbs's enum TensorType that are read here."""


@dataclass(frozen=True)
class Tensor:
    """``shape`` has the batch first, channels last; ``data`` is None unless the file holds the values."""

    name: str
    shape: tuple[int, ...]
    data: Array | None = None


@dataclass(frozen=True)
class Operator:
    """``kind`` as in schema.fbs (``CONV_2D``), or a custom operator's own name; the numbers are tensors."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True)
class Network:
    """One graph; the operators stand in the order of their execution."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def parse(content: bytes) -> Network:
    """Read a ``.tflite`` file's bytes.

    Raises:
        ConversionFailed: the bytes are no LiteRT model, or one with several graphs.
    """
    from ai_edge_litert import schema_py_generated as schema

    if not schema.Model.ModelBufferHasIdentifier(content, 0):
        raise ConversionFailed("this file is no LiteRT model: its identifier TFL3 is missing")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    if len(model.subgraphs) != 1:
        raise ConversionFailed(
            f"this LiteRT model has {len(model.subgraphs)} graphs; only one can be translated"
        )
    graph = model.subgraphs[0]
    kinds = [_kind(code) for code in model.operatorCodes]
    return Network(
        tensors=tuple(_tensor(t, model.buffers[t.buffer].data) for t in graph.tensors),
        operators=tuple(_operator(o, kinds[o.opcodeIndex]) for o in graph.operators),
        inputs=tuple(map(int, graph.inputs)),
        outputs=tuple(map(int, graph.outputs)),
    )


def _kind(code: schema.OperatorCodeT) -> str:
    from ai_edge_litert import schema_py_generated as schema

    if code.customCode:
        return bytes(code.customCode).decode()
    # Files older than 2020 state small numbers in the deprecated field alone.
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    names: dict[int, str] = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    return names[number]


def _operator(op: schema.OperatorT, kind: str) -> Operator:
    options: dict[str, Option] = dict(vars(op.builtinOptions)) if op.builtinOptions else {}
    if op.customOptions is not None:
        options["custom"] = op.customOptions.tobytes()
    return Operator(kind, tuple(map(int, op.inputs)), tuple(map(int, op.outputs)), options)


def _tensor(t: schema.TensorT, buffer: Array | None) -> Tensor:
    name, shape = t.name.decode(), tuple(map(int, t.shape))
    if buffer is None:
        return Tensor(name, shape)
    if t.type not in _DTYPES:
        raise ConversionFailed(f"tensor {name} is of type {t.type} of schema.fbs, which can't be translated")
    values = np.frombuffer(buffer.tobytes(), _DTYPES[t.type])
    values = values.reshape(shape) if t.sparsity is None else _densify(values, shape, t.sparsity)
    return Tensor(name, shape, values)


def _densify(values: Array, shape: tuple[int, ...], sparsity: schema.SparsityParametersT) -> Array:
    """Spread a sparse constant's ``values`` over its shape; what the file leaves out is zero."""
    order = list(map(int, sparsity.traversalOrder))
    if len(order) != len(shape):
        raise ConversionFailed("block-sparse tensors can't be translated")
    dense = np.zeros([shape[axis] for axis in order], values.dtype)
    dense[tuple(_places(sparsity.dimMetadata).T)] = values
    return dense.transpose(np.argsort(order))


def _places(levels: list[schema.DimensionMetadataT]) -> Array:
    """Return each stored value's index, in the order of storage (TACO's format, Kjolstad et al. 2017)."""
    places = np.zeros((1, 0), np.intp)
    for level in levels:
        if level.format == _DENSE:
            counts = np.full(len(places), level.denseSize)
            index = np.tile(np.arange(level.denseSize), len(places))
        else:
            counts = np.diff(np.asarray(level.arraySegments.values, np.intp))
            index = np.asarray(level.arrayIndices.values, np.intp)
        places = np.column_stack([places.repeat(counts, axis=0), index])
    return places
