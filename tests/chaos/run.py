"""One run: orders, strokes, the wait for the end, and the verdict."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from api.storage.database import Database
from benchmarks.postgres import Postgres
from bridge.errors import StorageUnavailable
from tests.chaos.house import House, house, ready
from tests.chaos.nemesis import Nemesis
from tests.chaos.shop import Shop, orders
from tests.chaos.verdict import LATE_SECONDS, Seen, Verdict, judge, look, waiting

SAY_SECONDS = 5.0
"""Between two lines of counts [s]."""
BAD_ANSWERS = 0.04
"""The share of webhooks that the customer's endpoint answers badly, or not at all."""


@dataclass(frozen=True)
class Plan:
    """What a run is."""

    jobs: int
    seed: int
    seconds: float
    """How long orders come and strokes fall [s]."""
    job_seconds: float
    """The time that a job has [s]."""
    stub: bool


async def run(plan: Plan, folder: Path, postgres: Postgres | None, say: Callable[[str], None]) -> Verdict:
    """Run once; ``folder`` keeps the logs."""
    chance = random.Random(plan.seed)  # noqa: S311 - it must be the same again
    answers = ["ok" if chance.random() > BAD_ANSWERS else chance.choice(["500", "lost"]) for _ in range(2000)]
    async with house(folder, postgres, stub=plan.stub, answers=[*answers, "ok"]) as place:
        say(f"{place.url} is ready; {plan.jobs} orders in {plan.seconds:.0f} s, seed {plan.seed}")
        database = Database(place.database_url)
        shop, nemesis = Shop(place), Nemesis(place, plan.seed)
        telling = asyncio.create_task(_tell(database, shop, nemesis, say))
        try:
            await _busy(plan, shop, nemesis)
            say(f"no more strokes: {dict(nemesis.struck)}")
            await _over(database, plan.job_seconds + LATE_SECONDS)
            await ready(place.url)  # the last stroke may have been the API's
            return await _judged(plan, database, place, shop, nemesis)
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            database.close()


async def _busy(plan: Plan, shop: Shop, nemesis: Nemesis) -> None:
    """Let orders come while strokes fall, and then heal the world."""
    todo = orders(plan.jobs, plan.seed, plan.job_seconds)
    sending = asyncio.create_task(shop.send(todo, plan.seconds * 0.8, plan.seed))
    striking = asyncio.create_task(nemesis.run())
    await asyncio.sleep(plan.seconds)
    striking.cancel()
    await asyncio.gather(striking, return_exceptions=True)
    await nemesis.end()
    await sending


async def _over(database: Database, seconds: float) -> None:
    """Wait until all jobs are over, but no longer than they may take."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(StorageUnavailable):
            states = await database.run(waiting)
            if not states.keys() & {"queued", "running"}:
                break
        await asyncio.sleep(0.5)
    await asyncio.sleep(2.0)  # for the webhooks of the last ones


async def _judged(plan: Plan, database: Database, place: House, shop: Shop, nemesis: Nemesis) -> Verdict:
    seen = await database.run(lambda connection: look(connection, place.receiver.taken, time.time()))
    stats = await shop.kling_stats()
    checked = [await _checked(shop, one) for one in seen]
    paid_twice = stats["paid_twice"]
    assert isinstance(paid_twice, int)
    found = judge(checked, shop.told, len(shop.reasons), plan.jobs, paid_twice, nemesis.kills)
    found.faults += [f"{key}: {reason}" for key, reason in shop.reasons.items() if not reason.startswith("5")]
    return found


async def _checked(shop: Shop, one: Seen) -> Seen:
    if one.state != "done":
        return one
    return replace(one, has_picture=await shop.has_picture(one.tenant, one.job))


async def _tell(database: Database, shop: Shop, nemesis: Nemesis, say: Callable[[str], None]) -> None:
    began = time.monotonic()
    while True:
        await asyncio.sleep(SAY_SECONDS)
        with suppress(StorageUnavailable):
            states = await database.run(waiting)
            told = " ".join(f"{state} {count}" for state, count in sorted(states.items()))
            say(
                f"{time.monotonic() - began:5.0f} s  accepted {len(shop.told)}  {told}  kills {nemesis.kills}"
            )
