"""The course of one job: who watches it, whether it goes on, and how long its stages took."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from bridge.errors import DeadlineMissed, JobCancelled
from bridge.finish.job import Bytes, Cancelled, Progress, Watch

Preview = Callable[[torch.Tensor], Bytes]
"""A latent [1, channels, h, w] to a small picture."""


@dataclass
class Course:
    """Of one job; ``seconds`` is how long each stage took [s], by its name; ``rows``, how many each denoiser ran."""

    watch: Watch
    cancelled: Cancelled
    deadline: float
    preview: Preview
    preview_every: int = 0
    started: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    _stage: str = ""

    def check(self) -> None:
        """Return if the job is to go on.

        Raises:
            JobCancelled: nobody waits any more.
            DeadlineMissed: it would be too late.
        """
        if self.cancelled():
            raise JobCancelled(f"The job was cancelled in its stage {self._stage or 'begin'}.")
        if time.monotonic() > self.deadline:
            raise DeadlineMissed(
                f"The job's time was over in its stage {self._stage or 'begin'}; please allow it more."
            )

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Check, tell that a stage begins, and measure it."""
        self._stage = name
        self.check()
        self._tell(0, 0, None)
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - began, 6)

    def stepped(self, step: int, steps: int, latent: torch.Tensor) -> None:
        """Tell that a step is done, with a preview every few steps; the last step's picture is no preview."""
        shown = self.preview_every and step % self.preview_every == 0 and step < steps
        self._tell(step, steps, self.preview(latent) if shown else None)

    def _tell(self, step: int, steps: int, preview: Bytes | None) -> None:
        self.watch(Progress(self._stage, step, steps, time.monotonic() - self.started, preview))
