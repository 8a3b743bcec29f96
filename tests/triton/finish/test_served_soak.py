"""Thousands of jobs on one server: nothing crashes, nothing is lost, nothing grows."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from bridge.errors import InternalError, NotFinite
from bridge.finish.job import Job
from bridge.triton.client import AsyncTritonClient
from tests.finish.studio import difference, job, settings, studio
from tests.finish.tiny import BUCKETS
from tests.triton.finish.served import BREAKS, NAN, Served, arrays, finished

JOBS = int(os.environ.get("VFR_SOAK_JOBS", "4000"))
AT_ONCE = 16
GROWTH = 0.1
"""Of the memory after the first tenth of the jobs, the most that the rest may add to it."""


def jobs() -> Iterator[Job]:
    """Yield jobs of both buckets, of one to four steps; of each twenty one meets no numbers, one a broken network."""
    for number in itertools.count():
        bucket = {0: NAN, 10: BREAKS}.get(number % 20, BUCKETS[number % 2])
        controls = ("pose",) if bucket in BUCKETS and number % 3 else ()
        how = settings(steps=5 * (1 + number % 4), long_side=max(bucket))
        yield job(number % 50, bucket=bucket, controls=controls, settings=how)


async def outcome(client: AsyncTritonClient, number: int, each: Job) -> str:
    """Finish a job, or hang up on every seventh after its first part; say how it ended."""
    try:
        if number % 7 == 3:
            parts = client.stream("finish", arrays(each))
            await anext(parts)
            await parts.aclose()
            return "cancelled"
        return "finished" if (await finished(client, each)).image.shape == each.prior.shape else "wrong"
    except NotFinite:
        return "not finite"
    except InternalError:
        return "broken"


async def run(served: Served, count: int, measure: Callable[[], None]) -> Counter[str]:
    """Finish so many jobs, a few at once; measure after the first tenth."""
    endings: Counter[str] = Counter()
    line = iter(enumerate(itertools.islice(jobs(), count)))

    async def work(client: AsyncTritonClient) -> None:
        for number, each in line:
            endings[await outcome(client, number, each)] += 1
            if endings.total() == count // 10:
                measure()

    async with served.client() as client:
        await asyncio.gather(*(work(client) for _ in range(AT_ONCE)))
    return endings


@pytest.mark.slow
def test_thousands_of_jobs(served: Served) -> None:
    """Finished, failed and abandoned ones in turn: each ends as it should, and the server is as it was.

    ``--log-cli-level=INFO`` shows the numbers.
    """
    sizes: list[float] = []
    endings = asyncio.run(run(served, JOBS, lambda: sizes.append(served.server.memory().pss)))
    sizes.append(served.server.memory().pss)
    logging.getLogger(__name__).info("%s; memory after a tenth and all: %s MiB", dict(endings), sizes)
    assert endings.keys() == {"finished", "cancelled", "not finite", "broken"}
    assert endings.total() == JOBS
    assert served.server.healthy()
    assert sizes[1] < sizes[0] * (1 + GROWTH)
    last = job(1)
    assert difference(served.finish(last)[0].image, studio().finish(last)[0].image) <= 1
