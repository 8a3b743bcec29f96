"""What the learned scores cost on this machine's processor: each network at its true size, with random weights.

It installs them by the export's own function, so that this proves the export at full size as well.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypedDict

import torch
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import scores_networks
from benchmarks.origin import Machine, commit, machine
from bridge.contracts import LEARNED
from export.scores.choice import Score
from export.scores.installing import install
from export.scores.networks import examples

ROWS: Mapping[str, int] = {"clip_image": 3, "aesthetic": 1, "lpips": 1, "face_embed": 2}
"""What one finished picture asks: CLIP of the garment worn, the garment's photo and the whole picture; two faces."""

RATE = 100.0
"""What two cores with AVX-512 are expected to reach in float32 [GFLOP/s]; written down before it was measured."""

_MIB = 1 << 20


class Row(TypedDict):
    """One network: what a picture asks of it, expected beside measured."""

    network: str
    rows: int
    gflop: float
    """Of all rows, a multiplication and an addition counted as two."""
    expected_ms: float
    median_ms: float
    fastest_ms: float
    memory_mib: float
    """What a process grows by when it loads the network and has run it once."""
    file_mib: float
    export_seconds: float
    largest_error: float
    """Of the proof: over the output's largest value."""


class Result(TypedDict):
    """What was measured, where, and how."""

    command: str
    commit: str
    machine: Machine
    threads: int
    turns: int
    expected_gflops: float
    networks: list[Row]
    picture_expected_ms: float
    picture_ms: float


def run(turns: int, threads: int, command: str, say: Callable[[str], None]) -> Result:
    """Measure every network, each in a process of its own.

    Args:
        turns: how often each is timed; the median counts.
        threads: of each network.
        command: what was typed.
        say: is told what comes next.
    """
    say("counting operations")
    work = {name: ROWS[name] * _gflop(name, module) for name, module in _empty().items()}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        say("drawing weights")
        files = scores_networks.write(Path(folder))
        for score in Score:
            name = score.contract.name
            say(f"{name}: exporting")
            (report,) = install(files, Path(folder) / "models", scores=[score])
            say(f"{name}: timing")
            taken, memory = _apart(Path(folder) / "models" / name / "1" / "model.onnx", name, threads, turns)
            rows.append(Row(
                network=name, rows=ROWS[name], gflop=round(work[name], 3),
                expected_ms=round(work[name] / RATE * 1e3, 1), median_ms=round(statistics.median(taken), 1),
                fastest_ms=round(min(taken), 1), memory_mib=round(memory, 1),
                file_mib=round(report.bytes / _MIB, 1), export_seconds=round(report.seconds, 1),
                largest_error=max(each.max_rel for each in report.proof.differences.values()),
            ))  # fmt: skip
    return Result(
        command=command, commit=commit(), machine=machine(), threads=threads, turns=turns, expected_gflops=RATE,
        networks=rows, picture_expected_ms=round(sum(row["expected_ms"] for row in rows), 1),
        picture_ms=round(sum(row["median_ms"] for row in rows), 1),
    )  # fmt: skip


def table(found: Result) -> Table:
    """Return what was measured beside what was expected."""
    made = Table("network", "rows", "GFLOP", "expected ms", "ms", "fastest", "MiB", "error", box=None)
    for row in found["networks"]:
        numbers = (row["gflop"], row["expected_ms"], row["median_ms"], row["fastest_ms"], row["memory_mib"])
        made.add_row(
            row["network"],
            str(row["rows"]),
            *(f"{each:,.1f}" for each in numbers),
            f"{row['largest_error']:.1e}",
        )
    made.add_section()
    made.add_row("a picture", "", "", f"{found['picture_expected_ms']:,.1f}", f"{found['picture_ms']:,.1f}")
    return made


def _empty() -> Mapping[str, torch.nn.Module]:
    with torch.device("meta"):  # shapes alone
        return scores_networks.modules()


def _gflop(name: str, module: torch.nn.Module) -> float:
    """Return what one row costs."""
    inputs = (tensor.to("meta") for tensor in examples(LEARNED[name], 1).values())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*inputs)
    return counter.get_total_flops() / 1e9


def _apart(path: Path, name: str, threads: int, turns: int) -> tuple[list[float], float]:
    """Return :func:`timed` of a process that has done nothing before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(timed, path, name, threads, turns).result()


def timed(path: Path, name: str, threads: int, turns: int) -> tuple[list[float], float]:
    """Run a network as the server does.

    Args:
        path: the ``.onnx`` file.
        name: its contract's.
        threads: that it may use.
        turns: how often, after a first time.

    Returns:
        The time of each turn [ms], and by how much the process has grown [MiB].
    """
    import onnxruntime

    inputs = {key: each.numpy() for key, each in examples(LEARNED[name], ROWS[name]).items()}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    before = _resident()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    session.run(None, inputs)
    memory, taken = _resident() - before, []
    for _ in range(turns):
        began = time.perf_counter()
        session.run(None, inputs)
        taken.append((time.perf_counter() - began) * 1e3)
    return taken, memory


def _resident() -> float:
    """Return this process's memory [MiB]."""
    status = Path("/proc/self/status").read_text("utf-8").splitlines()
    return float(next(line.split()[1] for line in status if line.startswith("VmRSS"))) / 1024
