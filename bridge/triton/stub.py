"""What is used of Triton's Python backend: its API as types.

The module exists only inside Triton's stub process, and its classes are put into it after ``model.py`` was
imported, so it is asked for when it is needed: ``stub().Tensor``. See ``src/pb_stub.cc`` in
triton-inference-server/python_backend.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, cast

from bridge.triton.model import Array


class StubTensor(Protocol):
    """A named array."""

    def name(self) -> str:
        """Return the tensor's name."""

    def as_numpy(self) -> Array:
        """Return a copy, which outlives the request; BYTES as objects. Only of a tensor in the CPU's memory."""

    def is_cpu(self) -> bool:
        """Tell whether it lies in the CPU's memory."""

    def to_dlpack(self) -> object:
        """Return it as a DLPack capsule that shares its memory; it may lie on a card."""


class Tensors(Protocol):
    """The class ``Tensor``: it makes tensors of arrays or of what lies on a card."""

    def __call__(self, name: str, array: Array) -> StubTensor:
        """Make a tensor of a copy."""

    def from_dlpack(self, name: str, tensor: object) -> StubTensor:
        """Make one that shares the memory of another library's."""


class TritonError(Protocol):
    """A message with a code, as it travels to the caller."""

    def message(self) -> str:
        """Return the sentence."""


class Response(Protocol):
    """The answer to one request: tensors or an error."""

    def has_error(self) -> bool:
        """Tell whether it is an error."""

    def error(self) -> TritonError:
        """Return the error."""

    def output_tensors(self) -> Sequence[StubTensor]:
        """Return the tensors."""


class Request(Protocol):
    """One request of a batch, or one to another model."""

    def inputs(self) -> Sequence[StubTensor]:
        """Return the tensors that were sent."""

    def requested_output_names(self) -> Sequence[str]:
        """Return the outputs that the caller wants."""

    def is_cancelled(self) -> bool:
        """Tell whether the caller has hung up."""

    def exec(self) -> Response:
        """Ask the other model and wait."""

    def async_exec(self) -> Awaitable[Response]:
        """Ask the other model in a thread of the event loop's default executor."""

    def get_response_sender(self) -> ResponseSender:
        """Return what answers this request, of a decoupled model only."""


class ResponseSender(Protocol):
    """Answers one request of a decoupled model, as often as it likes."""

    def send(self, response: Response, flags: int = 0) -> None:
        """Send a response."""

    def is_cancelled(self) -> bool:
        """Ask the server whether the caller has hung up."""


class TritonErrors(Protocol):
    """The class ``TritonError``: it makes errors and holds their codes."""

    INTERNAL: int
    INVALID_ARG: int
    UNAVAILABLE: int
    CANCELLED: int

    def __call__(self, message: str, code: int) -> TritonError:
        """Make an error."""


class Logger(Protocol):
    """The server's log."""

    def log_error(self, message: str) -> None:
        """Write an error."""

    def log_warn(self, message: str) -> None:
        """Write a warning."""


class Counter(Protocol):
    """A number that only grows, in Triton's metrics."""

    def increment(self, value: float) -> None:
        """Add to it."""


class MetricFamily(Protocol):
    """Metrics of one name; it must outlive them."""

    def Metric(self, labels: Mapping[str, str]) -> Counter:  # noqa: N802 - Triton's name
        """Make the metric with these labels."""


class MetricFamilies(Protocol):
    """The class ``MetricFamily``: it makes families and holds their kinds."""

    COUNTER: int

    def __call__(self, name: str, description: str, kind: int) -> MetricFamily:
        """Make a family; equal ones of several processes are one."""


class Stub(Protocol):
    """The module ``triton_python_backend_utils``."""

    Tensor: Tensors
    InferenceRequest: Callable[..., Request]
    InferenceResponse: Callable[..., Response]
    TritonError: TritonErrors
    Logger: Logger
    MetricFamily: MetricFamilies
    PreferredMemory: Callable[[int, int], object]
    TRITONSERVER_MEMORY_CPU: int
    TRITONSERVER_MEMORY_GPU: int
    TRITONSERVER_RESPONSE_COMPLETE_FINAL: int

    def get_model_dir(self) -> str:
        """Return the folder of the model's version."""


def stub() -> Stub:
    """Return Triton's module; works inside a stub process only."""
    import triton_python_backend_utils

    return cast("Stub", triton_python_backend_utils)
