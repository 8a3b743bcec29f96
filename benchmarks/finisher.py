"""The finisher in full size on a card, with weights that mean nothing: how quick it is, and against what.

One script for a short lease: the sections stand in the order of what is wanted most, and each is written as soon as
it is there (:mod:`benchmarks.finisher_report`).
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from benchmarks import origin
from benchmarks.finisher_bench import Bench, timed
from benchmarks.finisher_expected import CARDS, ORCHESTRATION, Expected
from benchmarks.finisher_jobs import finish, omega
from benchmarks.finisher_networks import DTYPES, layout, parts
from benchmarks.finisher_report import Lease, Missing, Rows, Say
from benchmarks.finisher_rivals import in_diffusers, mlperf, plain
from bridge.finish.layout import Precision
from export.cards import CARDS as FILES
from export.cards import find_card

ROWS = (2, 4, 8)
PACKAGES = ("torch", "diffusers", "transformers", "triton", "onnxruntime", "onnxruntime-gpu")


@dataclass(frozen=True)
class Asked:
    """What is measured."""

    tiny: bool
    precision: Precision
    runs: int
    only: frozenset[str]
    seconds: float


@dataclass(frozen=True)
class Part:
    """One section: what it does, and about how long that takes on a card [s]."""

    work: Callable[[Bench, Rows], None]
    needs: float


def run(asked: Asked, path: Path | None, command: str, say: Say) -> dict[str, object]:
    """Measure, and return everything as it was written.

    Args:
        asked: what is measured.
        path: the file that grows meanwhile; what it has of an earlier run on the same card and commit stays.
        command: that made this run.
        say: hears one line per section.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    lease = Lease(path, asked.seconds, facts(device, asked, command), say)
    if asked.tiny and device == "cpu":
        torch.set_num_threads(1)  # tiny tensors: more threads only wait for each other
    say("making the networks")
    torch.manual_seed(0)
    chosen = layout(asked.precision, tiny=asked.tiny)
    made = parts(chosen, device, tiny=asked.tiny)
    bench = Bench(lease, chosen, made, device, asked.runs, expected(card_of(device)))
    channels_last(bench)
    for name, part in SECTIONS.items():
        if name == "matrix" or not asked.only or name in asked.only:
            lease.section(name, partial(part.work, bench), part.needs if device == "cuda" else 0)
    return lease.report()


def channels_last(bench: Bench) -> None:
    """Lay the weights of convolutions out as the cards' matrix units read them."""
    if bench.device == "cuda":
        for module in bench.modules.values():
            module.to(memory_format=torch.channels_last)


def facts(device: str, asked: Asked, command: str) -> dict[str, object]:
    """Return what holds for all sections."""
    card = torch.cuda.get_device_properties(0) if device == "cuda" else None
    return {
        "machine": origin.machine(), "commit": origin.commit(), "command": command, "tiny": asked.tiny,
        "precision": asked.precision, "card": card.name if card else "none", "named": card_of(device),
        "memory_mib": card.total_memory // 2**20 if card else None, "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }  # fmt: skip


def card_of(device: str) -> str | None:
    """Return the name in ``configs/gpu`` of the card that is here."""
    if device != "cuda":
        return None
    here = torch.cuda.get_device_name()
    for path in FILES.glob("*.yaml"):
        known = find_card(path.stem).device
        if known and known.name == here:
            return path.stem
    return None


def expected(card: str | None) -> Expected | None:
    """Return what a card should reach."""
    return CARDS.get(card or "")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def matrix(bench: Bench, rows: Rows) -> None:
    """The card's own limits: a large matrix product on random data, and a large copy."""
    side = 8192 if bench.device == "cuda" else 256
    for name in dict.fromkeys((bench.layout.precision, "bf16", "fp16")):
        one, other = (torch.randn(side, side, device=bench.device, dtype=DTYPES[name]) for _ in range(2))
        seconds = min(timed(partial(torch.matmul, one, other), 10, bench.device))
        rate = 2e-12 * side**3 / seconds
        rows.append(
            {"what": f"matrix product, {name}, {side}", "tflops": float(f"{rate:.4g}"), **_matrix(bench)}
        )
        if name == bench.layout.precision:
            bench.rate = rate
    source = torch.empty(2**30 if bench.device == "cuda" else 2**20, dtype=torch.uint8, device=bench.device)
    seconds = min(timed(source.clone, 10, bench.device))
    rows.append({"what": "copy, read and written", "gb_per_s": round(2e-9 * source.nbytes / seconds, 1)})


def networks(bench: Bench, rows: Rows) -> None:
    """Every network in plain torch: the denoisers for one picture, two and four, the others as a job uses them."""
    for role in ("denoise", "refine"):
        for bucket in reversed(bench.layout.buckets):
            _cells(bench, rows, "eager", bench.sized(role, bucket), ROWS)
    for name, size in (
        ("vae_decode", 1), ("vae_encode", 1), ("text_encode", 2), (bench.sized("control_embed", bench.omega), 5),
    ):  # fmt: skip
        _cells(bench, rows, "eager", name, (size,))


def graphs(bench: Bench, rows: Rows) -> None:
    """The denoisers without the time it takes to launch each kernel."""
    for role in ("denoise", "refine"):
        _cells(bench, rows, "graph", bench.sized(role, bench.omega), ROWS[:1])


def compiled(bench: Bench, rows: Rows) -> None:
    """The networks of a job by Inductor."""
    for role in ("denoise", "refine"):
        _cells(bench, rows, "compile", bench.sized(role, bench.omega), ROWS[:1])
    _cells(bench, rows, "compile", "vae_decode", (1,))


def more_compiled(bench: Bench, rows: Rows) -> None:
    """The other size, and more rows."""
    for bucket in bench.layout.buckets:
        missing = [n for n in ROWS if ("compile", bench.sized("denoise", bucket), n) not in bench.prepared]
        _cells(bench, rows, "compile", bench.sized("denoise", bucket), missing)


def package(bench: Bench, rows: Rows) -> None:
    """What serves without Python's help."""
    _cells(bench, rows, "aoti", _exported(bench), ROWS[:1])


def onnxruntime(bench: Bench, rows: Rows) -> None:
    """What serves the ONNX files."""
    _cells(bench, rows, "onnxruntime", _exported(bench), ROWS[:1])


def jobs(bench: Bench, rows: Rows) -> None:
    """A picture of tier Ω in plain torch, and with the full schedule; then two at the same time."""
    _jobs(bench, rows, "eager")
    rows.append(finish(bench, "eager", "two of tier Ω", omega(bench), together=2))


def compiled_jobs(bench: Bench, rows: Rows) -> None:
    """A picture of tier Ω with what was compiled."""
    if not any(column == "compile" for column, *_ in bench.prepared):
        raise Missing("nothing was compiled in this run")
    _jobs(bench, rows, "compile")


def diffusers(bench: Bench, rows: Rows) -> None:
    """The same picture in diffusers' own pipelines."""
    rows.append(in_diffusers(bench, omega(bench), "tier Ω"))


def mlperf_eager(bench: Bench, rows: Rows) -> None:
    """MLPerf's setting in plain torch, one picture and four."""
    base = plain(bench, _side(bench))
    for images in (1, 4):
        rows.append(mlperf(base, "eager", images))


def mlperf_compiled(bench: Bench, rows: Rows) -> None:
    """MLPerf's setting with Inductor."""
    base = plain(bench, _side(bench))
    for images in (1, 4):
        rows.append(mlperf(base, "compile", images))


SECTIONS: Mapping[str, Part] = {
    "matrix": Part(matrix, 5),
    "networks": Part(networks, 40),
    "jobs": Part(jobs, 40),
    "diffusers": Part(diffusers, 20),
    "mlperf": Part(mlperf_eager, 25),
    "graph": Part(graphs, 10),
    "compile": Part(compiled, 150),
    "compiled jobs": Part(compiled_jobs, 20),
    "aoti": Part(package, 200),
    "mlperf compiled": Part(mlperf_compiled, 100),
    "more compiled": Part(more_compiled, 100),
    "onnxruntime": Part(onnxruntime, 200),
}
"""In the order of what is wanted most."""


def _jobs(bench: Bench, rows: Rows, column: str) -> None:
    known = bench.expected
    for name, full, wanted in (
        ("tier Ω", False, known and known.omega), ("tier Ω, full schedule", True, known and known.full),
    ):  # fmt: skip
        row = finish(bench, column, name, omega(bench, full=full))
        rows.append(
            {**row, "expected_ms": 1e3 * wanted if wanted else None, "most_orchestration": ORCHESTRATION}
        )


def _cells(bench: Bench, rows: Rows, column: str, name: str, sizes: Sequence[int]) -> None:
    for size in sizes:
        rows.append(bench.cell(column, name, size))


def _exported(bench: Bench) -> str:
    """Return the network that is exported; Inductor's C++ and ONNX would take minutes of a processor's time."""
    return bench.sized("denoise" if bench.device == "cuda" else "control_embed", bench.omega)


def _matrix(bench: Bench) -> dict[str, object]:
    return {"expected_tflops": bench.expected.matrix} if bench.expected else {}


def _side(bench: Bench) -> int:
    return 1024 if bench.device == "cuda" else 64
