"""What each of the finisher's shortcuts (:mod:`bridge.finish.shortcuts`) saves, and how far its picture moves.

Small networks of random weights run the same job by every switch on this machine, turn by turn with the exact path.
Rows, work and seconds are what they are; **of a picture's quality random weights say nothing**: how far it moves
shows only that a switch is at work, and that the exact path is exact. What matters at the real size is the work,
which is counted there too, on torch's device ``meta``.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.finisher_jobs import picture, words
from benchmarks.finisher_networks import layout, modules, parts
from benchmarks.origin import commit, machine
from bridge.finish.admission import Admission
from bridge.finish.batching import Batcher
from bridge.finish.contracts import contracts
from bridge.finish.finisher import Finisher
from bridge.finish.job import Bytes, Finished, Job
from bridge.finish.layout import Layout, bucket_name
from bridge.finish.running import Run, torch_run
from bridge.finish.settings import load
from bridge.registry import Tier
from export.sdxl.examples import examples
from export.sdxl.modules.shallow import shallow_of

LPIPS = "not measured: its weights are not installed"
QUALITY = "random weights: pictures say nothing of quality, psnr_db only that the switch is at work"
SHALLOW = 0.65 / 15.06
"""Of a whole row with ControlNet-Union at 1056 x 1408, by facts of the design: 6.5 % of the denoiser's 10.01 TFLOP."""


@dataclass(frozen=True)
class Switch:
    """A way to finish: what differs from tier Ω, and what share of the denoiser's work is expected to be left."""

    name: str
    changes: Mapping[str, object]
    expected_work: float


SWITCHES = (
    Switch("exact", {}, 1.0),
    Switch("guidance_end 0.6", {"guidance_end": 0.6}, 12 / 16),
    Switch("deep_every 2", {"deep_every": 2}, (8 + 8 * SHALLOW) / 16),
    Switch("deep_every 3", {"deep_every": 3}, (6 + 10 * SHALLOW) / 16),
    Switch("deep_every 2, guidance_end 0.6", {"deep_every": 2, "guidance_end": 0.6}, (6 + 6 * SHALLOW) / 16),
    Switch(
        "lcm, guidance 1, 4 steps",
        {"scheduler": "lcm", "guidance": 1.0, "steps": 4, "full_schedule": True},
        4 / 16,
    ),
)
"""Tier Ω executes 8 steps of two rows. The last one's picture is what a distilled LoRA is for, and no shortcut to
the exact one's."""


@dataclass(frozen=True)
class Workshop:
    """The small checkpoint, at work, and what a row of each denoiser costs at the real size [TFLOP]."""

    layout: Layout
    runs: Mapping[str, Run]
    modules: Mapping[str, torch.nn.Module]
    job: Job
    tflop: Mapping[str, float]

    def finish(self, switch: Switch) -> tuple[Finished, float]:
        """Finish the job by a switch; return also how long it took [s]."""
        settings = self.job.settings.model_copy(update=switch.changes)
        began = time.perf_counter()
        found = asyncio.run(self._finish(replace(self.job, settings=settings)))
        return found, time.perf_counter() - began

    async def _finish(self, job: Job) -> Finished:
        async with Batcher(self.runs, contracts(self.layout)) as batcher:
            engine = Finisher(self.layout, batcher.networks, (words(), words()), admission=Admission(1))
            return await engine.run(job)

    def work(self, report: Mapping[str, object]) -> float:
        """Return what a report's rows would cost at the real size [TFLOP]."""
        rows = report["rows"]
        return (
            sum(count * self.tflop[name] for name, count in rows.items()) if isinstance(rows, dict) else 0.0
        )


def run(turns: int, command: str, say: Callable[[str], None], *, int8: bool = True) -> dict[str, object]:
    """Measure every switch.

    Args:
        turns: how often each; of the times the median counts, and of each turn the ratio to its own exact one.
        command: what was typed.
        say: is told what comes next.
        int8: whether the denoiser is exported and quantized too, which takes a minute.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # small tensors: more threads only wait for each other
    torch.manual_seed(0)
    try:
        say("counting the work at the real size")
        shop = _workshop()
        taken: dict[str, list[float]] = {switch.name: [] for switch in SWITCHES}
        found: dict[str, Finished] = {}
        shop.finish(SWITCHES[0])  # warms up
        for turn in range(turns):
            for switch in SWITCHES:
                say(f"turn {turn + 1} of {turns}: {switch.name}")
                found[switch.name], seconds = shop.finish(switch)
                taken[switch.name].append(seconds)
        quantized = [_int8(shop, turns, say)] if int8 else []
    finally:
        torch.set_num_threads(before)
    return {
        "command": command, "commit": commit(), "machine": machine(), "turns": turns, "quality": QUALITY,
        "full_size_row_tflop": shop.tflop,
        "switches": [*(_row(switch, shop, found, taken) for switch in SWITCHES), *quantized],
    }  # fmt: skip


def _int8(shop: Workshop, turns: int, say: Callable[[str], None]) -> dict[str, object]:
    from benchmarks.shortcuts_int8 import measure  # which needs this module

    return measure(shop, turns, say)


def _row(
    switch: Switch, shop: Workshop, found: Mapping[str, Finished], taken: Mapping[str, list[float]]
) -> dict[str, object]:
    exact = SWITCHES[0].name
    mine, base = found[switch.name], found[exact]
    ratios = [one / other for one, other in zip(taken[switch.name], taken[exact], strict=True)]
    return {
        "switch": switch.name,
        "settings": dict(switch.changes),
        "rows": mine.report["rows"],
        "seconds": round(statistics.median(taken[switch.name]), 3),
        "seconds_ratio": round(statistics.median(ratios), 3),
        "full_size_work": round(shop.work(mine.report) / shop.work(base.report), 3),
        "expected_work": round(switch.expected_work, 3),
        "psnr_db": psnr(mine.image, base.image),
        "lpips": LPIPS,
    }


def table(found: Mapping[str, object]) -> Table:
    """Return what was measured beside what was expected."""
    columns = ("seconds", "seconds_ratio", "full_size_work", "expected_work", "psnr_db")
    made = Table("switch", "rows", "s", "ratio", "full size", "expected", "PSNR", caption=f"LPIPS: {LPIPS}")
    for row in cast("list[dict[str, object]]", found["switches"]):
        rows = cast("Mapping[str, int]", row["rows"])
        numbers = ("equal" if row[column] is None else str(row[column]) for column in columns)
        made.add_row(str(row["switch"]), " + ".join(str(count) for count in rows.values()), *numbers)
    return made


def psnr(one: Bytes, other: Bytes) -> float | None:
    """Return the peak signal-to-noise ratio of two pictures [dB]; None: they are equal."""
    error = float(np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2))
    return None if error == 0 else round(float(10 * np.log10(255**2 / error)), 2)


def _workshop() -> Workshop:
    """Return the small checkpoint with the job that all finish; without the refiner, which no switch changes."""
    plain = {"refiner": None, "adapters": ()}
    known = layout("fp32", tiny=True).model_copy(update=plain)
    networks = parts(known, "cpu", tiny=True)
    known = known.model_copy(update={"shallow": shallow_of(networks.unet)})
    made = modules(networks, known, "cpu")
    runs = {name: torch_run(made[name], contract) for name, contract in contracts(known).items()}
    return Workshop(known, runs, made, _job(known), _full_size(layout("bf16").model_copy(update=plain)))


def _job(known: Layout) -> Job:
    """Return a job of tier Ω in the larger bucket, with two controls."""
    width, height = max(known.buckets)
    settings = load().settings(Tier.ULTRA).model_copy(update={"long_side": max(width, height)})
    random = np.random.default_rng(0)
    prior, photo, pose, depth = (picture(random, height, width) for _ in range(4))
    return Job(
        prior=prior, photo=photo, edit_mask=np.full((height, width), 255, np.uint8), settings=settings, seed=0,
        prompt="a photo", controls={"pose": pose, "depth": depth},
    )  # fmt: skip


def _full_size(known: Layout) -> dict[str, float]:
    """Return what a row of each denoiser costs in the largest bucket, two operations for a multiplication [TFLOP]."""
    networks = parts(known, "meta")
    known = known.model_copy(update={"shallow": shallow_of(networks.unet), "buckets": (max(known.buckets),)})
    made, found = modules(networks, known, "meta"), {}
    for role in ("denoise", "denoise_shallow"):
        contract = contracts(known)[f"{role}_{bucket_name(known.buckets[0])}"]
        inputs = (tensor.to("meta") for tensor in examples(contract, known, 1).values())
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            made[contract.name](*inputs)
        found[role] = round(counter.get_total_flops() / 1e12, 3)
    return found
