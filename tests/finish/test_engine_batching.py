"""One process that owns the networks: rows of several jobs in one batch, whatever their timesteps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from bridge.contracts import Backend, Contract, DType, Tensor
from bridge.errors import InternalError, OutOfMemory
from bridge.finish.admission import DEADLINE, Admission
from bridge.finish.batching import Batcher
from bridge.finish.contracts import contracts
from bridge.finish.finisher import Finisher
from bridge.finish.job import Finished, Job
from bridge.finish.networks import Tensors
from bridge.finish.running import onnx_run
from tests.finish import tiny
from tests.finish.studio import Studio, job, same, settings, studio

TALL, WIDE = tiny.BUCKETS


async def _at_once(
    at: Studio, jobs: Sequence[Job], seen: list[list[float]]
) -> tuple[list[Finished], Batcher]:
    """Finish jobs at the same time; ``seen`` gets the timesteps of every batch of the tall bucket's denoiser."""

    def run(inputs: Tensors) -> Tensors:
        seen.append(inputs["timestep"][:, 0].tolist())
        return at.runs["denoise_64x96"](inputs)

    async with at.batcher(denoise_64x96=run) as batcher:
        finisher = Finisher(at.layout, batcher.networks, at.words, admission=Admission(8))
        return list(await asyncio.gather(*(finisher.run(each) for each in jobs))), batcher


def test_batches_mix_timesteps_and_change_nothing() -> None:
    """Four jobs of different schedules fill batches of eight rows; each picture is the one it would be alone."""
    at, seen = studio(), []
    hows = [
        settings(steps=steps, scheduler=name)
        for steps, name in ((20, "euler"), (25, "ddim"), (30, "unipc"), (35, "lcm"))
    ]
    jobs = [job(seed, settings=how) for seed, how in enumerate(hows)]
    together, batcher = asyncio.run(_at_once(at, jobs, seen))
    load = batcher.loads["denoise_64x96"]
    assert load.rows == 2 * (4 + 5 + 6 + 7)
    assert load.rows / load.batches > 5
    assert sum(len(set(batch)) > 1 for batch in seen) > len(seen) / 2
    assert max(map(len, seen)) == at.layout.max_rows
    for finished, alone in zip(together, jobs, strict=True):
        assert same(finished.image, at.finish(alone)[0].image)


def test_a_row_does_not_depend_on_its_batch() -> None:
    """A row of the denoiser among seven others differs from itself alone by less than 1e-5 of its size."""
    at = studio()
    generator = torch.Generator().manual_seed(0)
    contract = contracts(at.layout)["denoise_64x96"]
    rows = {tensor.name: torch.rand(8, *tensor.shape, generator=generator) for tensor in contract.inputs} | {
        "timestep": torch.linspace(1, 999, 8)[:, None]
    }
    whole = at.runs["denoise_64x96"](rows)["noise"]
    for n in range(8):
        alone = at.runs["denoise_64x96"]({name: tensor[n : n + 1] for name, tensor in rows.items()})["noise"]
        assert float((whole[n : n + 1] - alone).abs().max() / whole.abs().max()) < 1e-5


def test_jobs_of_two_buckets_and_more_than_six() -> None:
    """Eight jobs of both buckets, some with the refiner, come out as they do alone."""
    at = studio()
    hows = [settings(refiner_denoise=0.1 * (n % 2)) for n in range(8)]
    jobs = [job(n, bucket=(TALL, WIDE)[n % 3 == 0], settings=how) for n, how in enumerate(hows)]
    for finished, alone in zip(at.finish(*jobs), jobs, strict=True):
        assert finished.report["bucket"] == ("96x64" if alone.prior.shape[1] == 96 else "64x96")
        assert same(finished.image, at.finish(alone)[0].image)


ECHO = Contract(
    "echo", "x and one", Backend.PYTHON, (Tensor("x", DType.FP32, (1,), "any"),),
    (Tensor("y", DType.FP32, (1,), "more"),), max_batch=4,
)  # fmt: skip


class Echo:
    """A network that adds one, and remembers what it was given; it takes a while, and has room for a few rows."""

    def __init__(self, room: int = 99, seconds: float = 0.002) -> None:
        self.room, self.seconds = room, seconds
        self.batches: list[list[float]] = []

    def __call__(self, inputs: Tensors) -> Tensors:
        values = inputs["x"][:, 0].tolist()
        if len(values) > self.room:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        self.batches.append(values)
        time.sleep(self.seconds)
        if any(value < 0 for value in values):
            raise ValueError("no such thing")
        return {"y": inputs["x"] + 1}

    async def asked(self, values: Sequence[float], deadlines: Sequence[float] = ()) -> list[object]:
        """Return the answers to one row each, asked at the same time."""

        async def ask(batcher: Batcher, value: float, deadline: float) -> float:
            DEADLINE.set(deadline)
            found = await batcher.networks["echo"](x=torch.tensor([[value]]))
            return float(found["y"])

        async with Batcher({"echo": self}, {"echo": ECHO}) as batcher:
            asks = (
                ask(batcher, v, d) for v, d in zip(values, deadlines or [np.inf] * len(values), strict=True)
            )
            return list(await asyncio.gather(*asks, return_exceptions=True))


def test_batches_are_full_and_no_fuller() -> None:
    """Ten rows make batches of four, and each caller gets its own."""
    echo = Echo()
    assert asyncio.run(echo.asked(range(10))) == list(range(1, 11))
    assert sorted(map(len, echo.batches)) == [2, 4, 4]


def test_the_nearest_deadline_is_computed_first() -> None:
    """Of what waits, those whose jobs are due first are taken."""
    echo = Echo()
    asyncio.run(echo.asked(range(8), [9, 1, 8, 2, 7, 3, 6, 4]))
    assert sorted(echo.batches[0]) == [1, 3, 5, 7]


def test_without_memory_for_a_batch_its_rows_are_computed_alone() -> None:
    """Only a row that finds no room by itself fails, typed, and the next call is served."""
    roomy = Echo(room=1)
    assert asyncio.run(roomy.asked([1, 2, 3])) == [2, 3, 4]
    none = Echo(room=0)
    (failed,) = asyncio.run(none.asked([1]))
    assert isinstance(failed, OutOfMemory)


def test_what_a_network_raises_reaches_its_callers() -> None:
    """As an error of ours that names the network; those after it are served."""
    echo = Echo()

    async def main() -> tuple[object, float]:
        async with Batcher({"echo": echo}, {"echo": ECHO}) as batcher:
            with pytest.raises(InternalError, match="echo: no such thing"):
                await batcher.networks["echo"](x=torch.tensor([[-1.0]]))
            return None, float((await batcher.networks["echo"](x=torch.tensor([[1.0]])))["y"])

    assert asyncio.run(main()) == (None, 2.0)


def test_jobs_that_are_served_together_stay_together() -> None:
    """Four callers that come back after a little work of their own make full batches, step after step: no convoys."""
    echo = Echo(seconds=0.01)

    async def main() -> None:
        async with Batcher({"echo": echo}, {"echo": ECHO}, linger=0.5) as batcher:

            async def steps(number: int) -> None:
                for _ in range(6):
                    await batcher.networks["echo"](x=torch.tensor([[float(number)]]))
                    await asyncio.sleep(0.001 * number)

            await asyncio.gather(*(steps(n) for n in range(4)))

    asyncio.run(main())
    assert [len(batch) for batch in echo.batches] == [4] * 6


def test_a_full_batch_waits_for_nobody() -> None:
    """Eight callers of which a batch holds four: nobody lingers, since the next four are there already."""
    echo, began = Echo(seconds=0.01), time.monotonic()

    async def main() -> None:
        async with Batcher({"echo": echo}, {"echo": ECHO}, linger=10) as batcher:

            async def steps(number: int) -> None:
                for _ in range(3):
                    await batcher.networks["echo"](x=torch.tensor([[float(number)]]))
                    await asyncio.sleep(0.001)

            await asyncio.gather(*(steps(n) for n in range(8)))

    asyncio.run(main())
    assert [len(batch) for batch in echo.batches] == [4] * 6
    assert time.monotonic() - began < 5


def test_a_caller_that_left_is_not_computed() -> None:
    """A cancelled task's rows take no room in a batch."""
    echo = Echo(seconds=0.02)

    async def main() -> None:
        async with Batcher({"echo": echo}, {"echo": ECHO}) as batcher:
            first, gone = (
                asyncio.create_task(batcher.networks["echo"](x=torch.tensor([[value]])))
                for value in (1.0, 2.0)
            )
            await asyncio.sleep(0)
            gone.cancel()
            await first

    asyncio.run(main())
    assert echo.batches == [[1.0]]


def test_a_session_of_onnxruntime_is_a_network_too() -> None:
    """It takes and gives torch's tensors by the contract's names, of any number of rows and of its types."""
    kind, rows = onnx.TensorProto.FLOAT, ["rows", 1]
    values = (onnx.helper.make_tensor_value_info(name, kind, rows) for name in ("x", "y"))
    one = onnx.helper.make_tensor("one", kind, [1], [1.0])
    add = onnx.helper.make_node("Add", ["x", "one"], ["y"])
    graph = onnx.helper.make_graph([add], "echo", [next(values)], [next(values)], [one])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    run = onnx_run(onnxruntime.InferenceSession(model.SerializeToString()), ECHO)
    found = run({"x": torch.tensor([[1.0, 9.0], [2.0, 9.0]], dtype=torch.float64)[:, :1]})
    assert torch.equal(found["y"], torch.tensor([[2.0], [3.0]]))
