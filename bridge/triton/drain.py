"""A server that is about to stop ends what it has begun and takes nothing new: drained, no job is lost.

Triton refuses its own models' calls from the moment on that it is asked to stop (SIGTERM), so the jobs that consist
of such calls must have ended before. Who stops the server therefore shuts a gate first and waits until nobody is
inside: the embedded server by itself, a container by what it runs before it stops (Kubernetes' ``preStop``)::

    python -m bridge.triton.drain "$VFR_GATE" 120

The gate is a folder that both know by the environment variable ``VFR_GATE``. Each job inside holds a shared lock
(``flock``) on a file in it, which the kernel takes back from a process that dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bridge.errors import ServerUnavailable

FOLDER = "VFR_GATE"
"""The environment variable that names the folder; without it the gate is always open."""

_SHUT = "shut"
_INSIDE = "inside"
_LOOK_EVERY = 0.05  # [s]


@dataclass(frozen=True)
class Gate:
    """The gate as a process with jobs passes it; without a folder nobody can shut it."""

    folder: Path | None

    def open(self) -> bool:
        """Tell whether new jobs may come in."""
        return self.folder is None or not (self.folder / _SHUT).exists()

    @contextlib.contextmanager
    def job(self) -> Iterator[None]:
        """Be inside; who waits for an empty house waits for the end of this.

        Raises:
            ServerUnavailable: the gate is shut.
        """
        if self.folder is None:
            yield
            return
        with (self.folder / _INSIDE).open("ab") as file:
            # In this order: who shuts the gate in between finds the lock and waits.
            if not (_lock(file, fcntl.LOCK_SH) and self.open()):
                raise ServerUnavailable(
                    "This server is about to be stopped and takes no new jobs; ask again soon."
                )
            yield


def from_environment() -> Gate:
    """Return the gate that the environment names."""
    folder = os.environ.get(FOLDER)
    return Gate(Path(folder) if folder else None)


def drain(folder: Path, patience: float) -> bool:
    """Shut the gate and wait until nobody is inside.

    Args:
        folder: the gate's.
        patience: how long to wait [s].

    Returns:
        Whether everybody came out in time.
    """
    (folder / _SHUT).touch()
    deadline = time.monotonic() + patience
    with (folder / _INSIDE).open("ab") as file:
        while not (empty := _lock(file, fcntl.LOCK_EX)) and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY)
    return empty


def _lock(file: IO[bytes], kind: int) -> bool:
    """Lock a file until it is closed; return False when somebody else's lock is in the way."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(0 if drain(Path(sys.argv[1]), float(sys.argv[2])) else "jobs are still running")
