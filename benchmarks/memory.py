"""The memory of a process and all that it started."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

MIB = 2**20


@dataclass(frozen=True)
class Memory:
    """Memory of a process tree."""

    mib: float
    kind: str
    """``pss``: pages that processes share are counted once (proportional set size); ``rss`` where the system
    does not tell, which counts them once per process."""


def of_tree(pid: int) -> Memory:
    """Return the memory of the process and its descendants at this moment [MiB].

    Args:
        pid: the process; those that end while they are read count as 0.

    Raises:
        psutil.NoSuchProcess: it does not run.
    """
    root = psutil.Process(pid)
    tree = [root, *root.children(recursive=True)]
    shares = [_pss(process) for process in tree]
    if all(share is not None for share in shares):
        return Memory(sum(share or 0 for share in shares) / MIB, "pss")
    return Memory(sum(_rss(process) for process in tree) / MIB, "rss")


def _pss(process: psutil.Process) -> int | None:
    """Return the proportional set size [bytes], or None where it may not be read."""
    try:
        return int(getattr(process.memory_full_info(), "pss"))  # noqa: B009 - Linux only, so unknown to the stubs
    except psutil.NoSuchProcess:
        return 0
    except (psutil.AccessDenied, AttributeError):
        return None


def _rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
