"""What both clients share: requests and answers as Triton's client library has them, in the contracts' words."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypedDict

import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from bridge.contracts import Backend, Contract
from bridge.errors import InternalError, ServerUnavailable, VfrError, WrongTensor, from_wire
from bridge.triton.ensembles import safe_outputs
from bridge.triton.model import Arrays
from bridge.triton.tensors import complete

WEIGHTS = "weights"
"""The parameter of a ``config.pbtxt`` that tells a model's weights from others; a model without any has none."""

_LARGEST_MESSAGE = 2**31 - 1  # gRPC's own limit [bytes]; its default of 4 MiB is less than one image

CHANNEL = [
    ("grpc.max_send_message_length", _LARGEST_MESSAGE),
    ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
    ("grpc.initial_reconnect_backoff_ms", 100),  # a server that has just come up is found at once
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.enable_http_proxy", 0),  # the server is near, whatever http_proxy says
]

_NOT_REACHED = (ServerUnavailable, "{server} can't be reached; is it running?")
_NOT_NOW = (ServerUnavailable, "{server} takes no requests now: {message}")
_NOT_THERE = (ServerUnavailable, "{server} doesn't have this model: {message}")
_SIGNS: Mapping[str, tuple[type[VfrError], str]] = {
    "failed to connect": _NOT_REACHED,
    "Socket closed": _NOT_REACHED,
    "DEADLINE_EXCEEDED": (ServerUnavailable, "{server} did not answer in time; try again later."),
    "Stub process": (ServerUnavailable, "{server} has lost a model's process and must be started again."),
    "UNAVAILABLE": _NOT_NOW,
    "CANCELLED": _NOT_NOW,
    "RESOURCE_EXHAUSTED": _NOT_NOW,
    "Server not ready": _NOT_NOW,  # a stream that fails before it reaches the model says no status
    "unknown model": _NOT_THERE,
    "NOT_FOUND": _NOT_THERE,
    "INVALID_ARGUMENT": (WrongTensor, "{server} refuses this request: {message}"),
}
"""What Triton's and gRPC's messages and statuses mean; the first that is found counts."""
_NO_SIGN = (InternalError, "{server} failed; the details are in its log.")


@dataclass(frozen=True)
class ModelStatus:
    """Whether a model can be called, and why not."""

    name: str
    ready: bool
    reason: str


@dataclass(frozen=True)
class ModelStatistics:
    """What a model has done since the server started; times are sums over its requests [s].

    ``executions`` counts batches: requests / executions is the mean batch.
    """

    requests: int
    executions: int
    failures: int
    total: float
    queued: float
    computed: float


class InferArguments(TypedDict):
    """The arguments of Triton's ``infer``."""

    model_name: str
    inputs: list[triton.InferInput]
    outputs: list[triton.InferRequestedOutput]
    client_timeout: float


def contract_of(model: str, contracts: Mapping[str, Contract]) -> Contract:
    """Return the model's contract.

    Raises:
        WrongTensor: there is no such model.
    """
    if model not in contracts:
        nearest = difflib.get_close_matches(model, contracts, n=1, cutoff=0.0)[0]
        raise WrongTensor(f"There is no model '{model}'; was '{nearest}' meant?")
    return contracts[model]


def outputs_of(contract: Contract, wanted: Iterable[str] | None) -> list[str]:
    """Return the names of the wanted outputs, all of them for None.

    Raises:
        WrongTensor: the model has no such output.
    """
    known = [tensor.name for tensor in contract.outputs]
    names = known if wanted is None else list(wanted)
    if unknown := set(names) - set(known):
        raise WrongTensor(
            f"{contract.name} has no output '{min(unknown)}'; its outputs are {', '.join(known)}."
        )
    return names


def request(contract: Contract, arrays: Arrays, wanted: Iterable[str], timeout: float) -> InferArguments:
    """Return the request as Triton's client takes it.

    Raises:
        WrongTensor: the arrays don't fit the contract, or the model answers in parts.
    """
    if contract.decoupled:
        raise WrongTensor(f"{contract.name} answers in parts; call it by `stream`.")
    complete(contract, arrays)
    ask = safe_outputs(contract, wanted) if contract.backend is Backend.ENSEMBLE else wanted
    dtypes = {tensor.name: tensor.dtype.value for tensor in contract.inputs}
    return {
        "model_name": contract.name,
        "inputs": [
            triton.InferInput(name, array.shape, dtypes[name]).set_data_from_numpy(array)
            for name, array in arrays.items()
        ],
        "outputs": [triton.InferRequestedOutput(name) for name in ask],
        "client_timeout": timeout,
    }


def arrays_of(result: triton.InferResult, wanted: Iterable[str]) -> Arrays:
    """Return the wanted outputs by name; the arrays are views of the message, which can't be written to."""
    return {name: result.as_numpy(name) for name in wanted}


def statuses_of(index: Iterable[triton.service_pb2.RepositoryIndexResponse.ModelIndex]) -> list[ModelStatus]:
    """Return Triton's repository index in our words."""
    return [ModelStatus(model.name, model.state == "READY", model.reason) for model in index]


def loaded(index: Iterable[triton.service_pb2.RepositoryIndexResponse.ModelIndex]) -> list[tuple[str, str]]:
    """Return name and version of each model that can be called; of several versions the served one is the last."""
    found = [(model.name, model.version) for model in index if model.state == "READY"]
    return sorted(found, key=lambda model: (model[0], int(model[1])))


def weights_of(
    models: Iterable[tuple[str, str]], configs: Iterable[triton.service_pb2.ModelConfigResponse]
) -> Mapping[str, str]:
    """Return what tells each model's weights from others, by its name; models without any are left out."""
    told = (
        (*model, answer.config.parameters.get(WEIGHTS)) for model, answer in zip(models, configs, strict=True)
    )
    return {name: f"{version}:{parameter.string_value}" for name, version, parameter in told if parameter}


def statistics_of(
    models: Iterable[triton.service_pb2.ModelStatistics],
) -> Mapping[str, ModelStatistics]:
    """Return Triton's statistics in our words."""
    return {model.name: _statistics(model) for model in models}


def _statistics(model: triton.service_pb2.ModelStatistics) -> ModelStatistics:
    spent = model.inference_stats
    return ModelStatistics(
        requests=spent.success.count,
        executions=model.execution_count,
        failures=spent.fail.count,
        total=spent.success.ns * 1e-9,
        queued=spent.queue.ns * 1e-9,
        computed=(spent.compute_input.ns + spent.compute_infer.ns + spent.compute_output.ns) * 1e-9,
    )


@contextlib.contextmanager
def in_our_words(url: str) -> Iterator[None]:
    """Turn what Triton's client raises into our errors."""
    try:
        yield
    except InferenceServerException as error:
        raise translated(error.status() or "", error.message(), url) from error


def translated(status: str, message: str, url: str) -> VfrError:
    """Return the error that a status and a message of Triton's stand for.

    An ensemble puts ``in ensemble 'name', `` before what its step said; :func:`from_wire` sees through that.
    """
    if ours := from_wire(message):
        return ours
    said = f"{status} {message}"
    kind, sentence = next((meant for sign, meant in _SIGNS.items() if sign in said), _NO_SIGN)
    return kind(sentence.format(server=f"The inference server at {url}", message=message))
