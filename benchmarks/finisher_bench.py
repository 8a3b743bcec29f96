"""What the finisher's sections share: the networks, the clock, and one measured forward pass."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.finisher_columns import COLUMNS, Forward, Tensors
from benchmarks.finisher_expected import STEP_TFLOP, Expected
from benchmarks.finisher_networks import modules
from benchmarks.finisher_report import Lease
from bridge.finish.contracts import contracts
from bridge.finish.layout import Bucket, Layout, bucket_name
from export.cards import role
from export.sdxl.examples import examples
from export.sdxl.parts import Parts

MIB = 2**20
PICTURE = 2
"""Rows of one picture: without the prompt, and with it."""


@dataclass
class Bench:
    """The networks on the device where they are measured."""

    lease: Lease
    layout: Layout
    parts: Parts
    device: str
    runs: int
    expected: Expected | None
    rate: float | None = None
    """Of a large matrix product in the networks' type [TFLOP/s], once it is measured."""

    prepared: dict[tuple[str, str, int], Forward] = field(default_factory=dict)
    """What runs a network, by column, network and rows."""

    _tflop: dict[tuple[str, int], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the modules, which share the parts' weights."""
        self.modules = modules(self.parts, self.layout, self.device)
        self.contracts = contracts(self.layout)

    @property
    def omega(self) -> Bucket:
        """The size of tier Ω: the largest."""
        return max(self.layout.buckets, key=lambda bucket: bucket[0] * bucket[1])

    def sized(self, role: str, bucket: Bucket) -> str:
        """Return a network's name at a size."""
        return f"{role}_{bucket_name(bucket)}"

    def inputs(self, name: str, rows: int) -> Tensors:
        """Return what a network is measured on; open sizes are those of tier Ω."""
        largest = self.layout.model_copy(update={"buckets": (self.omega,)})
        return tuple(t.to(self.device) for t in examples(self.contracts[name], largest, rows).values())

    def tflop(self, name: str, rows: int) -> float:
        """Return what a forward pass costs, two operations for a multiplication with an addition [TFLOP]."""
        if (name, rows) not in self._tflop:
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                self.modules[name](*self.inputs(name, rows))
            self._tflop[name, rows] = counter.get_total_flops() / 1e12
        return self._tflop[name, rows]

    def cell(self, column: str, name: str, rows: int) -> dict[str, object]:
        """Measure one network run one way.

        Raises:
            Missing: it can't be run like that here, or there is no time to prepare it.
        """
        self.lease.need(self.needs(column, name))
        inputs, tflop = self.inputs(name, rows), self.tflop(name, rows)
        began, before = time.perf_counter(), allocated(self.device)
        with torch.no_grad():
            forward = COLUMNS[column].prepare(self.modules[name], inputs)
            forward(*inputs)
            prepared = time.perf_counter() - began
            times = timed(lambda: forward(*inputs), self.runs, self.device)
        self.prepared[column, name, rows] = forward
        return {
            "network": name, "column": column, "rows": rows, **self.speed(statistics.median(times), tflop),
            **self._expected(name, rows, tflop), "least_ms": round(1e3 * min(times), 2),
            "prepare_s": round(prepared, 1), "workspace_mib": round((peak(self.device) - before) / MIB),
        }  # fmt: skip

    def needs(self, column: str, name: str) -> float:
        """Return about how long it takes to prepare a network [s]."""
        share = {"denoise": 1.0, "refine": 0.6}.get(role(name), 0.2)
        return share * COLUMNS[column].needs if self.device == "cuda" else 0.0

    def _expected(self, name: str, rows: int, tflop: float) -> dict[str, object]:
        """Return what a step of one picture should cost and take; of other passes nothing is known."""
        if rows != PICTURE or role(name) not in {"denoise", "refine"}:
            return {}
        rate = self.expected.rate if self.expected else None
        return {
            "expected_tflop": STEP_TFLOP.get(name), "expected_ms": round(1e3 * tflop / rate, 1) if rate else None,
        }  # fmt: skip

    def speed(self, seconds: float, tflop: float) -> dict[str, object]:
        """Return a time with what was computed in it."""
        rate = tflop / seconds
        return {
            "ms": round(1e3 * seconds, 2), "tflop": float(f"{tflop:.4g}"), "tflops": float(f"{rate:.4g}"),
            "of_matrix": round(rate / self.rate, 3) if self.rate else None,
        }  # fmt: skip


def timed(work: Callable[[], object], runs: int, device: str) -> list[float]:
    """Return how long some work takes until the device is done with it [s], ``runs`` times."""
    wait(device)
    return [_seconds(work, device) for _ in range(runs)]


def _seconds(work: Callable[[], object], device: str) -> float:
    began = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - began


def wait(device: str) -> None:
    """Wait until the device has done all that it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def allocated(device: str) -> int:
    """Return what is allocated on the device [bytes], from which on :func:`peak` counts."""
    if device != "cuda":
        return 0
    torch.cuda.reset_peak_memory_stats()
    return torch.cuda.memory_allocated()


def peak(device: str) -> int:
    """Return the most that was allocated on the device since :func:`allocated` [bytes]."""
    return torch.cuda.max_memory_allocated() if device == "cuda" else 0
