"""How quick the finisher is, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from rich.console import Group
from rich.table import Table

from benchmarks.finisher_expected import CARDS, EAGER_MS, ORCHESTRATION
from benchmarks.finisher_report import Rows, Section

_COLUMNS = {
    "limits": ("what", "tflops", "expected_tflops", "gb_per_s"),
    "networks": (
        "network", "column", "rows", "ms", "expected_ms", "tflop", "expected_tflop", "tflops", "of_matrix",
        "workspace_mib", "prepare_s",
    ),
    "pictures": (
        "job", "column", "together", "ms", "expected_ms", "tflop", "tflops", "orchestration", "images_per_s", "record",
    ),
}  # fmt: skip
"""What a kind of row is known by, and what is shown of it."""


def of_finisher(found: Mapping[str, object]) -> Group:
    """Return what was measured beside what was expected, and what is missing."""
    sections = cast("Mapping[str, Section]", found["sections"])
    rows = [row for section in sections.values() for row in section["rows"]]
    tables = [_table(title, columns, rows) for title, columns in _COLUMNS.items()]
    missing = [f"[yellow]{name}:[/] {each['missing']}" for name, each in sections.items() if each["missing"]]
    return Group(*tables, *_expected(found), *missing)


def _table(title: str, columns: tuple[str, ...], rows: Rows) -> Table:
    """Return the rows of one kind, without the columns that none of them has."""
    mine = [row for row in rows if columns[0] in row]
    shown = [name for name in columns if any(row.get(name) is not None for row in mine)]
    table = Table(title=title)
    for name in shown:
        table.add_column(name, justify="left" if name in {"what", "network", "job", "column"} else "right")
    for row in mine:
        table.add_row(*("" if row.get(name) is None else str(row[name]) for name in shown))
    return table


def _expected(found: Mapping[str, object]) -> list[str]:
    named = CARDS.get(str(found["named"]))
    least, most = EAGER_MS
    lines = [
        f"Expected: at most {ORCHESTRATION:.0%} of a picture outside of the networks; "
        f"on an H200 {least} to {most} ms per step of tier Ω in plain torch."
    ]
    if named:
        lines.append(
            f"Expected of this card: {named.rate:g} TFLOP/s in a denoiser's step of one picture; "
            f"MLPerf's record, in fp8 and batches: {named.images or '-'} pictures/s."
        )
    return [*lines, f"{found['card']}, {found['precision']}; commit {found['commit']}"]
