"""What the service costs, as a table for people."""

from __future__ import annotations

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from benchmarks.jobs import EXPECTED, Jobs, Report
from benchmarks.times import Percentiles


def of_jobs(found: Report) -> Group:
    """Return what was measured beside what was expected, one column per database."""
    table = Table(
        title="The service around the models", caption="Triton serves a stub. CPU: of API and worker."
    )
    table.add_column("")
    for one in found["databases"]:
        table.add_column(one["database"], justify="right")
    table.add_column("expected")
    told = [_rows(one) for one in found["databases"]]
    for name, expected in _EXPECTED.items():
        # Escaped, or [ms] were taken for a style.
        table.add_row(escape(name), *(rows[name] for rows in told), expected)
    machine = found["machine"]
    where = (
        f"{machine['processor']}, {machine['cores']} cores, load {machine['load']}; commit {found['commit']}"
    )
    return Group(table, where)


_EXPECTED = {
    "taken, 160x200, p50 / p95 [ms]": "",
    "taken, 768x1024, p50 / p95 [ms]": "",
    "of that the pictures [ms]": "",
    "done, p50 / p95 [ms]": "",
    "done, result known, p50 / p95 [ms]": "",
    "taken per second, 160x200": f"at least {EXPECTED['accepted_per_second']:g}",
    "taken per second, 768x1024": "",
    "CPU per job taken: API, pictures; callers [ms]": "",
    "done per second": "",
    "CPU per job [ms]": f"at most {EXPECTED['added_ms']:g} on SQLite",
    "API, pictures, worker [ms]": "",
    "burst: taken + refused of sent": "all",
    "burst: dropped": "0",
    "API, growth per 1000 jobs, in the second half [MiB]": "about 0",
    "worker, the same [MiB]": "about 0",
    "API, worker [MiB]": "",
    "load of the machine": "",
}


def _rows(one: Jobs) -> dict[str, str]:
    burst, memory = one["burst"], one["memory"]
    growth, last = memory["late_growth_mb_per_1000"], memory["last_mb"]
    cells = (
        _times(one["accept"]),
        _times(one["accept_usual"]),
        f"{one['clean_usual_ms']:.0f}",
        _times(one["whole"]),
        _times(one["cached"]),
        f"{one['accepted_per_second']:.0f}",
        f"{one['accepted_usual_per_second']:.0f}",
        "{api:.1f}, {pictures:.1f}; {callers:.1f}".format(**one["accepting_by_ms"]),
        f"{one['done_per_second']:.0f}",
        f"{one['added_ms']:.1f}",
        ", ".join(f"{ms:.1f}" for ms in one["added_by_ms"].values()),
        f"{burst['taken']} + {burst['refused']} of {burst['sent']}",
        str(burst["dropped"]),
        f"{growth['api']:+.1f}",
        f"{growth['worker']:+.1f}",
        f"{last['api']:.0f}, {last['worker']:.0f}",
        f"{one['load']:.1f}",
    )
    return dict(zip(_EXPECTED, cells, strict=True))


def _times(one: Percentiles) -> str:
    return f"{one['p50_ms']:.0f} / {one['p95_ms']:.0f}"
