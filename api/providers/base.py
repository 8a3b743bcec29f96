"""The seam: what every provider does, and the words in which it fails.

A failure is one of four classes of :mod:`bridge.errors`. Whether the same call may succeed later is said by
``retry_after`` and by nothing else: None means never.

=================  ========================================  ==================
class              meaning                                   ``retry_after``
=================  ========================================  ==================
ExternalRateLimit  no room now                               always set
ExternalBadInput   the pictures are refused, by us or them   None
RenderFailed       out of order, silent, or ended badly      set where it helps
ProviderError      account, bill, keys, settings             None
=================  ========================================  ==================

Pictures that one provider refused by its content rules are never handed to another one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from api.providers.breaker import Verdict
from bridge.contracts import Category
from bridge.errors import ExternalBadInput, ProviderError, RenderFailed

Fetch = Callable[[str], Awaitable[bytes]]
"""Gets the bytes at an address, or raises a VfrError; the one passed in opens no address inside of our network."""

FIRST_PAUSE, LAST_PAUSE = 2.0, 5.0
"""Between two polls [s]; Kling needs 15-60 s, and its other clients ask every 3 s (facts 1.3, 1.4)."""
PAUSE_GROWTH = 1.25
OUTAGE_SECONDS = 60.0
"""Who asks for a pause of this length is down as a whole, not just slow [s]."""


@dataclass(frozen=True)
class Order:
    """One picture to be rendered; the pictures are encoded bytes of ours, already judged by the gate."""

    job: str  # the provider sees it as the external id; one that is to be paid again needs a new one
    person: bytes
    garment: bytes
    category: Category = Category.AUTO
    callback_url: str | None = None
    prefix: str = ""  # of the job's blobs; who answers at once keeps the picture there


class State(str, Enum):
    """How far a task is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Task:
    """What a provider says of a task. Holds no pictures, so that it can be written down as JSON."""

    external_id: str
    state: State
    urls: tuple[str, ...] = ()  # where the pictures are, as this provider's ``fetch`` reads them
    reason: str = ""  # the provider's words on a failure
    refused: bool = False  # it failed by the provider's content rules
    units: float = 0.0  # what was charged so far


class Provider(Protocol):
    """A renderer outside of this system."""

    name: str
    """The key of its rows and metrics."""
    timeout: float
    """The longest wait from ``submit`` to the picture [s]."""
    most_parallel: int
    """How many tasks the account may have at once."""
    cost: float
    """What a picture is expected to be charged [units]."""

    async def submit(self, order: Order) -> str:
        """Hand the order in, unless it was handed in before, and return the provider's id of the task.

        Calling it again with the same job, after whatever crash, never pays twice.

        Raises:
            ProviderError: of one of the classes above.
            ImageError: a picture can't be decoded.
        """
        ...

    async def poll(self, external_id: str) -> Task:
        """Ask how far the task is.

        Raises:
            ProviderError: of one of the classes above; the task itself is untouched by it.
        """
        ...

    async def fetch(self, task: Task) -> bytes:
        """Get the picture of a task that is done: encoded bytes of a stranger, to be judged by the gate.

        Raises:
            ProviderError: of one of the classes above.
        """
        ...


@dataclass(frozen=True)
class Rule:
    """What a provider's code means for us."""

    error: type[ProviderError]
    sentence: str
    retry_after: float | None = None

    def made(self, provider: str, code: str) -> ProviderError:
        """Return the error; the code is kept for those who must find the cause."""
        error = self.error(f"{self.sentence} ({provider}: {code})")
        error.retry_after = self.retry_after
        return error


def pause_before(poll: int) -> float:
    """Return how long to wait before a poll [s], counted from 0: 2 s at first, growing to 5 s."""
    return min(LAST_PAUSE, FIRST_PAUSE * PAUSE_GROWTH ** min(poll, 100))


def failure(task: Task) -> ProviderError:
    """Return the error of a task that failed."""
    reason = task.reason or "no reason was given"
    if task.refused:
        return ExternalBadInput(f"The pictures were refused by content rules: {reason}. Please use others.")
    return RenderFailed(f"The picture could not be rendered outside: {reason}. Please try again.")


def judge(error: BaseException) -> Verdict:
    """Tell a breaker what an error says of the provider's health."""
    if type(error) is ProviderError:
        return Verdict.OUTAGE  # nothing gets better before a person has paid the bill or mended the keys
    if isinstance(error, RenderFailed):
        return Verdict.OUTAGE if (error.retry_after or 0) >= OUTAGE_SECONDS else Verdict.FAULT
    return Verdict.FINE
