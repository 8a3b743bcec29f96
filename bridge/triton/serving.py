"""What every ``model.py`` runs on inside Triton.

An exception out of ``execute`` would fail every request of the batch and send its traceback to all callers
(``Stub::ProcessRequests`` in python_backend's ``pb_stub.cc``). So each request gets an answer of its own: its
arrays, the sentence of an error that is meant for the caller, or a note that the log knows more.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from bridge.contracts import Contract
from bridge.errors import InternalError, ServerUnavailable, VfrError, from_wire
from bridge.triton.memo import Memo, configured, digest
from bridge.triton.model import Array, Arrays, Infer, Model, Models, callees
from bridge.triton.stub import Request, Response, TritonError, stub
from bridge.triton.tensors import checked, complete

Compute = Callable[[Arrays], Arrays]

_STOPPING = ("Server not ready", "Server is stopping")
"""What the server answers its own models once it was asked to stop (``InferenceServer::InferAsync`` and the
schedulers' ``Enqueue`` in its core); the Python backend drops the code UNAVAILABLE that comes along."""

_ABSENT = ("unknown model", "is not ready")
"""What it answers them about a model that it doesn't have, or couldn't load."""


class PythonModel(Model):
    """A :class:`Model` that Triton's Python backend can run."""

    _compute: Compute

    def initialize(self, args: Mapping[str, str]) -> None:
        """Load the model; called once per instance, before the first request."""
        infer = self.load(called(self.contract))
        memo = configured(args["model_config"])
        compute = partial(_computed, self.contract, infer)
        self._compute = compute if memo is None else _Remembering(self.contract, compute, memo)

    def execute(self, requests: Sequence[Request]) -> list[Response]:
        """Answer each request by itself."""
        return [answer(self.contract.name, request, self._run) for request in requests]

    def _run(self, request: Request) -> Arrays:
        arrays = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
        return self._compute(complete(self.contract, arrays))


def called(contract: Contract) -> Models:
    """Return the models that the model of this process may call, by name; a call waits for its answer."""
    repository = Path(stub().get_model_dir()).parents[1]
    return {name: partial(_call, callee) for name, callee in callees(contract, repository).items()}


def _computed(contract: Contract, infer: Infer, arrays: Arrays) -> Arrays:
    return checked(contract, infer(**arrays))


class _Remembering:
    """Computes what it does not remember; Triton's metrics tell how often it did. No error is remembered."""

    def __init__(self, contract: Contract, compute: Compute, memo: Memo) -> None:
        self._contract = contract
        self._compute = compute
        self._memo = memo
        self._families = {
            found: stub().MetricFamily(f"vfr_memo_{name}_total", meaning, stub().MetricFamily.COUNTER)
            for found, name, meaning in (
                (True, "hits", "Requests that a model answered from memory"),
                (False, "misses", "Requests that a model with a memory had to compute"),
            )
        }
        self._counts = {
            found: family.Metric({"model": contract.name}) for found, family in self._families.items()
        }

    def __call__(self, arrays: Arrays) -> Arrays:
        key = digest(self._contract, arrays)
        known = self._memo.find(key)
        self._counts[known is not None].increment(1)
        return self._memo.keep(key, self._compute(arrays)) if known is None else known


def answer(model: str, request: Request, run: Callable[[Request], Arrays]) -> Response:
    """Return ``run(request)`` as a response, or the error that it raised, in words meant for the caller."""
    if request.is_cancelled():
        return failure(InternalError(f"the request to {model} was cancelled."), stub().TritonError.CANCELLED)
    try:
        return success(run(request))
    except Exception as error:
        return explained(model, error)


def explained(model: str, error: Exception) -> Response:
    """Return the exception that is being handled as a response: its words, if they are meant for the caller."""
    if isinstance(error, VfrError) and not isinstance(error, InternalError):
        return failure(error)
    return hidden(model)


def success(arrays: Arrays) -> Response:
    """Return the arrays as a response."""
    tensors = [stub().Tensor(name, np.ascontiguousarray(array)) for name, array in arrays.items()]
    return stub().InferenceResponse(output_tensors=tensors)


def failure(error: VfrError, code: int | None = None) -> Response:
    """Return the error as a response: ``code: sentence``, with the gRPC status that its class names."""
    codes = stub().TritonError
    statuses = {"INVALID_ARGUMENT": codes.INVALID_ARG, "UNAVAILABLE": codes.UNAVAILABLE}
    status = statuses.get(error.grpc_status, codes.INTERNAL) if code is None else code
    return stub().InferenceResponse(error=codes(error.to_wire(), status))


def hidden(model: str) -> Response:
    """Write the current exception to the server's log and return a response that tells nothing of it."""
    stub().Logger.log_error(f"{model} failed: {traceback.format_exc()}")
    sentence = "something went wrong inside the server; the details are in its log."
    return failure(InternalError(f"{model}: {sentence}"))


def _call(contract: Contract, **arrays: Array) -> Arrays:
    """Ask another model of the repository: Triton's business logic scripting, BLS.

    What a network on a card answers is wanted in the processor's memory: ``as_numpy`` refuses it elsewhere
    (triton-inference-server/server issue 3992).
    """
    inputs = complete(contract, arrays)
    request = stub().InferenceRequest(
        model_name=contract.name,
        requested_output_names=[tensor.name for tensor in contract.outputs],
        inputs=[stub().Tensor(name, np.ascontiguousarray(array)) for name, array in inputs.items()],
        preferred_memory=stub().PreferredMemory(stub().TRITONSERVER_MEMORY_CPU, 0),
    )
    response = request.exec()
    if response.has_error():
        raise told(contract, response.error())
    return {tensor.name(): tensor.as_numpy() for tensor in response.output_tensors()}


def told(contract: Contract, error: TritonError) -> VfrError:
    """Return what another model, or the server in its place, answered instead of tensors."""
    message = error.message()
    if any(sign in message for sign in _STOPPING):
        return ServerUnavailable(
            "The server is being stopped; try again, with the same seed for the same picture."
        )
    if any(sign in message for sign in _ABSENT):
        return ServerUnavailable(
            f"The server doesn't have the model {contract.name}; install it and start it again."
        )
    return from_wire(message) or InternalError(f"{contract.name}: {message}")
