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
from bridge.errors import ServerUnavailable
from bridge.triton.model import Array, Arrays
from bridge.triton.tensors import complete
from bridge.triton.wire import CHANNEL, arrays_of, translated

_STATUS = (("triton_grpc_error", "true"),)
"""Asks Triton to end a stream that failed with a gRPC status, as it does with any other request."""


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
        call = open_stream(iter([message(contract, arrays)]), timeout=timeout, metadata=_STATUS)
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
        call = open_stream(iter([message(contract, arrays)]), timeout=timeout, metadata=(*_STATUS, *headers))
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
    last = False
    try:
        with _in_our_words(url):
            for answer in call:
                part = _part(answer, contract, url)
                last = part.last
                yield part
        _refuse_end(url, last=last)
    finally:
        call.cancel()


async def _awaited_parts(call: AwaitedCall, contract: Contract, url: str) -> AsyncGenerator[Part, None]:
    last = False
    try:
        with _in_our_words(url):
            async for answer in call:
                part = _part(answer, contract, url)
                last = part.last
                yield part
        _refuse_end(url, last=last)
    finally:
        call.cancel()


def _part(answer: service_pb2.ModelStreamInferResponse, contract: Contract, url: str) -> Part:
    if answer.error_message:
        raise translated("", answer.error_message, url)
    result = triton.InferResult(answer.infer_response)
    last = answer.infer_response.parameters["triton_final_response"].bool_param
    return Part(arrays_of(result, [tensor.name for tensor in contract.outputs]), last)


def _refuse_end(url: str, *, last: bool) -> None:
    if not last:
        raise ServerUnavailable(f"The inference server at {url} broke off its answer; try again.")


@contextlib.contextmanager
def _in_our_words(url: str) -> Generator[None, None, None]:
    try:
        yield
    except grpc.RpcError as error:
        raise translated(str(error.code()), error.details() or "", url) from error
