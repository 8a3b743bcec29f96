"""A stand-in for Triton that treats every job as its script says; a job is told from others by its ``height``."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import numpy as np

from bridge.errors import ServerUnavailable
from bridge.triton.model import Arrays
from bridge.triton.streams import Part
from tests.api.scripted import ScriptedTriton, tryon

BAD = {"coverage": 0.1}
"""Scores with which no picture passes."""


@dataclass
class Act:
    """How the job of one height is treated."""

    scores: list[dict[str, float]] = field(default_factory=list)  # of its attempts; further ones pass
    faults: list[Exception | None] = field(default_factory=list)  # of its calls; further ones work
    held: bool = False  # until it is not, calls take for ever
    asked: list[Arrays] = field(default_factory=list)
    cancelled: int = 0
    paused: bool = False  # until it is not, a finisher takes no second step

    @property
    def calls(self) -> int:
        """How often it was asked for."""
        return len(self.asked)


class Stage(ScriptedTriton):
    """The stand-in."""

    def __init__(self) -> None:
        super().__init__()
        self.acts: dict[int, Act] = {}
        self.down = False
        self._lock = threading.Lock()

    def script(self, height: int) -> Act:
        """Return the script of a job."""
        with self._lock:
            return self.acts.setdefault(height, Act())

    async def infer(
        self, model: str, arrays: Arrays, outputs: Sequence[str] | None = None, timeout: float | None = None
    ) -> Arrays:
        if self.down:
            raise ServerUnavailable("The inference server is away.")
        if model not in {"tryon_basic", "tryon_pro"}:
            return await super().infer(model, arrays, outputs, timeout)
        act = self.script(int(arrays["height"][0]))
        act.asked.append(arrays)
        if act.faults and (fault := act.faults.pop(0)):
            raise fault
        try:
            while act.held:
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            act.cancelled += 1
            raise
        self.calls += 1
        return tried_on(arrays, act.scores.pop(0) if act.scores else {})

    async def stream(
        self, model: str, arrays: Arrays, timeout: float | None = None
    ) -> AsyncGenerator[Part, None]:
        act = self.script(int(arrays["height"][0]))
        async for one in super().stream(model, arrays, timeout):
            yield one
            try:
                while act.paused and b'"step": 1' in one.arrays["event"][0]:
                    await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                act.cancelled += 1
                raise

    async def ready(self) -> bool:
        return not self.down


def tried_on(arrays: Arrays, scores: dict[str, float]) -> Arrays:
    """Return the person as she came, with other scores."""
    outputs = tryon(arrays)
    report = json.loads(outputs["report"][0])
    report["scores"] |= scores
    return {**outputs, "report": np.array([json.dumps(report).encode()], object)}
