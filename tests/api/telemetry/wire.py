"""Around the service, on the wire: a Triton that speaks KServe, a collector of spans, a receiver of webhooks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import numpy as np
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tritonclient.grpc import model_config_pb2
from tritonclient.grpc import service_pb2 as kserve
from tritonclient.grpc.service_pb2_grpc import (
    GRPCInferenceServiceServicer,
    add_GRPCInferenceServiceServicer_to_server,
)
from tritonclient.utils import (
    deserialize_bytes_tensor,
    np_to_triton_dtype,
    serialize_byte_tensor,
    triton_to_np_dtype,
)

from tests.api import scripted


class WireTriton(GRPCInferenceServiceServicer):
    """Answers as :class:`tests.api.scripted.ScriptedTriton`, and keeps the metadata of every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str]]] = []

    def ServerReady(self, request: object, context: object) -> kserve.ServerReadyResponse:  # noqa: N802 - KServe's
        return kserve.ServerReadyResponse(ready=True)

    def ModelConfig(self, request: kserve.ModelConfigRequest, context: object) -> kserve.ModelConfigResponse:  # noqa: N802
        return kserve.ModelConfigResponse(config=model_config_pb2.ModelConfig(name=request.name))

    def RepositoryIndex(self, request: object, context: object) -> kserve.RepositoryIndexResponse:  # noqa: N802
        model = kserve.RepositoryIndexResponse.ModelIndex(name="tryon_basic", version="1", state="READY")
        return kserve.RepositoryIndexResponse(models=[model])

    def ModelStatistics(self, request: object, context: object) -> kserve.ModelStatisticsResponse:  # noqa: N802
        statistics = kserve.ModelStatistics(name="tryon_basic")
        statistics.inference_stats.success.count = len(self.calls)
        return kserve.ModelStatisticsResponse(model_stats=[statistics])

    def ModelInfer(  # noqa: N802
        self, request: kserve.ModelInferRequest, context: grpc.ServicerContext
    ) -> kserve.ModelInferResponse:
        self.calls.append((request.model_name, dict(context.invocation_metadata())))
        arrays = {
            tensor.name: _array(tensor, raw)
            for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=True)
        }
        found = scripted.faces(arrays) if request.model_name == "faces" else scripted.tryon(arrays)
        answer = kserve.ModelInferResponse(model_name=request.model_name)
        for name, array in found.items():
            answer.outputs.add(name=name, datatype=np_to_triton_dtype(array.dtype), shape=array.shape)
            plain = serialize_byte_tensor(array).item() if array.dtype == object else array.tobytes()
            answer.raw_output_contents.append(plain)
        return answer


def _array(tensor: kserve.ModelInferRequest.InferInputTensor, raw: bytes) -> np.ndarray:
    if tensor.datatype == "BYTES":
        return deserialize_bytes_tensor(raw).reshape(tensor.shape)
    return np.frombuffer(raw, triton_to_np_dtype(tensor.datatype)).reshape(tensor.shape)


@contextmanager
def triton_on_the_wire() -> Iterator[tuple[WireTriton, str]]:
    """Serve one; gives it and its address."""
    triton = WireTriton()
    server = grpc.server(ThreadPoolExecutor(4))
    add_GRPCInferenceServiceServicer_to_server(triton, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield triton, f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


@dataclass
class Outside:
    """What came out of the service over HTTP."""

    port: int = 0
    spans: list[Span] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)  # spans as JSON, as Triton sends them
    hooks: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def outside() -> Iterator[Outside]:
    """Receive spans at ``/v1/traces`` (OTLP over HTTP) and webhooks everywhere else."""
    found = Outside()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers["content-type"] == "application/json" and self.path == "/v1/traces":
                found.told.append(json.loads(body))
            elif self.path == "/v1/traces":
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    found.spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            else:
                found.hooks.append(body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
