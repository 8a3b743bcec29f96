"""The backend ``onnxruntime`` for the embedded server, as one of Triton's Python-based backends.

NVIDIA's container has a native backend of this name. The wheel's server has not, so this file, run by the
onnxruntime wheel, takes its place: it reads the same ``config.pbtxt`` and the same ``model.onnx``, joins the
requests of a dynamic batch along the first axis, runs the network once, and splits what comes out.

Of the native backend's settings it honours those that make sense here (see the README of
triton-inference-server/onnxruntime_backend): the parameters ``intra_op_thread_count``,
``inter_op_thread_count``, ``execution_mode``, ``enable_mem_arena``, ``enable_mem_pattern``,
``optimization.graph.level`` and ``optimization.execution_accelerators``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from bridge.errors import ArtifactMissing, WrongTensor
from bridge.triton.model import Array, Arrays
from bridge.triton.serving import answer, success
from bridge.triton.stub import Request, Response, stub


class Accelerator(TypedDict, total=False):
    """One execution provider that a config asks for."""

    name: str
    parameters: dict[str, str]


class Optimization(TypedDict, total=False):
    """The part of a config that says how the network is made fast."""

    graph: dict[str, str]
    execution_accelerators: dict[str, list[Accelerator]]


class Config(TypedDict, total=False):
    """What is read of Triton's model configuration, as JSON."""

    name: str
    max_batch_size: int
    output: list[dict[str, str]]
    parameters: dict[str, dict[str, str]]
    optimization: Optimization


Provider = tuple[str, dict[str, str]]


class TritonPythonModel:
    """One instance of one network."""

    @staticmethod
    def auto_complete_config(config: object) -> object:
        """Leave the config as it is: ours are complete."""
        return config

    def initialize(self, args: Mapping[str, str]) -> None:
        """Open the network that lies beside the config.

        Raises:
            ArtifactMissing: there is no ``model.onnx``.
        """
        config: Config = json.loads(args["model_config"])
        path = Path(stub().get_model_dir()) / "model.onnx"
        if not path.is_file():
            raise ArtifactMissing(
                f"{config['name']}/1/model.onnx has not been built; run `make export` first"
            )
        self._name = config["name"]
        self._batched = config["max_batch_size"] > 0
        self._outputs = [output["name"] for output in config["output"]]
        providers = execution_providers(config, args["model_instance_kind"], args["model_instance_device_id"])
        self._session = ort.InferenceSession(
            path, session_options(config, path.parents[2]), providers=providers
        )

    def execute(self, requests: Sequence[Request]) -> list[Response]:
        """Answer a batch with one run; if that fails, each request alone: none suffers for another."""
        if len(requests) > 1 and self._batched:
            try:
                return [success(outputs) for outputs in self._run_together([_inputs(r) for r in requests])]
            except Exception:
                stub().Logger.log_warn(f"{self._name}: a batch failed; its requests are tried one by one")
        return [answer(self._name, request, self._run_alone) for request in requests]

    def _run_alone(self, request: Request) -> Arrays:
        try:
            return self._run(_inputs(request))
        except InvalidArgument as error:
            raise WrongTensor(f"{self._name} can't use these inputs: {str(error).splitlines()[0]}") from error

    def _run_together(self, batch: Sequence[Arrays]) -> list[Arrays]:
        ends = np.cumsum([len(next(iter(inputs.values()))) for inputs in batch])[:-1]
        joined = self._run({name: np.concatenate([inputs[name] for inputs in batch]) for name in batch[0]})
        pieces = {name: np.split(array, ends) for name, array in joined.items()}
        return [{name: split[i] for name, split in pieces.items()} for i in range(len(batch))]

    def _run(self, inputs: Arrays) -> Arrays:
        arrays = self._session.run(self._outputs, {name: _to_network(a) for name, a in inputs.items()})
        return {name: _to_wire(array) for name, array in zip(self._outputs, arrays, strict=True)}


def session_options(config: Config, repository: Path) -> ort.SessionOptions:
    """Return the session's options: the config's, and where it says nothing, the machine's fair share."""
    parameters = {key: value["string_value"] for key, value in config.get("parameters", {}).items()}
    options = ort.SessionOptions()
    options.intra_op_num_threads = int(parameters.get("intra_op_thread_count", "0")) or fair_threads(
        repository
    )
    options.inter_op_num_threads = int(parameters.get("inter_op_thread_count", "0"))
    options.execution_mode = ort.ExecutionMode(int(parameters.get("execution_mode", "0")))
    options.enable_cpu_mem_arena = parameters.get("enable_mem_arena", "1") == "1"
    options.enable_mem_pattern = parameters.get("enable_mem_pattern", "1") == "1"
    options.graph_optimization_level = _level(config)
    # Every network is a process of its own here: threads that spin while they wait would take the cores
    # from the model whose turn it is.
    for pool in ("intra", "inter"):
        options.add_session_config_entry(f"session.{pool}_op.allow_spinning", "0")
    return options


def fair_threads(repository: Path) -> int:
    """Return how many threads [1] one network gets when the config doesn't say.

    At least two where there are two cores, since networks mostly run one after another and waiting threads
    cost nothing; on a large machine, the cores divided by the networks of the repository.
    """
    cores = len(os.sched_getaffinity(0))
    configs = (path.read_text() for path in repository.glob("*/config.pbtxt"))
    networks = sum(bool(re.search(r'^backend: "onnxruntime"', text, re.MULTILINE)) for text in configs)
    return max(min(2, cores), cores // max(networks, 1))


def _level(config: Config) -> ort.GraphOptimizationLevel:
    graph = config.get("optimization", {}).get("graph", {})
    levels = {
        "-1": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
        "1": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
        "2": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    }
    return levels.get(str(graph.get("level")), ort.GraphOptimizationLevel.ORT_ENABLE_ALL)


def execution_providers(config: Config, kind: str, device: str) -> list[str | Provider]:
    """Return the execution providers, the preferred first; one that is missing here is skipped and named."""
    accelerators = config.get("optimization", {}).get("execution_accelerators", {})
    wanted: list[Provider] = []
    if kind == "GPU":
        wanted += [_provider(a, device) for a in accelerators.get("gpu_execution_accelerator", [])]
        wanted += [_provider({"name": "cuda"}, device)] * ("CUDAExecutionProvider" not in dict(wanted))
    wanted += [_provider(a, device) for a in accelerators.get("cpu_execution_accelerator", [])]
    available = ort.get_available_providers()
    for name, _ in wanted:
        if name not in available:
            stub().Logger.log_warn(f"{config['name']}: this onnxruntime has no {name}; going on without it")
    return [*(p for p in wanted if p[0] in available), "CPUExecutionProvider"]


def _provider(accelerator: Accelerator, device: str) -> Provider:
    options = accelerator.get("parameters", {})
    if accelerator["name"] == "tensorrt":
        return "TensorrtExecutionProvider", {"device_id": device, **_tensorrt_options(options)}
    if accelerator["name"] == "cuda":
        return "CUDAExecutionProvider", {"device_id": device, **options}
    return {"openvino": "OpenVINOExecutionProvider"}.get(accelerator["name"], accelerator["name"]), options


def _tensorrt_options(parameters: Mapping[str, str]) -> dict[str, str]:
    """Translate the native backend's names of TensorRT's options to onnxruntime's."""
    options = {key: value for key, value in parameters.items() if key.startswith("trt_")}
    if (mode := parameters.get("precision_mode", "FP32")) != "FP32":
        options[f"trt_{mode.lower()}_enable"] = "1"
    if size := parameters.get("max_workspace_size_bytes"):
        options["trt_max_workspace_size"] = size
    return options


def _inputs(request: Request) -> Arrays:
    return {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}


def _to_network(array: Array) -> Array:
    """BYTES arrive as ``bytes`` where onnxruntime wants ``str``; every other type is the same on both sides."""
    if array.dtype != np.object_:
        return array
    return np.array([text.decode() for text in array.ravel()], np.object_).reshape(array.shape)


def _to_wire(array: Array) -> Array:
    if array.dtype != np.object_:
        return array
    return np.array([text.encode() for text in array.ravel()], np.object_).reshape(array.shape)
