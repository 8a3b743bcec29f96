"""Many jobs on one server: who shares batches with whom, who ends early, and whom that touches."""

from __future__ import annotations

import asyncio
import json
import time

import numpy as np
import pytest

from bridge.errors import BadInput, InternalError, NotFinite, ServerUnavailable, VfrError, WrongTensor
from bridge.finish.job import Job
from bridge.triton.client import AsyncTritonClient
from bridge.triton.model import Array
from tests.finish.studio import difference, job, settings, studio
from tests.finish.tiny import BUCKETS
from tests.triton.finish.served import (
    ABSENT,
    BREAKS,
    NAN,
    SLOW,
    Served,
    arrays,
    finished,
    mean_rows,
    text,
)

TALL, WIDE = BUCKETS


def of(bucket: tuple[int, int], **changes: object) -> Job:
    """Return a job without controls in a bucket."""
    return job(1, bucket=bucket, controls=(), settings=settings(long_side=max(bucket), **changes))


def test_each_step_is_told(served: Served) -> None:
    """Stages in their order, each denoising step as it is done, and small pictures when they are asked for."""

    async def run() -> list[tuple[str, int, bool]]:
        async with served.client() as client:
            parts = client.stream("finish", arrays(job(1, settings=settings(preview_every=2))))
            told = [(json.loads(p.arrays["event"][0]), p.arrays["preview"][0]) async for p in parts]
            return [(event["stage"], event.get("step", 0), bool(preview)) for event, preview in told]

    told = asyncio.run(run())
    stages = list(dict.fromkeys(stage for stage, _, _ in told))
    assert stages == ["encode", "latent", "denoise", "decode", "finished"]
    steps = {step: shown for stage, step, shown in told if stage == "denoise" and step}
    assert list(steps) == [1, 2, 3, 4]
    assert steps[2]


def test_batches_mix_timesteps(served: Served) -> None:
    """Jobs of which no two have a timestep in common still run together, more than two of them on average."""
    jobs = [job(seed, settings=settings(steps=30 + 3 * seed, denoise=0.24)) for seed in range(8)]
    before = served.counts()
    answers = served.finish(*jobs)
    rows = mean_rows(before, served.counts(), "denoise_64x96")
    assert rows > 2  # 4.6 to 6.2 where nobody else uses the cores
    for alone, answer in zip(studio().finish(*jobs), answers, strict=True):
        assert difference(alone.image, answer.image) <= 1


def test_buckets_keep_apart(served: Served) -> None:
    """Jobs of two sizes that come in turn: each size's network runs its own steps and no other."""
    jobs = [job(seed, bucket=(TALL, WIDE)[seed % 2]) for seed in range(8)]
    before = served.counts()
    for answer, each in zip(served.finish(*jobs), jobs, strict=True):
        assert answer.image.shape == each.prior.shape
    after = served.counts()
    for name in ("denoise_64x96", "denoise_96x64"):
        assert after[name].requests - before[name].requests == 4 * 4
        assert mean_rows(before, after, name) > 2


def test_no_more_jobs_than_places(served: Served) -> None:
    """Of fourteen jobs eight begin, as the card's file allows, before one ends; in the end all are finished."""

    async def run() -> tuple[int, int]:
        began: list[Job] = []

        async def finish(client: AsyncTritonClient, each: Job) -> bool:
            parts = client.stream("finish", arrays(each))
            began.append((await anext(parts), each)[1])
            return [part.last async for part in parts][-1]

        async with served.client() as client:
            tasks = [asyncio.create_task(finish(client, of(SLOW, steps=30))) for _ in range(14)]
            while len(began) < 8:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)
            inside = len(began)
            assert not any(task.done() for task in tasks)
            return inside, sum(await asyncio.gather(*tasks))

    assert asyncio.run(run()) == (8, 14)


def test_who_has_least_time_begins_first(served: Served) -> None:
    """While all places are taken, a job with a deadline overtakes those without."""
    slow = [of(SLOW, denoise=0.15) for _ in range(8)]

    async def run() -> list[str]:
        async with served.client() as client:
            order: list[str] = []

            async def finish(name: str, deadline: float) -> None:
                sent = {**arrays(job(1)), "deadline": np.array([deadline], np.float32)}
                stages = [p async for p in client.stream("finish", sent)]
                order.append(name)
                assert stages[-1].last

            taken = [asyncio.create_task(finished(client, each)) for each in slow]
            await asyncio.sleep(0.3)
            waiting = [asyncio.create_task(finish("patient", 0)) for _ in range(4)]
            await asyncio.sleep(0.1)
            waiting.append(asyncio.create_task(finish("hurried", 60)))
            await asyncio.gather(*taken, *waiting)
            return order

    assert "hurried" in asyncio.run(run())[:2]


def test_who_hangs_up_ends_the_job_within_a_step(served: Served) -> None:
    """The slow network is asked no more than once after the caller has gone."""

    async def run() -> None:
        async with served.client() as client:
            parts = client.stream("finish", arrays(of(SLOW, steps=60, denoise=0.24)))
            async for part in parts:
                if json.loads(part.arrays["event"][0])["step"] == 2:
                    break
            await parts.aclose()

    began = served.counts()["denoise_96x192"].requests
    asyncio.run(run())
    time.sleep(1)  # five steps' time
    assert 2 <= served.counts()["denoise_96x192"].requests - began <= 4


@pytest.mark.parametrize(
    ("bucket", "error"), [(NAN, NotFinite), (BREAKS, InternalError), (ABSENT, ServerUnavailable)]
)
def test_a_network_that_fails_ends_its_own_jobs(
    served: Served, bucket: tuple[int, int], error: type[VfrError]
) -> None:
    """With an error of its class; a neighbour's picture is right, and so is the next one."""

    async def run() -> list[object]:
        async with served.client() as client:
            jobs = (finished(client, of(bucket)), finished(client, job(1)))
            return list(await asyncio.gather(*jobs, return_exceptions=True))

    failed, neighbour = asyncio.run(run())
    assert type(failed) is error
    alone = studio().finish(job(1))[0].image
    assert difference(neighbour.image, alone) <= 1
    assert difference(served.finish(job(1))[0].image, alone) <= 1
    assert served.server.healthy()


WRONG: dict[str, tuple[dict[str, Array], type[VfrError], str]] = {
    "no such bucket": ({"settings": text('{"long_side": 100}')}, BadInput, "64x96"),
    "no such setting": ({"settings": text('{"stepz": 3}')}, BadInput, "stepz"),
    "out of range": ({"settings": text('{"denoise": 0.9}')}, BadInput, "denoise"),
    "no JSON": ({"settings": text("fast, please")}, BadInput, "JSON"),
    "another size": ({"photo": np.zeros((9, 9, 3), np.uint8)}, BadInput, "one size"),
    "a control without a kind": (
        {"control_kinds": np.zeros(0, np.object_)},
        WrongTensor,
        "1 controls and 0 kinds",
    ),
    "an unknown kind": ({"control_kinds": text("heat")}, BadInput, "heat"),
    "two faces": ({"face_embedding": np.zeros((2, 512), np.float32)}, WrongTensor, "2 faces"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_meant_is_refused_in_words(served: Served, name: str) -> None:
    """Before anything is computed."""
    changes, error, word = WRONG[name]

    async def run() -> None:
        async with served.client() as client:
            async for _ in client.stream("finish", {**arrays(job(1)), **changes}):
                pass

    with pytest.raises(error, match=word):
        asyncio.run(run())
