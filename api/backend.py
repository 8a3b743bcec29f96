"""The seam between this package and the inference server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.triton.model import Arrays


@dataclass(frozen=True)
class Stage:
    """What one model did since the server started."""

    requests: int
    seconds: float  # of all requests together, waiting included [s]
    waiting: float  # of it in the queue [s]
    failures: int


class Backend(Protocol):
    """What is asked of an inference server: Triton's client fulfils it, and so does a test's stand-in."""

    async def infer(
        self, model: str, arrays: Arrays, outputs: Sequence[str] | None = None, timeout: float | None = None
    ) -> Arrays:
        """Run a model. Cancelling the task cancels the request.

        Args:
            model: a name of ``bridge.contracts.CONTRACTS``.
            arrays: its inputs by name.
            outputs: the outputs that are wanted; None: all.
            timeout: the longest wait [s]; None: no limit.

        Raises:
            VfrError: of the class that the model raised, or ``ServerUnavailable``.
        """
        ...

    async def ready(self) -> Mapping[str, str]:
        """Return the state of every model in a word or sentence; ``"ready"`` when it is.

        Raises:
            ServerUnavailable: nobody answers.
        """
        ...

    async def statistics(self) -> Mapping[str, Stage]:
        """Return what every loaded model did since the server started."""
        ...
