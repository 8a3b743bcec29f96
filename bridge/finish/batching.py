"""One process that owns the networks: what several jobs ask of one at the same time becomes one batch.

The engine's other transport is Triton's BLS (:mod:`bridge.triton.bls`); to the engine they are the same.

A batch is chosen by the call whose job has the nearest deadline, and filled by calls of the same network in that
order, whatever their timesteps. Jobs that were served together come back together, one after the other: whoever
began with the first of them would split them into convoys that never meet again. So the next batch waits, for
at most ``linger`` seconds, until those of the last one are back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from types import TracebackType

import torch

from bridge.contracts import Contract
from bridge.errors import InternalError, OutOfMemory, VfrError
from bridge.finish.admission import DEADLINE
from bridge.finish.networks import Networks, Tensors
from bridge.finish.running import Run

NO_MEMORY = ("out of memory", "allocate")
"""What torch and onnxruntime say, whose errors have no class in common."""

LINGER = 0.002
"""Against a step of 20 ms and more, that is nothing; a scheduler's step takes less [s]."""


@dataclass(order=True)
class _Call:
    deadline: float
    arrival: int
    name: str = field(compare=False)
    inputs: Tensors = field(compare=False)
    answer: asyncio.Future[Tensors] = field(compare=False)

    @property
    def rows(self) -> int:
        return next(iter(self.inputs.values())).shape[0]

    @property
    def kind(self) -> tuple[object, ...]:
        """What calls must have in common to become one batch: the network, and the shapes of its rows."""
        return (self.name, *(tensor.shape[1:] for tensor in self.inputs.values()))


@dataclass
class Load:
    """What a network was asked so far: ``batches``, ``calls`` and ``rows`` in them."""

    batches: int = 0
    calls: int = 0
    rows: int = 0


class Batcher:
    """Owns the networks while it is entered (``async with``); :attr:`networks` are what the engine calls."""

    def __init__(
        self, runs: Mapping[str, Run], contracts: Mapping[str, Contract], *, linger: float = LINGER
    ) -> None:
        self._runs, self._contracts, self._linger = runs, contracts, linger
        self._arrivals = count()
        self._waiting: list[_Call] = []
        self._came = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "networks")
        self.loads = {name: Load() for name in runs}
        self.networks: Networks = {name: partial(self._ask, name) for name in runs}

    async def __aenter__(self) -> Batcher:
        self._task = asyncio.create_task(self._serve())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown()

    async def _ask(self, name: str, **inputs: torch.Tensor) -> Tensors:
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append(_Call(DEADLINE.get(), next(self._arrivals), name, inputs, answer))
        self._came.set()
        return await answer

    async def _serve(self) -> None:
        back = 1
        while True:
            await self._gather(back)
            batch = self._next()
            await self._answer(batch)
            back = len(self._waiting) + len(batch)

    async def _gather(self, expected: int) -> None:
        """Wait for a call, and a little longer for those of the last batch, unless the next one is full."""
        loop = asyncio.get_running_loop()
        until: float | None = None
        while not self._waiting or (len(self._waiting) < expected and not self._full()):
            if self._waiting and until is None:
                until = loop.time() + self._linger
            self._came.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._came.wait()
            except TimeoutError:
                return

    def _full(self) -> bool:
        """Tell whether no further row finds room in the next batch."""
        batch = self._batch()
        return sum(call.rows for call in batch) >= self._most(batch[0])

    def _next(self) -> list[_Call]:
        """Return the next batch, which waits no more; empty if its callers left."""
        self._waiting = [call for call in self._waiting if not call.answer.done()]
        batch = self._batch()
        self._waiting = [call for call in self._waiting if call not in batch]
        return batch

    def _batch(self) -> list[_Call]:
        """Return the call whose job is due first, and those after it that fit into its batch."""
        batch: list[_Call] = []
        rows = 0
        for call in sorted(self._waiting):
            if not batch or (call.kind == batch[0].kind and rows + call.rows <= self._most(call)):
                batch.append(call)
                rows += call.rows
        return batch

    def _most(self, call: _Call) -> int:
        return self._contracts[call.name].max_batch

    async def _answer(self, batch: list[_Call]) -> None:
        """Compute a batch; where there is no memory for it, one call after the other."""
        if not batch:
            return
        try:
            found = await self._compute(batch)
        except OutOfMemory as error:
            if len(batch) == 1:
                _fail(batch, error)
            else:
                for call in batch:
                    await self._answer([call])
        except VfrError as error:
            _fail(batch, error)
        else:
            for call, tensors in zip(batch, found, strict=True):
                if not call.answer.done():
                    call.answer.set_result(tensors)

    async def _compute(self, batch: list[_Call]) -> list[Tensors]:
        name, load = batch[0].name, self.loads[batch[0].name]
        load.batches += 1
        load.calls += len(batch)
        load.rows += sum(call.rows for call in batch)
        work = partial(_computed, name, self._runs[name], [call.inputs for call in batch])
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _fail(batch: list[_Call], error: VfrError) -> None:
    for call in batch:
        if not call.answer.done():
            call.answer.set_exception(error)


def _computed(name: str, run: Run, inputs: Sequence[Tensors]) -> list[Tensors]:
    """Run a network on the rows of several calls; what it raises becomes one of ours."""
    sizes = [next(iter(each.values())).shape[0] for each in inputs]
    try:
        outputs = run({key: torch.cat([each[key] for each in inputs]) for key in inputs[0]})
        parts = {key: tensor.split(sizes) for key, tensor in outputs.items()}
        return [{key: part[n] for key, part in parts.items()} for n in range(len(sizes))]
    except Exception as error:
        if isinstance(error, MemoryError) or any(word in str(error).lower() for word in NO_MEMORY):
            raise OutOfMemory(
                f"{name} found no room for {sum(sizes)} rows; please try again later, "
                "or lower how many jobs are in flight."
            ) from error
        raise InternalError(f"{name}: {error}") from error
