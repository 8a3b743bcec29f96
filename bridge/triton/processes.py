"""The server's processes: what they use, and how none of them is left behind.

The server starts as the leader of a session of its own, and the processes that it starts for the Python models
stay in that session, so that the session's number finds them all, whoever of them still lives.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")
_SESSION = (
    3  # the field of /proc/<pid>/stat after the name in brackets: state, parent, group, session (proc(5))
)
_LOCAL, _STATE, _INODE = 1, 3, 9  # the columns of /proc/net/tcp and tcp6 (proc(5))
_LISTEN = "0A"


@dataclass(frozen=True)
class Memory:
    """What a session's processes hold [MiB]: ``pss`` counts a page that n of them share as 1/n."""

    processes: int
    rss: float
    pss: float


def spawn(command: Sequence[str], env: Mapping[str, str], folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own, its output in ``log``; it gets SIGTERM when this process dies.

    The kernel sends that signal when the *thread* ends that started the process, so a thread is kept for it.
    It runs in ``folder``, because the models' interpreters look there first for whatever they import.

    Raises:
        OSError: the command can't be run.
    """
    started: queue.SimpleQueue[subprocess.Popen[bytes] | OSError] = queue.SimpleQueue()

    def keep() -> None:
        try:
            process = _popen(command, env, folder, log)
        except OSError as error:
            started.put(error)
        else:
            started.put(process)
            process.wait()

    threading.Thread(target=keep, name="triton-keeper", daemon=True).start()
    result = started.get()
    if isinstance(result, OSError):
        raise result
    return result


def _popen(
    command: Sequence[str], env: Mapping[str, str], folder: Path, log: Path
) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-IS", str(_DIE_WITH_PARENT), str(os.getpid()), *command],
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], patience: float) -> None:
    """Ask the server to stop; kill what is left of its session after ``patience`` [s], and see it gone."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    while left := members(process.pid):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    process.wait()


def members(session: int) -> list[int]:
    """Return the living processes of a session."""
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if _session(path) == session]


def listening(pid: int) -> set[int]:
    """Return the TCP ports on which a process of this network namespace listens."""
    sockets = {link for link in (_link(path) for path in Path(f"/proc/{pid}/fd").glob("*")) if link}
    tables = (Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6"))
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    return {
        int(row[_LOCAL].rpartition(":")[2], 16)
        for row in rows
        if row[_STATE] == _LISTEN and f"socket:[{row[_INODE]}]" in sockets
    }


def _link(path: Path) -> str | None:
    try:
        return str(path.readlink())
    except OSError:  # closed in the meantime
        return None


def memory(session: int) -> Memory:
    """Return what the processes of a session hold together."""
    rollups = [_rollup(pid) for pid in members(session)]
    return Memory(len(rollups), sum(r.get("Rss", 0) for r in rollups), sum(r.get("Pss", 0) for r in rollups))


def _session(process: Path) -> int | None:
    try:
        stat = (process / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else int(fields[_SESSION - 1])


def _rollup(pid: int) -> dict[str, float]:
    """Return the sums of a process's memory map by their names in proc(5) [MiB]."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return {}
    return {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}
