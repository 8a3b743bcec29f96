"""The seam between this package and the inference server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Protocol

from bridge.triton.model import Arrays
from bridge.triton.streams import Part
from bridge.triton.wire import ModelStatistics, ModelStatus


class Backend(Protocol):
    """What is asked of an inference server: ``AsyncTritonClient`` fulfils it, and so does a test's stand-in."""

    async def infer(
        self, model: str, arrays: Arrays, outputs: Iterable[str] | None = None, timeout: float | None = None
    ) -> Arrays:
        """Run a model; cancelling the task cancels the request.

        Args:
            model: a name of ``bridge.contracts.CONTRACTS``.
            arrays: its inputs by name; those with a default may be left out.
            outputs: the outputs that are wanted; None: all.
            timeout: the longest wait [s]; None: the server's client decides.

        Raises:
            VfrError: of the class that the model raised, or ``ServerUnavailable``.
        """
        ...

    def stream(self, model: str, arrays: Arrays, timeout: float | None = None) -> AsyncGenerator[Part, None]:
        """Run a model that answers in parts; closing the generator, or cancelling its task, cancels the request.

        Args:
            model: as for :meth:`infer`, as are the errors.
            arrays: as for :meth:`infer`.
            timeout: the longest wait for the last part [s].
        """
        ...

    async def ready(self) -> bool:
        """Tell whether the server and all its models can be called."""
        ...

    async def model_statuses(self) -> list[ModelStatus]:
        """Return every model, ready or not.

        Raises:
            ServerUnavailable: nobody answers.
        """
        ...

    async def weights(self) -> Mapping[str, str]:
        """Return what tells each loaded model's weights from others, by its name; of models that have weights.

        Raises:
            ServerUnavailable: nobody answers.
        """
        ...

    async def statistics(self) -> Mapping[str, ModelStatistics]:
        """Return what every model did since the server started.

        Raises:
            ServerUnavailable: nobody answers.
        """
        ...
