"""Models that answer in parts, on a real server: batches, cancelling, errors, draining."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bridge.errors import InternalError, NoPerson, ServerUnavailable, VfrError, WrongTensor
from bridge.triton.client import AsyncTritonClient, ModelStatistics, Part, TritonClient
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.model import Arrays
from tests.triton.streams.conftest import CONTRACTS, write_walk
from tests.triton.streams.walk_model import WALK

X = np.arange(4, dtype=np.float32)


def job(steps: int, how: bytes = b"nothing") -> Arrays:
    """A walk of so many steps."""
    return {"x": X, "steps": np.array([steps], np.int32), "how": np.array([how], np.object_)}


def events(parts: list[Part]) -> list[dict[str, int]]:
    """What the parts before the last tell."""
    return [json.loads(part.arrays["event"][0]) for part in parts[:-1]]


@contextlib.asynccontextmanager
async def connected(server: EmbeddedTriton) -> AsyncIterator[AsyncTritonClient]:
    """A client in this event loop."""
    async with AsyncTritonClient(server.url, contracts=CONTRACTS) as client:
        yield client


async def walked(client: AsyncTritonClient, steps: int, how: bytes = b"nothing") -> list[Part]:
    """Every part of a walk."""
    return [part async for part in client.stream("walk", job(steps, how))]


async def read(parts: AsyncIterator[Part], into: list[Part]) -> None:
    """Keep the parts that came, also when an error comes after them."""
    async for part in parts:
        into.append(part)  # noqa: PERF401 - an error would lose what extend has read


def mean_rows(before: ModelStatistics, after: ModelStatistics) -> float:
    """How many rows ran together on average."""
    return (after.requests - before.requests) / (after.executions - before.executions)


def test_an_answer_comes_in_parts(walk: TritonClient) -> None:
    """Each step tells of itself, in order, and the last part, which says that it is the last, brings the result."""
    parts = list(walk.stream("walk", job(5)))
    assert [event["step"] for event in events(parts)] == [0, 1, 2, 3, 4]
    assert [part.last for part in parts] == [False] * 5 + [True]
    np.testing.assert_array_equal(parts[-1].arrays["y"], X + 10)


def test_parts_come_while_the_work_goes_on(walk: TritonClient) -> None:
    """Nothing is held back until the end."""
    began = time.monotonic()
    with contextlib.closing(walk.stream("walk", job(20, b"crawl"))) as parts:
        next(parts)
        assert time.monotonic() - began < 2  # of the four seconds that it takes


def test_jobs_share_batches_at_different_steps(walk_server: EmbeddedTriton) -> None:
    """Twenty jobs that start one after another are all right, and more than four rows run together on average."""

    async def run() -> tuple[list[list[Part]], float]:
        async with connected(walk_server) as client:
            before = (await client.statistics())["step"]
            tasks = []
            for steps in range(20, 40):
                tasks.append(asyncio.create_task(walked(client, steps)))
                await asyncio.sleep(0.01)
            answers = await asyncio.gather(*tasks)
            return answers, mean_rows(before, (await client.statistics())["step"])

    answers, rows = asyncio.run(run())
    for steps, parts in zip(range(20, 40), answers, strict=True):
        np.testing.assert_array_equal(parts[-1].arrays["y"], X + sum(range(steps)))
    told = [event for parts in answers for event in events(parts)]
    assert rows > 2  # 4.6 to 6.2 where nobody else uses the cores
    assert max(event["kinds"] for event in told) > 2
    assert max(event["rows"] for event in told) == 8


@pytest.mark.parametrize(
    ("how", "error", "steps"),
    [(b"refuse", NoPerson, 2), (b"crash", InternalError, 2), (b"nan", InternalError, 0)],
)
def test_an_error_ends_its_own_job_only(
    walk_server: EmbeddedTriton, how: bytes, error: type[VfrError], steps: int
) -> None:
    """As its class, after the parts that came before; jobs that share its batches go on.

    The server cancels nothing that it has completed: it dies of that now and then.
    """
    logged = len(walk_server.log.read_text())

    async def run() -> tuple[int, VfrError, list[Part]]:
        async with connected(walk_server) as client:
            neighbour = asyncio.create_task(walked(client, 20))
            seen: list[Part] = []
            with pytest.raises(error) as caught:
                await read(client.stream("walk", job(5, how)), seen)
            return len(seen), caught.value, await neighbour

    seen, raised, neighbour = asyncio.run(run())
    assert seen == steps
    assert "secret" not in str(raised)
    np.testing.assert_array_equal(neighbour[-1].arrays["y"], X + 190)
    assert "HandleCancellation" not in walk_server.log.read_text()[logged:]


def test_who_hangs_up_ends_the_job_within_a_step(walk: TritonClient) -> None:
    """The step under way is the last, whether the generator is closed or the task that reads it is cancelled."""
    parts = walk.stream("walk", job(100, b"crawl"))
    next(parts)
    before = walk.statistics()["step"].requests
    parts.close()
    time.sleep(1)  # five steps' time
    assert walk.statistics()["step"].requests <= before + 1


def test_a_cancelled_task_ends_its_job(walk_server: EmbeddedTriton) -> None:
    """The same for an event loop."""

    async def run() -> int:
        async with connected(walk_server) as client:
            task = asyncio.create_task(walked(client, 100, b"crawl"))
            await asyncio.sleep(0.5)
            task.cancel()
            before = (await client.statistics())["step"].requests
            await asyncio.sleep(1)
            return (await client.statistics())["step"].requests - before

    assert asyncio.run(run()) <= 1


def test_wrong_streams_are_refused_in_words(walk: TritonClient, walk_server: EmbeddedTriton) -> None:
    """Before anything is sent where that can be; a model that isn't there and an end of patience are named."""
    with pytest.raises(WrongTensor, match="walk needs the input 'x'"):
        walk.stream("walk", {})
    with pytest.raises(WrongTensor, match="walk answers in parts"):
        walk.infer("walk", job(1))
    with pytest.raises(ServerUnavailable, match="did not answer in time"):
        list(walk.stream("walk", job(100, b"crawl"), timeout=0.3))
    stroll = replace(WALK, name="stroll")
    cases = {walk_server.url: (stroll, "doesn't have this model"), "127.0.0.1:1": (WALK, "can't be reached")}
    for url, (contract, sentence) in cases.items():
        with (
            TritonClient(url, contracts={contract.name: contract}) as client,
            pytest.raises(ServerUnavailable, match=sentence),
        ):
            list(client.stream(contract.name, job(1)))


def test_a_drained_server_has_lost_no_job(tmp_path: Path) -> None:
    """Leaving the ``with`` lets what runs come to its end; what comes after is told to ask again."""
    with EmbeddedTriton(write_walk(tmp_path / "models"), log=tmp_path / "log") as server:
        client = TritonClient(server.url, contracts=CONTRACTS)
        answers: list[Part] = []
        running = client.stream("walk", job(10, b"crawl"))
        answers.append(next(running))
        reader = threading.Thread(target=lambda: answers.extend(running))
        reader.start()
        assert not server.drain(0.1)
        with pytest.raises(ServerUnavailable, match="takes no new jobs"):
            list(client.stream("walk", job(1)))
    reader.join(5)
    client.close()
    np.testing.assert_array_equal(answers[-1].arrays["y"], X + 45)


def test_a_server_that_is_stopped_at_once_says_that_it_is_worth_trying_again(tmp_path: Path) -> None:
    """SIGTERM to the server itself: Triton refuses the next step of each job, which ends with a retryable error."""
    with (
        EmbeddedTriton(write_walk(tmp_path / "models"), log=tmp_path / "log") as server,
        TritonClient(server.url, contracts=CONTRACTS) as client,
    ):
        running = client.stream("walk", job(50, b"crawl"))
        next(running)
        os.kill(server.pid, signal.SIGTERM)
        with pytest.raises(ServerUnavailable, match="try again"):
            list(running)
        assert not client.ready()
