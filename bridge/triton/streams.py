"""Requests whose answers come in parts: what both clients share beyond :mod:`bridge.triton.wire`.

Each request is a gRPC stream of its own, so that hanging up cancels it and nothing else.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
from dataclasses import dataclass
from typing import Protocol

import grpc  # type: ignore[import-untyped]
import numpy as np
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import serialize_byte_tensor

from bridge.contracts import Contract, DType
from bridge.errors import ServerUnavailable, VfrError
from bridge.triton.model import Array, Arrays
from bridge.triton.tensors import complete
from bridge.triton.wire import CHANNEL, arrays_of, translated


@dataclass(frozen=True)
class Part:
    """A part of an answer: every output of the model, and whether it is the last one."""

    arrays: Arrays
    last: bool


class Call(Protocol):
    """A stream that can be hung up."""

    def cancel(self) -> object:
        """Hang up."""


class BlockingCall(Call, Iterable[service_pb2.ModelStreamInferResponse], Protocol):
    """One whose parts are waited for."""


class AwaitedCall(Call, AsyncIterable[service_pb2.ModelStreamInferResponse], Protocol):
    """One whose parts are awaited."""


class Streams:
    """Opens streams to one server; the connection is made when it is first used."""

    def __init__(self, url: str) -> None:
        """``url`` is ``host:port``."""
        self._url = url
        self._channel: grpc.Channel | None = None

    def parts(self, contract: Contract, arrays: Arrays, timeout: float) -> Generator[Part, None, None]:
        """Send a request and return its parts as they come; closing the generator hangs up.

        Raises:
            WrongTensor: the arrays don't fit the contract; nothing was sent.
        """
        if self._channel is None:
            self._channel = grpc.insecure_channel(self._url, options=CHANNEL)
        open_stream = service_pb2_grpc.GRPCInferenceServiceStub(self._channel).ModelStreamInfer
        call = open_stream(iter([message(contract, arrays)]), timeout=timeout)
        return _parts(call, contract, self._url)

    def close(self) -> None:
        """Hang up every stream."""
        if self._channel is not None:
            self._channel.close()


class AsyncStreams:
    """:class:`Streams` for an event loop."""

    def __init__(self, url: str) -> None:
        """``url`` is ``host:port``."""
        self._url = url
        self._channel: grpc.aio.Channel | None = None

    def parts(
        self, contract: Contract, arrays: Arrays, timeout: float, headers: Iterable[tuple[str, str]]
    ) -> AsyncGenerator[Part, None]:
        """See :meth:`Streams.parts`; ``headers`` go along as gRPC metadata."""
        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(self._url, options=CHANNEL)
        open_stream = service_pb2_grpc.GRPCInferenceServiceStub(self._channel).ModelStreamInfer
        call = open_stream(iter([message(contract, arrays)]), timeout=timeout, metadata=tuple(headers))
        return _awaited_parts(call, contract, self._url)

    async def close(self) -> None:
        """See :meth:`Streams.close`."""
        if self._channel is not None:
            await self._channel.close()


def message(contract: Contract, arrays: Arrays) -> service_pb2.ModelInferRequest:
    """Return the request as it travels.

    Raises:
        WrongTensor: the arrays don't fit the contract.
    """
    complete(contract, arrays)
    dtypes = {tensor.name: tensor.dtype for tensor in contract.inputs}
    return service_pb2.ModelInferRequest(
        model_name=contract.name,
        inputs=[
            service_pb2.ModelInferRequest.InferInputTensor(
                name=name, datatype=dtypes[name].value, shape=array.shape
            )
            for name, array in arrays.items()
        ],
        raw_input_contents=[_raw(array, dtypes[name]) for name, array in arrays.items()],
    )


def _raw(array: Array, dtype: DType) -> bytes:
    if dtype is DType.BYTES:
        packed = serialize_byte_tensor(array)
        return bytes(packed.item()) if packed.size else b""
    return np.ascontiguousarray(array).tobytes()


def _parts(call: BlockingCall, contract: Contract, url: str) -> Generator[Part, None, None]:
    end = _End(url)
    try:
        with _in_our_words(url):
            for answer in call:
                if end.heard(answer):
                    yield _part(answer, contract)
        end.check()
    finally:
        call.cancel()


async def _awaited_parts(call: AwaitedCall, contract: Contract, url: str) -> AsyncGenerator[Part, None]:
    end = _End(url)
    try:
        with _in_our_words(url):
            async for answer in call:
                if end.heard(answer):
                    yield _part(answer, contract)
        end.check()
    finally:
        call.cancel()


class _End:
    """How a stream ends.

    What failed is told as a message, and the stream is read to its end before anybody hangs up. Triton can end it with
    a gRPC status at once (``triton_grpc_error``), but that way it cancels what it has completed already, and release
    24.10 dies of it now and then (``HandleCancellation`` of ``infer_handler.h``).
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._last = False
        self._fault: VfrError | None = None

    def heard(self, answer: service_pb2.ModelStreamInferResponse) -> bool:
        """Take note of an answer and return whether it is a part."""
        if answer.error_message:
            self._fault = self._fault or translated("", answer.error_message, self._url)
            return False
        self._last = _is_last(answer)
        return self._fault is None

    def check(self) -> None:
        """Raise what the model said, or that the last part did not come."""
        if self._fault:
            raise self._fault
        if not self._last:
            raise ServerUnavailable(f"The inference server at {self._url} broke off its answer; try again.")


def _part(answer: service_pb2.ModelStreamInferResponse, contract: Contract) -> Part:
    result = triton.InferResult(answer.infer_response)
    return Part(arrays_of(result, [tensor.name for tensor in contract.outputs]), _is_last(answer))


def _is_last(answer: service_pb2.ModelStreamInferResponse) -> bool:
    return bool(answer.infer_response.parameters["triton_final_response"].bool_param)


@contextlib.contextmanager
def _in_our_words(url: str) -> Generator[None, None, None]:
    try:
        yield
    except grpc.RpcError as error:
        raise translated(str(error.code()), error.details() or "", url) from error
