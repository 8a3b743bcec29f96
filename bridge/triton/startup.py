"""What the server's log says while it starts: which models are ready, and in words why one is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

_LOADING = re.compile(r'"loading: ([^:]+):\d+"')
_READY = re.compile(r"\"successfully loaded '([^']+)'")
_FAILED = re.compile(r"\"failed to load '([^']+)' version \d+: [\w ]+: (.*)\"")
_REFUSED = re.compile(r"\"Poll failed for model directory '([^']+)': (.*)\"")
_PORT_TAKEN = re.compile(r"failed to start \w+ service: .*'[\d.]+:(\d+)' already in use")
_LIBRARY = re.compile(r"error while loading shared libraries: (\S+):")

_NOISE = re.compile(
    r"pinned system memory|CUDA memory pool disabled|CudaDriverHelper has not been initialized"
    r"|Failed to initialize NVML|DCGM unable to start|NVML|CUDA driver version is insufficient"
)
"""What the server says on every machine without a graphics card; it means nothing."""

_HINTS = {
    r"No module named 'bridge'": "install the project into this environment: `pip install -e .`",
    r"No module named '(?!bridge)": "install what is missing: `pip install neurose-vfr[server]`",
    r"No space left|shm|shared memory": "give it more shared memory: `--shm-size=1g` for a container",
    r"libpython": "install the shared library of this Python, or use a Python that has it (pyenv, uv, Debian's)",
}


@dataclass(frozen=True)
class Progress:
    """One step of the start: a model began to load, is ready, or failed; ``ready`` of ``total`` are up."""

    model: str
    state: Literal["loading", "ready", "failed"]
    ready: int
    total: int


@dataclass
class StartLog:
    """Follows the log of a starting server.

    ``failures`` holds the reason of each model that could not be loaded, ``port_taken`` a port that another
    program was faster to take.
    """

    path: Path
    total: int
    ready: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)
    port_taken: int | None = None
    _read: int = 0

    def follow(self) -> Iterator[Progress]:
        """Yield what has happened since the last call."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        complete = text[: text.rfind(b"\n") + 1]
        self._read += len(complete)
        for line in complete.decode(errors="replace").splitlines():
            yield from self._understand(line)

    def _understand(self, line: str) -> Iterator[Progress]:
        if found := _LOADING.search(line):
            yield self._progress(found[1], "loading")
        elif found := _READY.search(line):
            self.ready.add(found[1])
            yield self._progress(found[1], "ready")
        elif found := _FAILED.search(line) or _REFUSED.search(line):
            self.failures[found[1]] = _meaning(found[2])
            yield self._progress(found[1], "failed")
        elif found := _PORT_TAKEN.search(line):
            self.port_taken = int(found[1])

    def _progress(self, model: str, state: Literal["loading", "ready", "failed"]) -> Progress:
        return Progress(model, state, len(self.ready), self.total)

    def explain(self) -> str:
        """Return in one sentence, or one per model, why the server did not start."""
        reasons = [f"model {name}: {reason}" for name, reason in self.failures.items()]
        if not reasons:
            reasons = [self._last_word()]
        return "; ".join(_with_hint(reason) for reason in reasons)

    def _last_word(self) -> str:
        text = self.path.read_text(errors="replace")
        lines = quiet([line for line in text.splitlines() if line.strip()])
        errors = [line for line in lines if line.startswith("E") or "rror" in line or _LIBRARY.search(line)]
        return (errors or lines or ["it said nothing"])[-1]


def quiet(lines: list[str]) -> list[str]:
    """Return the log's lines without those that mean nothing on a machine without a graphics card."""
    return [line for line in lines if not _NOISE.search(line)]


def _meaning(message: str) -> str:
    """Return the sentence of a failed load: without the traceback, our own errors without their class."""
    sentence = message.replace("\\n", "\n").split("\n\nAt:")[0].strip().splitlines()[-1]
    return re.sub(r"^(Artifact|Server|Config|Licence|Wrong|Internal)\w+: ", "", sentence).rstrip(".")


def _with_hint(reason: str) -> str:
    hint = next((hint for pattern, hint in _HINTS.items() if re.search(pattern, reason)), None)
    return f"{reason} ({hint})" if hint else reason
