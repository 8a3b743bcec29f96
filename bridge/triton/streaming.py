"""What a model runs on that works on many requests at once and answers each in several parts.

Triton hands such a decoupled model its requests as they come and waits for none of them, so that every request is
a task of the event loop of the model's process, which waits for other models and meanwhile lets the others go on.
How many of them may work at a time is the model's own business: Triton queues nothing before it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bridge.contracts import Contract
from bridge.triton import drain
from bridge.triton.model import Arrays, Model, Models
from bridge.triton.serving import called, explained, success
from bridge.triton.stub import Request, ResponseSender, stub
from bridge.triton.tensors import checked, complete

if TYPE_CHECKING:
    from bridge.finish.networks import Networks

CALLS = 32
"""How many calls to other models may be under way at once from one process. Each waits in a thread of the event
loop's executor, of which asyncio makes no more than the cores and four; the server has this many to answer them, unless
it is told another ``thread-pool-size`` of its Python backend."""


class Caller(Protocol):
    """Who waits for the answer."""

    def send(self, arrays: Arrays) -> None:
        """Send a part of the answer; it holds every output that the contract promises."""

    def cancelled(self) -> bool:
        """Tell whether nobody waits any more; a model asks between two steps and stops."""


@dataclass(frozen=True)
class Place:
    """Where a model runs.

    ``folder`` is its version's in the repository, ``device`` what it computes on as torch names it (``cpu``,
    ``cuda:0``), ``parameters`` those of its config; ``models`` holds those of its contract's ``calls``, each of which
    waits for its answer; ``networks`` returns the networks of contracts that are no constants, as what calls them.
    """

    folder: Path
    device: str
    parameters: Mapping[str, str]
    models: Models
    networks: Callable[[Mapping[str, Contract]], Networks]


Work = Callable[[Arrays, Caller], Awaitable[Arrays]]
"""Inputs and who sent them in, the last part of the answer out; the other parts are sent on the way."""


class StreamingModel(Model):
    """A :class:`bridge.triton.model.Model` that is decoupled; its ``model.py`` says what it does by :meth:`work`."""

    _work: Work
    _gate: drain.Gate
    _executor: ThreadPoolExecutor | None = None

    def work(self, place: Place) -> Work:
        """Return what answers a request."""
        raise NotImplementedError

    def initialize(self, args: Mapping[str, str]) -> None:
        """Load the model; called once, before the first request."""
        card = args["model_instance_kind"] == "GPU"
        device = f"cuda:{args['model_instance_device_id']}" if card else "cpu"
        self._gate = drain.from_environment()
        parameters = json.loads(args["model_config"]).get("parameters", {})
        values = {name: value["string_value"] for name, value in parameters.items()}
        self._work = self.work(
            Place(
                Path(stub().get_model_dir()),
                device,
                values,
                called(self.contract),
                partial(_networks, device),
            )
        )

    def is_ready(self) -> bool:
        """Tell Triton (from 26.03 on) whether it should get requests."""
        return self._gate.open()

    async def execute(self, requests: Sequence[Request]) -> None:
        """Begin to answer the requests; Triton doesn't wait for the end."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(CALLS, "call")
            asyncio.get_running_loop().set_default_executor(self._executor)
        await asyncio.gather(*(self._answer(request) for request in requests))

    async def _answer(self, request: Request) -> None:
        """Answer one request; whatever happens, its last response says that it is the last."""
        sender = request.get_response_sender()
        try:
            given = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
            with self._gate.job():
                last = await self._work(complete(self.contract, given), _Sender(self, sender))
            response = success(checked(self.contract, last))
        except Exception as error:
            response = explained(self.contract.name, error)
        sender.send(response, stub().TRITONSERVER_RESPONSE_COMPLETE_FINAL)


@dataclass(frozen=True)
class _Sender:
    model: StreamingModel
    sender: ResponseSender

    def send(self, arrays: Arrays) -> None:
        self.sender.send(success(checked(self.model.contract, arrays)))

    def cancelled(self) -> bool:
        return self.sender.is_cancelled()


def _networks(device: str, contracts: Mapping[str, Contract]) -> Networks:
    from bridge.triton import bls  # brings torch, which not every model needs

    return bls.networks(contracts, device)
