"""Talking to Triton over gRPC, in the contracts' words.

Two clients share everything but the waiting (:mod:`bridge.triton.wire`): :class:`TritonClient` blocks,
:class:`AsyncTritonClient` awaits. Both check what is sent against the contract first, and give errors back as
the classes of ``bridge.errors``, whatever Triton wrapped around them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from types import TracebackType

import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.utils import InferenceServerException

from bridge.contracts import CONTRACTS, Contract
from bridge.triton.model import Arrays
from bridge.triton.streams import AsyncStreams, Part, Streams
from bridge.triton.wire import (
    CHANNEL,
    ModelStatistics,
    ModelStatus,
    arrays_of,
    contract_of,
    in_our_words,
    loaded,
    outputs_of,
    request,
    statistics_of,
    statuses_of,
    weights_of,
)

__all__ = ["AsyncTritonClient", "ModelStatistics", "ModelStatus", "Part", "TritonClient"]

TIMEOUT = 60.0
"""How long one request may take before the client gives up [s]."""

_PROBE_TIMEOUT = 5.0


class TritonClient:
    """Calls models and waits; a context manager. It may be shared by threads."""

    def __init__(
        self, url: str, *, timeout: float = TIMEOUT, contracts: Mapping[str, Contract] = CONTRACTS
    ) -> None:
        """Make a client, which connects when it is first used.

        Args:
            url: ``host:port``.
            timeout: how long one request may take [s].
            contracts: the models that can be called.
        """
        self._url = url
        self._timeout = timeout
        self._contracts = contracts
        self._triton = triton.InferenceServerClient(url, channel_args=CHANNEL)
        self._streams = Streams(url)

    def infer(
        self, model: str, arrays: Arrays, outputs: Iterable[str] | None = None, timeout: float | None = None
    ) -> Arrays:
        """Call a model.

        Args:
            model: its name.
            arrays: its inputs by name; those that have a default may be left out.
            outputs: the wanted outputs; all of them when left out.
            timeout: another one than the client's [s].

        Returns:
            The wanted outputs by name; they can't be written to.

        Raises:
            WrongTensor: names, dtypes or shapes differ from the contract; nothing was sent.
            ServerUnavailable: there was no answer in time, or nobody to ask.
            VfrError: what the model answered.
        """
        contract = contract_of(model, self._contracts)
        wanted = outputs_of(contract, outputs)
        with in_our_words(self._url):
            sent = request(contract, arrays, wanted, timeout or self._timeout)
            return arrays_of(self._triton.infer(**sent), wanted)

    def stream(self, model: str, arrays: Arrays, timeout: float | None = None) -> Generator[Part, None, None]:
        """Call a decoupled model, whose answer comes in parts; closing the generator cancels the request.

        Args:
            model: its name.
            arrays: its inputs by name; those that have a default may be left out.
            timeout: how long the whole answer may take, another time than the client's [s].

        Returns:
            The parts as they come; of each, all outputs.

        Raises:
            WrongTensor: names, dtypes or shapes differ from the contract; nothing was sent.
            ServerUnavailable: while the parts are read: the last one did not come, or not in time.
            VfrError: while the parts are read: what the model answered.
        """
        return self._streams.parts(contract_of(model, self._contracts), arrays, timeout or self._timeout)

    def ready(self) -> bool:
        """Tell whether the server and all its models can be called."""
        with contextlib.suppress(InferenceServerException):
            return bool(self._triton.is_server_ready(client_timeout=_PROBE_TIMEOUT))
        return False

    def model_statuses(self) -> list[ModelStatus]:
        """Return every model of the server's repository, ready or not.

        Raises:
            ServerUnavailable: the server can't be asked.
        """
        with in_our_words(self._url):
            return statuses_of(self._triton.get_model_repository_index(client_timeout=_PROBE_TIMEOUT).models)

    def statistics(self) -> Mapping[str, ModelStatistics]:
        """Return each model's statistics by its name.

        Raises:
            ServerUnavailable: the server can't be asked.
        """
        with in_our_words(self._url):
            answer = self._triton.get_inference_statistics(client_timeout=_PROBE_TIMEOUT)
            return statistics_of(answer.model_stats)

    def close(self) -> None:
        """Hang up."""
        self._streams.close()
        self._triton.close()

    def __enter__(self) -> TritonClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncTritonClient:
    """:class:`TritonClient` for an event loop, in which it must be made; cancelling a task cancels its request."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = TIMEOUT,
        contracts: Mapping[str, Contract] = CONTRACTS,
        headers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """See :class:`TritonClient`; ``headers`` says what goes along with each call as gRPC metadata."""
        self._headers = headers
        self._url = url
        self._timeout = timeout
        self._contracts = contracts
        self._triton = triton_aio.InferenceServerClient(url, channel_args=CHANNEL)
        self._streams = AsyncStreams(url)

    async def infer(
        self, model: str, arrays: Arrays, outputs: Iterable[str] | None = None, timeout: float | None = None
    ) -> Arrays:
        """See :meth:`TritonClient.infer`."""
        contract = contract_of(model, self._contracts)
        wanted = outputs_of(contract, outputs)
        with in_our_words(self._url):
            sent = request(contract, arrays, wanted, timeout or self._timeout)
            return arrays_of(await self._triton.infer(**sent, headers=dict(self._headers())), wanted)

    def stream(self, model: str, arrays: Arrays, timeout: float | None = None) -> AsyncGenerator[Part, None]:
        """See :meth:`TritonClient.stream`; cancelling the task that reads the parts cancels the request too."""
        contract, headers = contract_of(model, self._contracts), self._headers()
        return self._streams.parts(contract, arrays, timeout or self._timeout, headers.items())

    async def ready(self) -> bool:
        """See :meth:`TritonClient.ready`."""
        with contextlib.suppress(InferenceServerException):
            return bool(await self._triton.is_server_ready(client_timeout=_PROBE_TIMEOUT))
        return False

    async def model_statuses(self) -> list[ModelStatus]:
        """See :meth:`TritonClient.model_statuses`."""
        with in_our_words(self._url):
            answer = await self._triton.get_model_repository_index(client_timeout=_PROBE_TIMEOUT)
            return statuses_of(answer.models)

    async def weights(self) -> Mapping[str, str]:
        """Return what tells each loaded model's weights from others, by its name; of models that have weights.

        Raises:
            ServerUnavailable: the server can't be asked.
        """
        with in_our_words(self._url):
            answer = await self._triton.get_model_repository_index(client_timeout=_PROBE_TIMEOUT)
            models = loaded(answer.models)
            asked = (self._triton.get_model_config(*each, client_timeout=_PROBE_TIMEOUT) for each in models)
            return weights_of(models, await asyncio.gather(*asked))

    async def statistics(self) -> Mapping[str, ModelStatistics]:
        """See :meth:`TritonClient.statistics`."""
        with in_our_words(self._url):
            answer = await self._triton.get_inference_statistics(client_timeout=_PROBE_TIMEOUT)
            return statistics_of(answer.model_stats)

    async def close(self) -> None:
        """Hang up."""
        await self._streams.close()
        await self._triton.close()

    async def __aenter__(self) -> AsyncTritonClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
