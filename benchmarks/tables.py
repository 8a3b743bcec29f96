"""Results as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE
from rich.console import Group
from rich.table import Table

from benchmarks.geometry import Geometry
from benchmarks.known_bodies import MEASURES
from benchmarks.latency import Latency
from benchmarks.load import Load
from benchmarks.metrics import Metrics, mean
from benchmarks.quality import Quality
from benchmarks.wardrobe import Wardrobe
from bridge.body.fitted import FittedBody

_COLUMNS = {
    "ssim": ("SSIM", "{:.3f}"),
    "ssim_masked": ("masked", "{:.3f}"),
    "flat_ssim": ("flat", "{:.3f}"),
    "flat_ssim_masked": ("masked", "{:.3f}"),
    "colour_error": ("ΔE", "{:.1f}"),
    "detail": ("detail", "{:.2f}"),
    "print_error": ("print", "{:.3f}"),
    "outside_change": ("out", "{:d}"),
    "seconds": ("s", "{:.2f}"),
}
"""How each measure is headed and written."""


def of_quality(quality: Quality) -> Table:
    """Return one row per pair and their mean."""
    table = Table(
        title="Paired protocol",
        caption="masked: under the mask only. flat: the control, our outline in one colour. print: its distance from "
        "the true place in shoulder widths. out: largest change outside the mask. The person's outline, which "
        "follows the worn garment, is known to the system.",
        box=SIMPLE,
        padding=(0, 1, 0, 0),
    )
    table.add_column("pair", overflow="fold", min_width=8)
    table.add_column("expert", no_wrap=True)
    for title, _ in _COLUMNS.values():
        table.add_column(title, justify="right", no_wrap=True)
    for name, row in quality.pairs.items():
        table.add_row(name, quality.experts[name], *_cells(row))
    table.add_section()
    table.add_row("mean", "", *_cells(mean(list(quality.pairs.values()))))
    return table


def of_latency(latency: Latency) -> Table:
    """Return one row per stage and the whole."""
    table = Table(
        title=f"Latency, {latency['runs']} runs",
        caption=f"Serving adds {latency['overhead']:.1%}. Ready in {latency['ready_seconds']:.1f} s; "
        f"{latency['rss_mb']:.0f} MiB in {latency['processes']} processes.",
    )
    for column in ("stage", "p50 [ms]", "p95 [ms]"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for name, times in sorted(latency["stages"].items(), key=lambda stage: -stage[1]["p50_ms"]):
        table.add_row(name, f"{times['p50_ms']:.1f}", f"{times['p95_ms']:.1f}")
    table.add_section()
    for name, times in (("end to end", latency["end_to_end"]), ("in process", latency["in_process"])):
        table.add_row(name, f"{times['p50_ms']:.1f}", f"{times['p95_ms']:.1f}")
    return table


def of_wardrobe(found: Wardrobe) -> Group:
    """Return one row per expert, and what the answers and the memory have to say."""
    table = _figures(
        f"One person, {found['garments']} garments, {found['people']} times",
        *("expert", "without [s]", "remembering [s]", "ratio", "expected", "a later garment, p50 [ms]"),
    )
    for row in found["tries"]:
        later = f"{row['later_without']['p50_ms']:.0f} → {row['later_remembering']['p50_ms']:.0f}"
        whole = (f"{row['without_s']:.1f}", f"{row['remembering_s']:.1f}", f"{row['ratio']:.2f}")
        table.add_row(row["expert"], *whole, f"≤ {row['expected']:g}", later)
    held = f"{found['memory_without_mb']:.0f} and {found['memory_remembering_mb']:.0f} MiB"
    return Group(table, f"Different answers: {found['different']}. Held without and remembering: {held}.")


def of_load(load: Load) -> Table:
    """Return what the callers saw, one fact per row."""
    used = load["memory"]
    slope = used["growth_mb_per_100"]
    table = Table(title=f"{load['callers']} callers, {load['requests']} requests", show_header=False)
    table.add_row("wrong answers", str(load["wrong"]))
    table.add_row("failures", str(len(load["failures"])))
    table.add_row("pictures per second", f"{load['per_second']:.2f}")
    table.add_row("answer p50 / p95 [ms]", f"{load['answer']['p50_ms']:.0f} / {load['answer']['p95_ms']:.0f}")
    table.add_row("memory [MiB]", f"{used['first_mb']:.0f} to {used['last_mb']:.0f}")
    table.add_row("growth per 100 requests [MiB]", "too few requests" if slope is None else f"{slope:+.2f}")
    return table


def of_geometry(found: Geometry) -> Group:
    """Return three tables: times beside what was expected, the fitted bodies, the drapes."""
    machine = found["machine"]
    where = (
        f"{machine['processor']}, {machine['cores']} cores, load {machine['load']}; commit {found['commit']}"
    )
    return Group(_speed(found), _bodies(found), _draped(found), *found["notes"], where)


def of_garment(report: Mapping[str, Any]) -> Group:
    """Return what a garment was cut into, and how it lies where it was draped."""
    table = _figures("The garment", "", "")
    for name in ("fabric", "openings", "vertices", "faces"):
        table.add_row(name, str(report[name]))
    if drape := report.get("drape"):
        table.add_row("mean strain", f"{drape['mean_strain']:.1%}")
        table.add_row("deepest in the skin", f"{drape['deepest_penetration_mm']:.1f} mm")
    return Group(table, report["fabric_why"])


def of_body(body: FittedBody) -> Group:
    """Return a fitted body's measurements, and how well it fits the photo."""
    report = body.report
    table = _figures(f"The body ({report['model']})", "", "cm")
    for name, value in report["measurements_cm"].items():
        table.add_row(name, f"{value:.1f}")
    off = report["mean_error_px"]
    return Group(
        table,
        f"Landmarks: {off:.1f} px ({100 * off * body.pixel:.1f} cm) off in the mean. "
        f"Body and outline: {report['silhouette_iou']:.0%} in common.",
        *([] if report["height_known"] else ["The height is a guess, and so is every other length."]),
    )


def _speed(found: Geometry) -> Table:
    table = _figures(f"Speed, {found['runs']} runs", "", "median", "least", "expected", "")
    for name, figure in found["speed"].items():
        row = (f"{figure[key]:g}" for key in ("measured", "least"))
        kept = figure["measured"] <= figure["expected"]
        table.add_row(name, *row, f"≤ {figure['expected']:g} {figure['unit']}", "yes" if kept else "no")
    return table


def _bodies(found: Geometry) -> Table:
    table = _figures("Fits on rendered people", "seed", "PVE", "MPJPE", "IoU", *MEASURES, "s")
    table.caption = (
        "PVE, MPJPE: mean distance of vertices and of 12 joints in mm, the hips' middles moved together. "
        "Girths and lengths: found less true, in cm; the last line is the mean error."
    )
    for name, row in [*((str(one["seed"]), one) for one in found["bodies"]), ("mean", found["bodies_mean"])]:
        sizes = (f"{row['measures_cm'][measure]:.1f}" for measure in MEASURES)
        distances = (f"{row['pve_mm']:.0f}", f"{row['mpjpe_mm']:.0f}", f"{row['silhouette_iou']:.2f}")
        table.add_row(name, *distances, *sizes, f"{row['seconds']:.2f}")
    return table


def _draped(found: Geometry) -> Table:
    table = _figures("Drapes", "garment", "solver", "s", "strain", "largest", "depth", "rests")
    table.caption = "strain: mean and largest stretch of a triangle. depth: deepest in the skin, in mm."
    for row in found["drapes"]:
        strains = (f"{row['mean_strain']:.1%}", f"{row['largest_strain']:.0%}")
        depth = f"{row['deepest_penetration_mm']:.1f}"
        rests = {True: "yes", False: "no", None: "-"}[row["converged"]]
        table.add_row(row["garment"], row["solver"], f"{row['seconds']:.2f}", *strains, depth, rests)
    return table


def _figures(title: str, *columns: str) -> Table:
    table = Table(title=title, box=SIMPLE, padding=(0, 1, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=number > 0)
    return table


def _cells(row: Metrics) -> list[str]:
    values = ((getattr(row, name), form) for name, (_, form) in _COLUMNS.items())
    return ["-" if value is None else form.format(value) for value, form in values]
