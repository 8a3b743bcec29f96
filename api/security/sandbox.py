"""The other side of :mod:`api.security.decoder`: its processes are started, asked, watched and replaced."""

from __future__ import annotations

import atexit
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

from api.security.decoder import ANSWER, BAD, GOOD, REQUEST
from bridge.errors import NotAnImage, from_wire

SECONDS = 20.0
"""The longest time for one picture [s]; the worst that is accepted takes 2."""

_LOOK_SECONDS = 0.25
"""Between two looks for a process that takes too long [s]."""
_ATTEMPTS = 2
"""A process may die for reasons that are not the picture's."""
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
"""All of our environment that a parser gets to see."""


@dataclass(frozen=True)
class Read:
    """A picture that came out of the sandbox."""

    data: bytes = field(repr=False)  # encoded anew
    height: int  # [px]
    width: int  # [px]


class _Watchdog:
    """Kills the processes that take too long.

    One thread for all of them: to start a ``threading.Timer`` for each picture took nearly as long as the picture, when
    many came at once and the new thread had to wait for the interpreter.
    """

    def __init__(self) -> None:
        self._until: dict[subprocess.Popen[bytes], float] = {}
        threading.Thread(target=self._watch, name="sandbox watchdog", daemon=True).start()

    @contextmanager
    def watching(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Kill the process if the block lasts longer than ``SECONDS``."""
        self._until[process] = time.monotonic() + SECONDS
        try:
            yield
        finally:
            del self._until[process]

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            now = time.monotonic()
            for process, until in list(self._until.items()):
                if now > until:
                    process.kill()


_watchdog = cache(_Watchdog)


class Sandbox:
    """One process, for one thread at a time; it is started when first asked, and again when it died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    def read(self, data: bytes, shape: tuple[int, int]) -> Read:
        """Decode a picture and encode it anew.

        Args:
            data: a stranger's bytes.
            shape: height and width of the photo that a mask belongs to; (0, 0): this is a photo.

        Raises:
            ImageError: of the class that the decoder raised; NotAnImage when the decoder died of it.
        """
        for _ in range(_ATTEMPTS):
            answer = self._asked(REQUEST.pack(*shape, len(data)) + data)
            if isinstance(answer, Read):
                return answer
            if error := from_wire(answer):
                raise error
        raise NotAnImage("The picture can't be read. Please open it, save it anew as a JPEG, and send that.")

    def close(self) -> None:
        """End the process."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _asked(self, request: bytes) -> Read | str:
        """Return the picture or the error's line; an empty one when the process died, or had to."""
        process = self._process = self._process or _started()
        assert process.stdin  # noqa: S101 - pipes, as they were asked for
        assert process.stdout  # noqa: S101
        try:
            with _watchdog().watching(process):
                process.stdin.write(request)
                process.stdin.flush()
                kind, height, width, length = ANSWER.unpack(process.stdout.read(ANSWER.size))
                payload = process.stdout.read(length)
        except (OSError, struct.error):
            payload, kind, length = b"", BAD, -1  # it died
        if len(payload) != length:
            self.close()
            return ""
        return Read(payload, height, width) if kind == GOOD else payload.decode()


def _started() -> subprocess.Popen[bytes]:
    known = {name: os.environ[name] for name in _KEPT if name in os.environ}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # each takes addresses
    return subprocess.Popen(
        [sys.executable, "-m", "api.security.decoder"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**known, **threads, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
