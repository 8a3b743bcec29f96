"""Kill, freeze and starve the service while it works, and see that every job ends exactly once.

    python -m tests.chaos                            # PostgreSQL and SQLite, 200 jobs each, the real models
    python -m tests.chaos --triton stub --jobs 30 --seconds 20 --database sqlite

The last line is JSON: ``jobs, done, failed, lost, duplicated, stuck, paid_twice, kills``. The exit status is 0 when
nothing was lost, duplicated, stuck or paid twice.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from benchmarks.postgres import Postgres, binaries
from tests.chaos.run import Plan, run
from tests.chaos.verdict import Counts, Verdict


def main() -> int:
    """Run on each database; return the exit status."""
    asked = _asked()
    kinds = ["postgres", "sqlite"] if asked.database == "both" else [asked.database]
    sums = []
    for kind in kinds:
        say(f"--- {kind} ---")
        sums.append(_on(kind, asked))
        say(f"{kind}: {sums[-1]}")
    total = Counts(*(sum(getattr(one, f.name) for one in sums) for f in fields(Counts)))
    say(str(total))
    return 0 if total.right else 1


def _on(kind: str, asked: argparse.Namespace) -> Counts:
    plan = Plan(asked.jobs, asked.seed, asked.seconds, asked.job_seconds, asked.triton == "stub")
    folder = Path(asked.keep or tempfile.mkdtemp(prefix="vfr-chaos-")) / kind
    folder.mkdir(parents=True, exist_ok=True)
    with _postgres(kind) as server:
        verdict = asyncio.run(_stoppable(plan, folder, server))
    for fault in verdict.faults:
        say(fault)
    say(f"failed by reason: {dict(verdict.reasons)}; the logs: {folder}")
    return verdict.counts


async def _stoppable(plan: Plan, folder: Path, server: Postgres | None) -> Verdict:
    """Let SIGTERM end the run as Ctrl-C does, so that no process is left behind."""
    task = asyncio.ensure_future(run(plan, folder, server, say))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


@contextmanager
def _postgres(kind: str) -> Iterator[Postgres | None]:
    if kind == "sqlite":
        yield None
        return
    if not (folder := binaries()):
        raise SystemExit("PostgreSQL is not installed; --database sqlite needs none.")
    with tempfile.TemporaryDirectory(prefix="vfr-postgres-", ignore_cleanup_errors=True) as place:
        server = Postgres(Path(place), folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Every job ends exactly once.")
    parser.add_argument("--jobs", type=int, default=200, help="on each database")
    parser.add_argument("--seed", type=int, default=4, help="of the orders and the strokes")
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--seconds", type=float, default=150.0, help="how long strokes fall [s]")
    parser.add_argument("--job-seconds", type=float, default=420.0, help="the time that a job has [s]")
    parser.add_argument("--triton", choices=["stub", "real"], default="real")
    parser.add_argument("--keep", help="a folder for the logs; else a temporary one")
    return parser.parse_args()


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
