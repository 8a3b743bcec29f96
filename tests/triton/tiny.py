"""A repository of four tiny models: one of each kind, and one that holds every type of tensor."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from bridge.checkout import REPOSITORY
from bridge.contracts import DECODE, Backend, Contract, DType, Step, Tensor
from export.pbtxt import Tuning, render
from tests.triton import echo_model
from tests.triton.echo_model import ECHO, HOW, X, Y

TABLE = [10.0, 20.0, 30.0]
LOOKUP = Contract(
    "lookup",
    "The table's value at an index, and how many rows ran together",
    Backend.ONNXRUNTIME,
    (Tensor("index", DType.INT64, (1,), "0, 1 or 2"),),
    (Tensor("value", DType.FP32, (1,), "of the table"), Tensor("rows", DType.INT64, (1,), "of the batch")),
    max_batch=8,
)
CHAIN = Contract(
    "chain",
    "Twice echo; the first result can be seen too",
    Backend.ENSEMBLE,
    (X, HOW),
    (replace(Y, name="middle"), Y),
    steps=(
        Step("echo", {"x": "x", "how": "how"}, {"y": "middle"}),
        Step("echo", {"x": "middle", "how": "how"}, {"y": "y"}),
    ),
)
CONTRACTS = {contract.name: contract for contract in (ECHO, LOOKUP, CHAIN, DECODE)}
TYPES = {
    "FP16": TensorProto.FLOAT16,
    "FP64": TensorProto.DOUBLE,
    "INT8": TensorProto.INT8,
    "UINT8": TensorProto.UINT8,
    "BOOL": TensorProto.BOOL,
    "STRING": TensorProto.STRING,
}


def write_repository(folder: Path) -> Path:
    """Write all of them into ``folder``; requests to ``lookup`` wait 0.2 s for company."""
    for contract in (ECHO, LOOKUP, CHAIN):
        write_model(folder, contract.name, render(contract, Tuning(max_queue_delay_us=200_000)))
    shutil.copy(echo_model.__file__, folder / "echo" / "1" / "model.py")
    onnx.save(_lookup(), folder / "lookup" / "1" / "model.onnx")
    write_model(folder, "types", _types_config())
    onnx.save(_types(), folder / "types" / "1" / "model.onnx")
    (folder / "decode").symlink_to(REPOSITORY / "decode")
    return folder


def write_model(folder: Path, name: str, config: str) -> None:
    """Write one model's config and an empty version folder."""
    (folder / name / "1").mkdir(parents=True)
    (folder / name / "config.pbtxt").write_text(config)


def _lookup() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Gather", ["table", "index"], ["value"]),
        helper.make_node("Shape", ["index"], ["shape"]),
        helper.make_node("Gather", ["shape", "first"], ["count"]),
        helper.make_node("Expand", ["count", "shape"], ["rows"]),
    ]
    constants = [
        helper.make_tensor("table", TensorProto.FLOAT, [3], TABLE),
        helper.make_tensor("first", TensorProto.INT64, [1], [0]),
    ]
    return _model(nodes, {"index": TensorProto.INT64}, {"value": 1, "rows": 7}, ["n", 1], constants)


def _types() -> onnx.ModelProto:
    nodes = [helper.make_node("Identity", [f"in_{name}"], [f"out_{name}"]) for name in TYPES]
    inputs = {f"in_{name}": kind for name, kind in TYPES.items()}
    return _model(nodes, inputs, {f"out_{name}": kind for name, kind in TYPES.items()}, [2])


def _model(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, int],
    outputs: dict[str, int],
    shape: list[int | str],
    constants: list[onnx.TensorProto] | None = None,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, kind, shape) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, kind, shape) for name, kind in outputs.items()],
        constants or [],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _types_config() -> str:
    tensors = [
        f'{side}put {{ name: "{side}_{name}" data_type: TYPE_{name} dims: [2] }}'
        for name in TYPES
        for side in ("in", "out")
    ]
    return "\n".join(['backend: "onnxruntime"', "instance_group { count: 1 kind: KIND_CPU }", *tensors])
