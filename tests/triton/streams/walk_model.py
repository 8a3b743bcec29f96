"""A decoupled Python model that takes steps, each a call to another model; copied into the repository."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import numpy as np
import torch

from bridge.contracts import Backend, Contract, DType, Tensor
from bridge.errors import JobCancelled, NoPerson
from bridge.finish.networks import Networks
from bridge.triton.bls import networks
from bridge.triton.model import Array, Arrays
from bridge.triton.streaming import Caller, Place, StreamingModel, Work

X = Tensor("x", DType.FP32, (4,), "numbers")
T = Tensor("timestep", DType.FP32, (1,), "how far the walk is")
Y = Tensor("y", DType.FP32, (4,), "what a step made of them")
STEP = Contract(
    "step", "One step: the numbers plus the timestep", Backend.PYTHON, (X, T),
    (Y, Tensor("rows", DType.INT64, (1,), "run together"), Tensor("kinds", DType.INT64, (1,), "of timesteps in them")),
    max_batch=8,
)  # fmt: skip
HOW = Tensor("how", DType.BYTES, (1,), "what goes wrong", default=b"nothing")
STEPS = Tensor("steps", DType.INT32, (1,), "how many")
EVENT = Tensor("event", DType.BYTES, (1,), "JSON: step, rows, kinds")
WALK = Contract("walk", "Takes steps", Backend.PYTHON, (X, STEPS, HOW), (EVENT, Y), decoupled=True)


class TritonPythonModel(StreamingModel):
    contract = WALK

    def work(self, place: Place) -> Work:
        return Walker(networks({"step": STEP}, place.device))


class Walker:
    """Adds 0, 1, 2 ... to its numbers."""

    def __init__(self, networks: Networks) -> None:
        self._step = networks["step"]

    async def __call__(self, arrays: Arrays, caller: Caller) -> Arrays:
        """Take the steps and tell of each."""
        x, how = torch.from_numpy(arrays["x"])[None], arrays["how"][0]
        for step in range(int(arrays["steps"][0])):
            if caller.cancelled():
                raise JobCancelled("Nobody waits for this walk any more.")
            await _misfortune(how, step)
            made = await self._step(
                x=x, timestep=torch.tensor([[float("nan") if how == b"nan" else float(step)]])
            )
            x = made["y"]
            event = {"step": step, "rows": made["rows"].item(), "kinds": made["kinds"].item()}
            caller.send(_answer(event, np.zeros(4, np.float32)))
        return _answer({}, x[0].numpy())


async def _misfortune(how: bytes, step: int) -> None:
    match how, step:
        case b"refuse", 2:
            raise NoPerson("Nobody is in the photo; send one of a person.")
        case b"crash", 2:
            raise ValueError("a secret of the server's")
        case b"crawl", _:
            await asyncio.sleep(0.2)


def _answer(event: Mapping[str, int], y: Array) -> Arrays:
    return {"event": np.array([json.dumps(event).encode()], np.object_), "y": y}
