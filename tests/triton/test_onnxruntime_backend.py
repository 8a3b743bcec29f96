"""Our stand-in for the native ONNX Runtime backend, inside a real server and by its parts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import tritonclient.grpc as triton

from bridge.errors import WrongTensor
from bridge.triton.backends.onnxruntime import model as backend
from bridge.triton.client import AsyncTritonClient, TritonClient
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.model import Arrays
from tests.triton.tiny import CONTRACTS, TABLE


def index(*rows: int) -> Arrays:
    """A request with one row per index."""
    return {"index": np.array(rows, np.int64).reshape(-1, 1)}


async def together(url: str, requests: list[Arrays]) -> list[Arrays | BaseException]:
    """Send the requests at once and wait for all the answers."""
    async with AsyncTritonClient(url, contracts=CONTRACTS) as client:
        return await asyncio.gather(*(client.infer("lookup", r) for r in requests), return_exceptions=True)


def test_requests_share_a_run_and_get_their_own_rows(tiny_server: EmbeddedTriton) -> None:
    """Four requests of one to three rows come back with their own values; some ran in one batch."""
    asked = [[0], [1, 2], [2, 1, 0], [1]]
    answers = asyncio.run(together(tiny_server.url, [index(*rows) for rows in asked]))
    arrays = [answer for answer in answers if isinstance(answer, dict)]
    values = [answer["value"].ravel().tolist() for answer in arrays]
    assert values == [[TABLE[i] for i in rows] for rows in asked]
    assert max(answer["rows"].max() for answer in arrays) > 3


def test_a_bad_request_fails_alone(tiny_server: EmbeddedTriton) -> None:
    """An index outside of the table fails the joint run; its neighbours are answered all the same."""
    bad, *good = asyncio.run(together(tiny_server.url, [index(7), index(1), index(2)]))
    assert isinstance(bad, WrongTensor)
    assert "lookup can't use these inputs" in str(bad)
    assert [answer["value"].item() for answer in good if isinstance(answer, dict)] == [20, 30]


def test_a_batch_larger_than_the_contract_is_refused(tiny: TritonClient) -> None:
    """Nine rows are more than the eight that the contract allows."""
    with pytest.raises(WrongTensor, match=r"\[batch, 1\]; its shape is \[9, 1\]"):
        tiny.infer("lookup", index(*[0] * 9))


TYPES = {
    "FP16": np.array([0.5, -2], np.float16),
    "FP64": np.array([0.1, 1e300], np.float64),
    "INT8": np.array([-128, 127], np.int8),
    "UINT8": np.array([0, 255], np.uint8),
    "BOOL": np.array([True, False]),
    "BYTES": np.array(["grün".encode(), b""], np.object_),
}


def test_every_type_passes_without_a_batch_dimension(tiny_server: EmbeddedTriton) -> None:
    """Each type goes in and comes out as it was."""
    names = {kind: kind.replace("BYTES", "STRING") for kind in TYPES}
    inputs = [
        triton.InferInput(f"in_{names[kind]}", [2], kind).set_data_from_numpy(array)
        for kind, array in TYPES.items()
    ]
    with triton.InferenceServerClient(tiny_server.url) as client:
        result = client.infer("types", inputs)
    for kind, array in TYPES.items():
        came = result.as_numpy(f"out_{names[kind]}")
        assert came.dtype == array.dtype
        assert came.tolist() == array.tolist()


def parameters(**values: str) -> backend.Config:
    """A config with these parameters."""
    return {"name": "net", "parameters": {key: {"string_value": value} for key, value in values.items()}}


@pytest.mark.parametrize(
    ("config", "read", "expected"),
    [
        (parameters(intra_op_thread_count="3"), lambda o: o.intra_op_num_threads, 3),
        (parameters(inter_op_thread_count="2"), lambda o: o.inter_op_num_threads, 2),
        (parameters(execution_mode="1"), lambda o: o.execution_mode, ort.ExecutionMode.ORT_PARALLEL),
        (parameters(), lambda o: o.execution_mode, ort.ExecutionMode.ORT_SEQUENTIAL),
        (parameters(enable_mem_arena="0"), lambda o: o.enable_cpu_mem_arena, False),
        (parameters(enable_mem_pattern="0"), lambda o: o.enable_mem_pattern, False),
        (parameters(), lambda o: o.enable_cpu_mem_arena, True),
        (parameters(), lambda o: o.get_session_config_entry("session.intra_op.allow_spinning"), "0"),
        (
            {"name": "net", "optimization": {"graph": {"level": "2"}}},
            lambda o: o.graph_optimization_level,
            ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
        ),
    ],
)
def test_the_native_backends_settings_are_honoured(
    tmp_path: Path, config: backend.Config, read: Callable[[ort.SessionOptions], object], expected: object
) -> None:
    """Each standard setting of a config reaches onnxruntime."""
    assert read(backend.session_options(config, tmp_path)) == expected


@pytest.mark.parametrize(
    ("cores", "networks", "threads"), [(1, 6, 1), (2, 6, 2), (2, 1, 2), (8, 2, 4), (64, 6, 10)]
)
def test_threads_are_the_machines_fair_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, networks: int, threads: int
) -> None:
    """Two where there are two cores, else the cores divided by the networks; Python models don't count."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    for i in range(networks + 1):
        (tmp_path / str(i)).mkdir()
        kind = "onnxruntime" if i < networks else "python"
        (tmp_path / str(i) / "config.pbtxt").write_text(f'name: "{i}"\nbackend: "{kind}"\n')
    assert backend.fair_threads(tmp_path) == threads


class Log:
    """A stand-in for the server's log."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def log_warn(self, message: str) -> None:
        self.warnings.append(message)


class Stub:
    """A stand-in for what Triton's stub offers."""

    def __init__(self) -> None:
        self.Logger = Log()


TENSORRT = {"name": "tensorrt", "parameters": {"precision_mode": "FP16", "max_workspace_size_bytes": "99"}}


@pytest.mark.parametrize(
    ("available", "kind", "accelerators", "expected"),
    [
        (["CUDAExecutionProvider"], "CPU", {}, []),
        (["CUDAExecutionProvider"], "GPU", {}, [("CUDAExecutionProvider", {"device_id": "1"})]),
        ([], "GPU", {}, []),
        (
            ["TensorrtExecutionProvider"],
            "GPU",
            {"gpu_execution_accelerator": [TENSORRT]},
            [
                (
                    "TensorrtExecutionProvider",
                    {"device_id": "1", "trt_fp16_enable": "1", "trt_max_workspace_size": "99"},
                )
            ],
        ),
        (
            ["OpenVINOExecutionProvider"],
            "CPU",
            {"cpu_execution_accelerator": [{"name": "openvino"}]},
            [("OpenVINOExecutionProvider", {})],
        ),
    ],
)
def test_execution_providers_follow_the_config(
    monkeypatch: pytest.MonkeyPatch,
    available: list[str],
    kind: str,
    accelerators: dict[str, list[backend.Accelerator]],
    expected: list[backend.Provider],
) -> None:
    """The config's accelerators that this onnxruntime has, the card's own on a card, the CPU always and last."""
    stub = Stub()
    monkeypatch.setattr(backend, "stub", lambda: stub)
    monkeypatch.setattr(ort, "get_available_providers", lambda: available)
    config: backend.Config = {"name": "net", "optimization": {"execution_accelerators": accelerators}}
    assert backend.execution_providers(config, kind, "1") == [*expected, "CPUExecutionProvider"]
    wanted_but_missing = kind == "GPU" and "CUDAExecutionProvider" not in available
    assert bool(stub.Logger.warnings) == wanted_but_missing
