"""The small checkpoint's denoiser in eight bits (ONNX Q/DQ) beside the exact one, both by onnxruntime."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnxruntime

from benchmarks.shortcuts import LPIPS, SWITCHES, Workshop, psnr
from bridge.finish.contracts import contracts
from bridge.finish.layout import bucket_name
from bridge.finish.networks import Tensors
from bridge.finish.running import Run, onnx_run
from export.onnx import write_onnx
from export.sdxl.calibration import Rows
from export.sdxl.examples import examples
from export.sdxl.quantize import CALIBRATION_JOBS, quantized

Row = dict[str, object]


def measure(shop: Workshop, turns: int, say: Callable[[str], None]) -> Row:
    """Return int8's row; its ratio is to onnxruntime in float32, of the same turn.

    Args:
        shop: the small checkpoint.
        turns: how often each is timed.
        say: is told what comes next.
    """
    name = f"denoise_{bucket_name(max(shop.layout.buckets))}"
    contract = contracts(shop.layout)[name]
    with tempfile.TemporaryDirectory() as folder:
        exact, small = Path(folder) / "model.onnx", Path(folder) / name
        say("int8: exporting the denoiser")
        write_onnx(shop.modules[name], contract, examples(contract, shop.layout, rows=2), exact, {})
        say("int8: finding the scales")
        error = quantized(
            exact, small, [_observed(shop, name, seed) for seed in range(CALIBRATION_JOBS + 1)]
        ).error
        shops = [
            replace(shop, runs={**shop.runs, name: onnx_run(_session(path), contract)})
            for path in (exact, small / "model.onnx")
        ]
    say("int8: timing")
    pairs = [[each.finish(SWITCHES[0]) for each in shops] for _ in range(turns)]
    (before, _), (after, _) = pairs[-1]
    return {
        "switch": "int8, by onnxruntime", "settings": {}, "rows": after.report["rows"],
        "seconds": round(statistics.median(seconds for _, (_, seconds) in pairs), 3),
        "seconds_ratio": round(statistics.median(two / one for (_, one), (_, two) in pairs), 3),
        "full_size_work": 1.0, "expected_work": 1.0, "psnr_db": psnr(after.image, before.image), "lpips": LPIPS,
        "noise_error": round(error, 4), "compared_with": "onnxruntime in float32, same turn",
    }  # fmt: skip


def _observed(shop: Workshop, name: str, seed: int) -> list[Rows]:
    """Return what each step of one job gives the denoiser."""
    seen: list[Rows] = []

    def recorded(inputs: Tensors) -> Tensors:
        seen.append({key: tensor.numpy().copy() for key, tensor in inputs.items()})
        return run(inputs)

    run: Run = shop.runs[name]
    job = replace(shop.job, seed=seed)
    replace(shop, job=job, runs={**shop.runs, name: recorded}).finish(SWITCHES[0])
    return seen


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # as torch has it here
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
