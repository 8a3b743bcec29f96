"""Who may begin: never more than the limit, the nearest deadline first, and nobody's place is lost."""

from __future__ import annotations

import asyncio
import math
import time

import pytest

from bridge.errors import DeadlineMissed
from bridge.finish.admission import DEADLINE, Admission


async def _settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_the_nearest_deadline_goes_first() -> None:
    """Jobs that wait begin in the order of deadlines, those without one last, equal ones as they came."""
    now = time.monotonic()
    deadlines = {"first": math.inf, "late": now + 90, "never": math.inf, "soon": now + 30, "later": now + 90}
    began, most, inside = [], 0, 0

    async def job(admission: Admission, name: str) -> None:
        nonlocal most, inside
        async with admission.place(deadlines[name]):
            began.append((name, DEADLINE.get() == deadlines[name]))
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    async def main() -> None:
        admission = Admission(1)
        await asyncio.gather(*(job(admission, name) for name in deadlines))

    asyncio.run(main())
    assert [name for name, _ in began] == ["first", "soon", "late", "later", "never"]
    assert all(known for _, known in began)
    assert most == 1


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_no_more_than_the_limit(limit: int) -> None:
    """Of ten jobs exactly that many are in flight, until all are done."""
    counts, inside = [], 0

    async def job(admission: Admission) -> None:
        nonlocal inside
        async with admission.place():
            inside += 1
            counts.append(inside)
            await asyncio.sleep(0)
            inside -= 1

    async def main() -> None:
        admission = Admission(limit)
        await asyncio.gather(*(job(admission) for _ in range(10)))

    asyncio.run(main())
    assert len(counts) == 10
    assert max(counts) == limit


def test_whoever_leaves_while_waiting_leaves_nothing_behind() -> None:
    """A task that is cancelled in the queue, at its turn or as it works, and one that fails, free their places."""

    async def main() -> None:
        admission, done, hold = Admission(1), [], asyncio.Event()

        async def job(name: str) -> None:
            async with admission.place():
                if name == "holds":
                    await hold.wait()
                if name == "fails":
                    raise ValueError(name)
                done.append(name)

        names = ("holds", "cancelled in the queue", "cancelled at its turn", "fails", "last")
        tasks = [asyncio.create_task(job(name)) for name in names]
        await _settled()
        tasks[1].cancel()
        await _settled()
        hold.set()
        await asyncio.sleep(0)
        tasks[2].cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
        assert done[-1] == "last"
        async with asyncio.timeout(5), admission.place():
            pass

    asyncio.run(main())


def test_a_job_that_would_be_too_late_does_not_begin() -> None:
    """Its place goes to the next one."""

    async def main() -> None:
        admission = Admission(1)
        with pytest.raises(DeadlineMissed):
            async with admission.place(time.monotonic() - 1):
                raise AssertionError
        async with asyncio.timeout(5), admission.place():
            pass

    asyncio.run(main())
