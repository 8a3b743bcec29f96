"""What the service costs around the models: a job's way through it, how many come in, what a burst meets, memory.

Triton serves a stub, so that all that is measured is ours. API, worker and database are processes of their own, on
this machine, together with the callers, who take their share of its cores.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict

import httpx2
import numpy as np

from api.security.ingest import clean
from benchmarks.jobs_requests import Photos, photos
from benchmarks.jobs_service import Running, service
from benchmarks.origin import Machine, commit, machine
from benchmarks.times import Percentiles, percentiles

SMALL, USUAL = (160, 200), (768, 1024)
"""Width and height of the photos [px]: so little that they don't count, and what catalogues send."""
SINGLE = 40
"""Jobs that are sent one after the other."""
CALLERS = 16
"""Who send at the same time."""
CAPACITY = 20
"""How many jobs may wait in the burst."""
BURST = 10
"""How much more than that comes at once."""
PATIENCE = 120.0
SAMPLE_SECONDS = 0.5
"""Between two readings of the memory [s]."""
SETTLED = 0.25
"""The first share of the jobs, in which caches and pools grow, does not count for the growth."""
LATE = 0.5
"""From this share on the growth is told once more: whatever has a size that it grows to has reached it."""
SHOWN = 40
"""Readings of the memory that are kept."""
LOOK_SECONDS = 0.005
"""Between two looks at a job [s]."""
EXPECTED = {"added_ms": 15.0, "accepted_per_second": 100.0, "late_growth_mb_per_1000": 0.0, "dropped": 0.0}
"""The issue's: at most so many ms per job on SQLite, at least so many jobs per second, no growth, none dropped."""
OVER = {"done", "failed", "cancelled"}


class Burst(TypedDict):
    """What became of ten times more than may wait."""

    sent: int
    taken: int
    refused: int
    """Answered 429 or 503 with ``Retry-After``."""
    dropped: int
    """Everything else: other answers, silence, or taken and not done in the end. Expected: 0."""


class Memory(TypedDict):
    """Resident memory while jobs pass [MiB]."""

    jobs: int
    first_mb: dict[str, float]
    """After the first quarter."""
    last_mb: dict[str, float]
    growth_mb_per_1000: dict[str, float]
    """Slope of the line through all readings since then. Expected: about 0."""
    late_growth_mb_per_1000: dict[str, float]
    """The same of the second half alone: what fills up and stays so is full by then."""
    course: list[dict[str, float]]
    """Readings, evenly spread: ``jobs`` that had passed about by then, and each process."""


class Jobs(TypedDict):
    """One kind of database."""

    database: str
    load: float
    """Of the machine in the quarter of an hour before the end; above the cores, others took their share."""
    accept: Percentiles
    """From a request to its 202, one at a time, photos of 160x200."""
    accept_usual: Percentiles
    """The same with photos of 768x1024."""
    clean_usual_ms: float
    """Of that: reading and encoding the two photos anew, outside of the service."""
    whole: Percentiles
    """From a request until the job is done, one at a time."""
    cached: Percentiles
    """The same of a request whose result is known."""
    accepted_per_second: float
    """Many callers at once, nobody executes, photos of 160x200."""
    accepted_usual_per_second: float
    """The same with photos of 768x1024."""
    accepting_by_ms: dict[str, float]
    """Processor time per job of that, 160x200 [ms]: ``api``, ``pictures``, and ``callers``, who take their share of the
    same cores although they are no part of the service."""
    done_per_second: float
    """The same jobs, executed by one worker."""
    added_ms: float
    """Processor time of API and worker per job, from request to result [ms]."""
    added_by_ms: dict[str, float]
    """Of that: ``api``, ``pictures`` (the processes that read them) and ``worker``."""
    burst: Burst
    memory: Memory


class Report(TypedDict):
    """Everything that was measured, and where."""

    machine: Machine
    commit: str
    expected: dict[str, float]
    databases: list[Jobs]


def run(kinds: Sequence[str], *, jobs: int, say: Callable[[str], None]) -> Report:
    """Measure the service on each kind of database.

    Args:
        kinds: of ``sqlite`` and ``postgres``.
        jobs: how many pass for the measurement of memory, which is also that of the rate.
        say: is told what goes on.

    Raises:
        ServerUnavailable: something does not start.
    """
    found = [_on(kind, jobs, say) for kind in kinds]
    return Report(machine=machine(), commit=commit(), expected=EXPECTED, databases=found)


def _on(kind: str, jobs: int, say: Callable[[str], None]) -> Jobs:
    small, usual = photos(SMALL), photos(USUAL)
    cleaning = asyncio.run(_cleaning(usual))
    say(f"{kind}: jobs one by one")
    with service(kind, worker=True) as running:
        accept, whole = asyncio.run(_singly(running, small, range(SINGLE)))
        accept_usual, _ = asyncio.run(_singly(running, usual, range(SINGLE, 2 * SINGLE)))
        _, cached = asyncio.run(_singly(running, small, range(SINGLE)))
        say(f"{kind}: {jobs} jobs at once")
        flood, memory = asyncio.run(_flood(running, small, jobs))
    say(f"{kind}: {jobs // 4} jobs that nobody executes")
    with service(kind, worker=False) as running:
        accepting, _ = asyncio.run(_flood(running, small, jobs // 4))
        accepting_usual, _ = asyncio.run(_flood(running, usual, jobs // 40))
    say(f"{kind}: a burst of {BURST} times {CAPACITY} jobs")
    with service(kind, worker=True, queued=CAPACITY) as running:
        burst = asyncio.run(_burst(running, small))
    return Jobs(
        database=kind,
        load=round(os.getloadavg()[2], 1),
        accept=percentiles(accept),
        accept_usual=percentiles(accept_usual),
        clean_usual_ms=round(cleaning, 2),
        whole=percentiles(whole),
        cached=percentiles(cached),
        accepted_per_second=round(accepting.per_second, 1),
        accepted_usual_per_second=round(accepting_usual.per_second, 1),
        accepting_by_ms=_rounded(accepting.cpu_ms | {"callers": accepting.callers_ms}),
        done_per_second=round(flood.per_second, 1),
        added_ms=round(sum(flood.cpu_ms.values()), 2),
        added_by_ms=_rounded(flood.cpu_ms),
        burst=burst,
        memory=memory,
    )


def _rounded(milliseconds: dict[str, float]) -> dict[str, float]:
    return {name: round(ms, 2) for name, ms in milliseconds.items()}


async def _cleaning(one: Photos) -> float:
    """Return how long the pictures' gate takes for a request [ms], without the service."""
    await clean(one.person)  # its process starts
    began = time.perf_counter()
    for _ in range(5):
        await clean(one.person)
        await clean(one.garment)
    return (time.perf_counter() - began) * 200


async def _singly(running: Running, one: Photos, seeds: Sequence[int]) -> tuple[list[float], list[float]]:
    """Send jobs one after the other; return the times until they were taken, and until they were done [ms]."""
    taken, done, form = [], [], one.form
    async with httpx2.AsyncClient(base_url=running.url, timeout=PATIENCE) as client:
        for seed in seeds:
            began = time.perf_counter()
            job = (await form.send(client, seed)).json()["id"]
            taken.append((time.perf_counter() - began) * 1e3)
            await _ended(client, job)
            done.append((time.perf_counter() - began) * 1e3)
    return taken, done


@dataclass(frozen=True)
class _Rate:
    per_second: float
    cpu_ms: dict[str, float]  # of the service, per job
    callers_ms: float  # of the callers, who are this process


async def _flood(running: Running, one: Photos, jobs: int) -> tuple[_Rate, Memory]:
    """Let many send as fast as they can; return the rate at which jobs passed, and the memory meanwhile."""
    todo, form = iter(range(10_000, 10_000 + jobs)), one.form
    async with httpx2.AsyncClient(base_url=running.url, timeout=PATIENCE) as client:
        await asyncio.gather(*(form.send(client, seed) for seed in range(9_900, 9_900 + CALLERS)))
        began, mine, used = time.perf_counter(), time.process_time(), running.cpu_seconds()

        async def caller() -> None:
            for seed in todo:
                (await form.send(client, seed)).raise_for_status()

        readings: list[tuple[float, dict[str, float]]] = []
        reading = asyncio.create_task(_read_memory(running, began, readings))
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        if running.worker:
            await _drained(client)
        seconds, mine = time.perf_counter() - began, time.process_time() - mine
        reading.cancel()
    cpu = {name: (now - used[name]) / jobs * 1e3 for name, now in running.cpu_seconds().items()}
    readings.append((seconds, running.memory_mb()))
    return _Rate(jobs / seconds, cpu, mine / jobs * 1e3), _memory(jobs, readings)


async def _read_memory(
    running: Running, began: float, readings: list[tuple[float, dict[str, float]]]
) -> None:
    while True:
        readings.append((time.perf_counter() - began, running.memory_mb()))
        await asyncio.sleep(SAMPLE_SECONDS)


def _memory(jobs: int, readings: Sequence[tuple[float, dict[str, float]]]) -> Memory:
    """Return the growth, from readings at times [s] of which the last is the end of all jobs."""
    total = readings[-1][0]
    course = [
        {"jobs": round(seconds / total * jobs)} | {name: round(mb, 1) for name, mb in reading.items()}
        for seconds, reading in readings
    ]
    settled = [one for one in course if one["jobs"] >= SETTLED * jobs]
    first, last = ({name: one[name] for name in one if name != "jobs"} for one in (settled[0], settled[-1]))
    return Memory(
        jobs=jobs,
        first_mb=first,
        last_mb=last,
        growth_mb_per_1000=_slopes(settled),
        late_growth_mb_per_1000=_slopes([one for one in course if one["jobs"] >= LATE * jobs]),
        course=course[:: math.ceil(len(course) / SHOWN)],
    )


def _slopes(course: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return what each process grows by per thousand jobs [MiB]; 0 where there is one reading alone."""
    passed = [one["jobs"] for one in course]
    names = [name for name in course[0] if name != "jobs"]
    if len(set(passed)) == 1:
        return dict.fromkeys(names, 0.0)
    lines = {name: np.polyfit(passed, [one[name] for one in course], 1) for name in names}
    return {name: round(float(line[0]) * 1000, 2) for name, line in lines.items()}


async def _burst(running: Running, one: Photos) -> Burst:
    """Send ten times more at once than may wait, and see what becomes of each."""
    sent, form = BURST * CAPACITY, one.form
    limits = httpx2.Limits(max_connections=sent)
    async with httpx2.AsyncClient(base_url=running.url, timeout=PATIENCE, limits=limits) as client:
        replies = await asyncio.gather(
            *(form.send(client, seed) for seed in range(sent)), return_exceptions=True
        )
        answers = [reply for reply in replies if isinstance(reply, httpx2.Response)]
        taken = [reply.json()["id"] for reply in answers if reply.status_code == httpx2.codes.ACCEPTED]
        refused = sum(reply.status_code in {429, 503} and "retry-after" in reply.headers for reply in answers)
        ends = [await _ended(client, job) for job in taken]
    return Burst(
        sent=sent, taken=len(taken), refused=refused, dropped=sent - refused - sum(e == "done" for e in ends)
    )


async def _ended(client: httpx2.AsyncClient, job: str, pause: float = LOOK_SECONDS) -> str:
    """Return how a job ended, looking every so many seconds."""
    deadline = time.perf_counter() + PATIENCE
    state = ""
    while state not in OVER and time.perf_counter() < deadline:
        state = str((await client.get(f"/v1/jobs/{job}")).json()["state"])
        if state not in OVER:
            await asyncio.sleep(pause)
    return state


async def _drained(client: httpx2.AsyncClient) -> None:
    """Wait until nothing waits: the queue is fair, so that a job that comes now is done last."""
    last = (await photos(SMALL, seed=os.getpid()).form.send(client, 1)).json()["id"]
    while (
        await _ended(client, last, SAMPLE_SECONDS) not in OVER
    ):  # a look costs the service more than we want to see
        pass
