"""A circuit breaker: what fails too often is left alone for a while, then tried with a single call.

States and names: Nygard, Release It!, 2nd ed., ch. 5. The ratio is taken over a sliding window, so that a
trickle of errors among many successes never opens it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TypeVar

from bridge.errors import ServerUnavailable

T = TypeVar("T")


class Circuit(Enum):
    """The states; the value is what a metric shows."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Verdict(Enum):
    """What the end of a call says of the other side."""

    FINE = "fine"  # it works, even if it refused this call
    FAULT = "fault"  # counts against it
    OUTAGE = "outage"  # no need to count


class Breaker:
    """Guards the calls of one dependency; may be used from several threads and loops at once."""

    def __init__(
        self,
        name: str,
        *,
        window: float = 60.0,
        ratio: float = 0.5,
        least: int = 5,
        rest: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start closed.

        Args:
            name: what is guarded, as people call it.
            window: how long a call counts [s].
            ratio: the share of faults, 0 to 1, from which on it opens.
            least: fewer calls than this in the window never open it.
            rest: how long it stays open before a probe is let through [s].
            clock: seconds that never run backwards.
        """
        self.name = name
        self._window, self._ratio, self._least, self._rest, self._clock = window, ratio, least, rest, clock
        self._calls: deque[tuple[float, bool]] = deque()  # when, and whether it was a fault
        self._closed = True
        self._until = 0.0  # when a probe may go
        self._probing = False
        self._lock = threading.Lock()

    @property
    def state(self) -> Circuit:
        """The state now."""
        if self._closed:
            return Circuit.CLOSED
        return Circuit.OPEN if self._clock() < self._until else Circuit.HALF_OPEN

    @property
    def pause(self) -> float:
        """How long until a call may be let through [s]; 0: it would be now."""
        left = 0.0 if self._closed else self._until - self._clock()
        return max(1.0, left) if left > 0 or self._probing else 0.0

    async def call(self, work: Callable[[], Awaitable[T]], judge: Callable[[BaseException], Verdict]) -> T:
        """Do the work unless the circuit is open.

        Args:
            work: begins the call; not called at all while the circuit is open.
            judge: says what an error means; a cancelled call means nothing and is not judged.

        Raises:
            ServerUnavailable: the circuit is open; ``retry_after`` says for how long.
        """
        probe = self._admit()
        verdict, pause = None, 0.0
        try:
            result = await work()
            verdict = Verdict.FINE
        except Exception as error:
            verdict, pause = judge(error), getattr(error, "retry_after", None) or 0.0
            raise
        finally:
            self._record(verdict, pause, probe=probe)
        return result

    def _admit(self) -> bool:
        """Return whether this call is the probe."""
        with self._lock:
            if pause := self.pause:
                refusal = ServerUnavailable(f"{self.name} is out of order. Please try again later.")
                refusal.retry_after = pause
                raise refusal
            self._probing = not self._closed
            return self._probing

    def _record(self, verdict: Verdict | None, pause: float, *, probe: bool) -> None:
        with self._lock:
            now = self._clock()
            self._probing = self._probing and not probe
            if verdict is None or not (self._closed or probe):  # cancelled, or begun before it opened
                return
            self._calls.append((now, verdict is not Verdict.FINE))
            while self._calls[0][0] <= now - self._window:
                self._calls.popleft()
            if verdict is Verdict.OUTAGE or (verdict is Verdict.FAULT and (probe or self._too_many())):
                self._closed, self._until = False, now + max(self._rest, pause)
            elif probe:
                self._closed = True
                self._calls.clear()

    def _too_many(self) -> bool:
        faults = sum(fault for _, fault in self._calls)
        return len(self._calls) >= self._least and faults >= self._ratio * len(self._calls)
