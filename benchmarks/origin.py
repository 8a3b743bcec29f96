"""Where and of what a result was measured: without it, a number means little."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import TypedDict

from bridge.checkout import CHECKOUT


class Machine(TypedDict):
    """What ran the benchmark."""

    processor: str
    cores: int
    memory_gb: float
    python: str
    load: float
    """How many processes wanted to run in the minute before; above 0 the machine was shared."""


def machine() -> Machine:
    """Return what this machine is, and how busy it has been."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(memory / 2**30, 1),
        python=platform.python_version(),
        load=round(os.getloadavg()[0], 2),
    )


def commit() -> str:
    """Return the commit that was measured, with ``-dirty`` where files differ from it; outside of git: unknown."""
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        answer = subprocess.run(asked, cwd=CHECKOUT, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return answer.stdout.strip()


def _processor() -> str:
    """Return the processor's name as Linux tells it."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
