"""Reading LiteRT files: sparse weights, and files that are none."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from bridge.contracts import Contract, DType, Tensor
from bridge.errors import ConversionFailed
from export.litert import Array, parse
from export.translate import translate
from tests.export.tiny_litert import Node, Tiny, options


def compressed_rows(dense: Array, order: tuple[int, ...]) -> tuple[Array, schema.SparsityParametersT]:
    """Store a matrix with its last axis in the given order compressed: the slow twin of the parser."""
    turned = dense.transpose(order)
    segments, indices, values = [0], [], []
    for row in turned:
        for column, value in enumerate(row):
            if value:
                indices.append(column)
                values.append(value)
        segments.append(len(indices))
    rows, columns = schema.DimensionMetadataT(), schema.DimensionMetadataT()
    rows.format, rows.denseSize = schema.DimensionType.DENSE, len(turned)
    columns.format = schema.DimensionType.SPARSE_CSR
    columns.arraySegmentsType = columns.arrayIndicesType = schema.SparseIndexVector.Int32Vector
    columns.arraySegments, columns.arrayIndices = schema.Int32VectorT(), schema.Int32VectorT()
    columns.arraySegments.values, columns.arrayIndices.values = segments, indices
    parameters = schema.SparsityParametersT()
    parameters.traversalOrder, parameters.dimMetadata = list(order), [rows, columns]
    return np.array(values, dense.dtype), parameters


def sparse_network(order: tuple[int, ...]) -> tuple[Tiny, Array]:
    """A fully connected layer whose weights are two thirds zeros, one row empty."""
    rng = np.random.default_rng(3)
    dense = rng.standard_normal((5, 6)).astype(np.float32) * (rng.random((5, 6)) < 0.33)
    dense[2] = 0
    values, parameters = compressed_rows(dense, order)
    nodes = [
        Node("DENSIFY", ["packed"], "w", [5, 6], options("Densify")),
        Node("FULLY_CONNECTED", ["x", "w"], "y", [1, 5], options("FullyConnected")),
    ]
    return Tiny([1, 6], nodes, {"packed": values}, {"packed": ((5, 6), parameters)}), dense


def test_sparse_weights_are_spread_as_litert_spreads_them() -> None:
    """Rows compressed, as the person detector's: equal to the matrix itself, and to LiteRT's result."""
    tiny, dense = sparse_network((0, 1))
    read = next(t.data for t in parse(tiny.file()).tensors if t.name == "packed")
    np.testing.assert_array_equal(read, dense)
    batch = np.random.default_rng(0).standard_normal((2, 6)).astype(np.float32)
    np.testing.assert_allclose(tiny.run_onnx(batch), tiny.run_litert(batch), atol=1e-6)


def test_sparse_weights_in_another_order_of_axes() -> None:
    """Columns before rows gives the same matrix."""
    tiny, dense = sparse_network((1, 0))
    read = next(t.data for t in parse(tiny.file()).tensors if t.name == "packed")
    np.testing.assert_array_equal(read, dense)


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x89PNG" * 20, bytes(64)])
def test_a_file_that_is_no_litert_model_is_refused(content: bytes) -> None:
    """Nothing is parsed without the format's identifier."""
    with pytest.raises(ConversionFailed, match="no LiteRT model"):
        parse(content)


def relu(**changes: object) -> Contract:
    """The contract of a small network, with fields changed."""
    return dataclasses.replace(RELU.contract(), **changes)


RELU = Tiny([1, 4, 4, 3], [Node("RELU", ["x"], "y", [1, 4, 4, 3])])


def test_a_contract_of_another_size_is_refused() -> None:
    """The network's shapes must be the contract's."""
    wrong = relu(outputs=(Tensor("y", DType.FP32, (4, 4, 2), ""),))
    with pytest.raises(ConversionFailed, match=r"y is \(4, 4, 3\) in the network"):
        translate(parse(RELU.file()), wrong, {"y": "y"}, {})


def test_an_output_that_the_network_lacks_is_named() -> None:
    """A recipe with a wrong name fails with that name."""
    with pytest.raises(ConversionFailed, match="no output heatmap"):
        translate(parse(RELU.file()), relu(), {"y": "heatmap"}, {})


def test_what_no_output_needs_is_left_out() -> None:
    """A branch that the contract does not name costs nothing."""
    import onnx

    nodes = [Node("RELU", ["x"], "y", [1, 4, 4, 3]), Node("LOGISTIC", ["x"], "unused", [1, 4, 4, 3])]
    tiny = Tiny([1, 4, 4, 3], nodes)
    model = onnx.load_from_string(translate(parse(tiny.file()), relu(), {"y": "y"}, {"licence": "CC0-1.0"}))
    assert "Sigmoid" not in {node.op_type for node in model.graph.node}
    assert {p.key: p.value for p in model.metadata_props} == {"licence": "CC0-1.0"}
