"""Whole pictures by the engine, with the networks in its own process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from benchmarks.finisher_bench import Bench, wait
from bridge.finish.admission import Admission
from bridge.finish.batching import Batcher
from bridge.finish.finisher import Finisher
from bridge.finish.job import Bytes, Face, Job
from bridge.finish.layout import UNION_KINDS
from bridge.finish.networks import Tensors
from bridge.finish.running import Run, torch_run
from bridge.finish.settings import load
from bridge.registry import Tier


@dataclass
class Meter:
    """How long the networks computed [s], and how much [TFLOP], for all jobs together."""

    bench: Bench
    busy: float = 0.0
    tflop: float = 0.0

    def measured(self, name: str, run: Run, inputs: Tensors) -> Tensors:
        """Run a network and wait until it is done."""
        began = time.perf_counter()
        found = run(inputs)
        wait(self.bench.device)
        self.busy += time.perf_counter() - began
        self.tflop += self.bench.tflop(name, next(iter(inputs.values())).shape[0])
        return found

    def reset(self) -> None:
        """Forget what was measured."""
        self.busy = self.tflop = 0.0


class Prepared:
    """A network that runs the way it was prepared for a number of rows, and as it is for others."""

    def __init__(self, bench: Bench, column: str, name: str) -> None:
        self.plain = bench.modules[name]
        self.ways = {
            rows: way for (kind, key, rows), way in bench.prepared.items() if (kind, key) == (column, name)
        }

    def __call__(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the network's outputs."""
        return tuple(self.ways.get(tensors[0].shape[0], self.plain)(*tensors))


def omega(bench: Bench, *, full: bool = False) -> Job:
    """Return a job of tier Ω, with every control that it has, a garment and a face, of the size of its bucket."""
    width, height = bench.omega
    settings = load().settings(Tier.ULTRA, {"full_schedule": full})
    settings = settings.model_copy(update={"long_side": max(width, height)})
    random = np.random.default_rng(0)
    used = [kind for kind in UNION_KINDS if settings.controls.get(kind)]
    prior, photo, *controls = (picture(random, height, width) for _ in range(2 + len(used)))
    side = bench.layout.image_side
    face = Face(random.normal(size=bench.layout.face_width).astype(np.float32), picture(random, side, side))
    return Job(
        prior=prior, photo=photo, edit_mask=np.full((height, width), 255, np.uint8), settings=settings, seed=0,
        prompt="a photo", negative_prompt="blurry", controls=dict(zip(used, controls, strict=True)),
        garment=picture(random, side, side), face=face,
    )  # fmt: skip


def finish(bench: Bench, column: str, name: str, job: Job, together: int = 1) -> dict[str, object]:
    """Measure jobs in the engine.

    Args:
        bench: the networks.
        column: how they run where they were prepared like that.
        name: what the row is called.
        job: what each of the jobs does.
        together: how many there are at the same time.
    """
    meter = Meter(bench)
    runs = {
        key: partial(meter.measured, key, torch_run(Prepared(bench, column, key), contract, bench.device))
        for key, contract in bench.contracts.items()
    }
    asyncio.run(_finish(bench, runs, job, together))  # counts the operations, and warms up
    meter.reset()
    began = time.perf_counter()
    report = asyncio.run(_finish(bench, runs, job, together))
    seconds = time.perf_counter() - began
    told = ("bucket", "executed_steps", "refiner_steps", "controls", "seconds")
    return {
        "job": name, "column": column, "together": together, **bench.speed(seconds, meter.tflop),
        "orchestration": round(1 - meter.busy / seconds, 4), **{key: report[key] for key in told},
    }  # fmt: skip


async def _finish(bench: Bench, runs: Mapping[str, Run], job: Job, together: int) -> dict[str, object]:
    async with Batcher(runs, bench.contracts) as batcher:
        engine = Finisher(
            bench.layout, batcher.networks, (words(), words()), admission=Admission(together), device=bench.device
        )  # fmt: skip
        jobs = (engine.run(replace(job, seed=seed)) for seed in range(together))
        return (await asyncio.gather(*jobs))[0].report


def words() -> Tokenizer:
    """Return a tokenizer that makes CLIP's number of tokens of any text; which tokens, costs nothing."""
    made = Tokenizer(WordLevel({"pad": 0, "word": 1}, unk_token="word"))  # noqa: S106 - a word, no password
    made.enable_truncation(77)
    made.enable_padding(length=77, pad_id=0, pad_token="pad")  # noqa: S106 - a word, no password
    return made


def picture(random: np.random.Generator, height: int, width: int) -> Bytes:
    """Return noise, uint8 [height, width, 3]."""
    return random.integers(0, 256, (height, width, 3), np.uint8)
