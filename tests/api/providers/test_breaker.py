"""The circuit breaker, on a clock of the test's own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from api.providers.base import judge
from api.providers.breaker import Breaker, Circuit, Verdict
from bridge.errors import (
    ExternalBadInput,
    ExternalRateLimit,
    ProviderError,
    RenderFailed,
    ServerUnavailable,
    VfrError,
)


class Down(Exception):
    """The dependency fails."""


def verdict(error: BaseException) -> Verdict:
    """Judge the tests' errors."""
    return Verdict.FAULT if isinstance(error, Down) else Verdict.FINE


@dataclass
class Bench:
    """A breaker of 10 s windows, open for 30 s, and its clock."""

    now: float = 1000.0
    begun: int = 0
    breaker: Breaker = field(init=False)

    def __post_init__(self) -> None:
        self.breaker = Breaker("Triton", window=10, ratio=0.5, least=4, rest=30, clock=lambda: self.now)

    async def attempt(self, error: BaseException | None = None) -> str:
        """Make a call that ends with an error, or well; say how it ended."""

        async def work() -> str:
            self.begun += 1
            if error:
                raise error
            return "done"

        try:
            return await self.breaker.call(work, verdict)
        except (ServerUnavailable, Down, ValueError) as fault:
            return type(fault).__name__

    def calls(self, *errors: BaseException | None) -> list[str]:
        """Make calls one after the other."""

        async def run() -> list[str]:
            return [await self.attempt(error) for error in errors]

        return asyncio.run(run())


def test_it_opens_rests_probes_and_closes() -> None:
    """Half of the calls failing opens it; nothing is called while it rests; one good probe closes it."""
    bench = Bench()
    bench.calls(None, None, Down(), Down())
    assert bench.breaker.state is Circuit.OPEN
    assert bench.calls(None, None) == ["ServerUnavailable"] * 2
    assert bench.begun == 4
    bench.now += 30
    assert bench.breaker.state is Circuit.HALF_OPEN
    assert bench.calls(Down(), None) == ["Down", "ServerUnavailable"]
    bench.now += 30
    assert bench.calls(None, Down(), None) == ["done", "Down", "done"]
    assert bench.breaker.state is Circuit.CLOSED


@pytest.mark.parametrize(
    ("errors", "state"),
    [
        ([Down()] * 3, Circuit.CLOSED),  # too few to tell
        ([None, None, None, Down()], Circuit.CLOSED),  # a quarter
        ([None] * 5 + [Down()] * 5, Circuit.OPEN),  # half
        ([ValueError()] * 20, Circuit.CLOSED),  # the caller's own
    ],
)
def test_when_it_opens(errors: list[BaseException | None], state: Circuit) -> None:
    """The share of faults among enough calls counts, and errors that are no faults do not."""
    bench = Bench()
    bench.calls(*errors)
    assert bench.breaker.state is state


def test_old_faults_are_forgotten() -> None:
    """What lies before the window counts no more."""
    bench = Bench()
    bench.calls(Down(), Down(), Down())
    bench.now += 10
    bench.calls(Down(), None, None)
    assert bench.breaker.state is Circuit.CLOSED


def test_the_refusal_says_for_how_long() -> None:
    """``retry_after`` is what is left of the rest."""
    bench = Bench()
    bench.calls(*[Down()] * 4)
    bench.now += 12
    with pytest.raises(ServerUnavailable, match="Triton is out of order") as caught:
        asyncio.run(bench.breaker.call(asyncio.Event().wait, verdict))
    assert caught.value.retry_after == 18


def test_one_probe_at_a_time_and_a_cancelled_one_frees_its_place() -> None:
    """While a probe runs others are refused; a probe that is cancelled decides nothing."""
    bench = Bench()
    bench.calls(*[Down()] * 4)
    bench.now += 30

    async def run() -> None:
        probe = asyncio.create_task(bench.breaker.call(asyncio.Event().wait, verdict))
        await asyncio.sleep(0)
        assert await bench.attempt() == "ServerUnavailable"
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        assert bench.breaker.state is Circuit.HALF_OPEN
        assert await bench.attempt() == "done"

    asyncio.run(run())
    assert bench.breaker.state is Circuit.CLOSED


def test_a_late_end_of_an_old_call_changes_nothing() -> None:
    """A call that began before the circuit opened and succeeds afterwards does not close it."""
    bench = Bench()

    async def run() -> None:
        gate = asyncio.Event()
        old = asyncio.create_task(bench.breaker.call(gate.wait, verdict))
        await asyncio.sleep(0)
        for _ in range(4):
            await bench.attempt(Down())
        gate.set()
        assert await old
        assert bench.breaker.state is Circuit.OPEN

    asyncio.run(run())


def waiting(error: VfrError, seconds: float) -> VfrError:
    """Return the error with a pause."""
    error.retry_after = seconds
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ProviderError("unpaid"), Verdict.OUTAGE),
        (waiting(RenderFailed("maintenance"), 60.0), Verdict.OUTAGE),
        (waiting(RenderFailed("fault"), 5.0), Verdict.FAULT),
        (RenderFailed("ended badly"), Verdict.FAULT),
        (ExternalRateLimit("full"), Verdict.FINE),
        (ExternalBadInput("refused"), Verdict.FINE),
        (ValueError("ours"), Verdict.FINE),
    ],
    ids=str,
)
def test_what_providers_errors_say(error: BaseException, expected: Verdict) -> None:
    """An unpaid bill or maintenance is an outage at once, faults count, and refusals are signs of life."""
    assert judge(error) is expected


def test_an_outage_opens_it_at_once_for_as_long_as_is_asked() -> None:
    """One outage is enough, and a longer pause than the usual rest is kept."""
    bench = Bench()
    error = waiting(RenderFailed("maintenance"), 90.0)

    async def work() -> None:
        raise error

    with pytest.raises(RenderFailed):
        asyncio.run(bench.breaker.call(work, judge))
    bench.now += 89
    assert bench.breaker.state is Circuit.OPEN
    bench.now += 1
    assert bench.breaker.state is Circuit.HALF_OPEN
