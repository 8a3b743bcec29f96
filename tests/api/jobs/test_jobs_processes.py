"""Workers that are killed, frozen and stopped: every job ends once, and nothing is paid twice."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TypeVar

import pytest

from api.jobs.records import EVENTS, JOBS
from api.jobs.workflows import MOST_RECOVERIES
from api.security.usage import USAGE
from api.webhooks.delivery import DELIVERIES
from tests.api.jobs import worker_process
from tests.api.jobs.shop import PATIENCE, SECRET, Shop, World, opened, until
from tests.api.jobs.stage import Stage

T = TypeVar("T")

STEPS = ("begin", "render-1", "submit", "poll", "collect", "publish", "attempt_delivery")
DONE_UNTOLD = [(step, "after") for step in (*STEPS, "create")]
"""The step is done and nobody knows: the hard half. ``create``: a task at Kling is paid for."""
BOUNDARIES = [(step, "before") for step in STEPS] + DONE_UNTOLD
SOME = [("begin", "after"), ("create", "after"), ("publish", "before"), ("publish", "after")]
DEAD_SECONDS = 1.0

_SERVER = get_context("forkserver")
_SERVER.set_forkserver_preload(["tests.api.jobs.worker_process"])  # a worker starts in 0.2 s instead of 3


@dataclass
class Fleet:
    """The worker processes of a shop."""

    folder: Path
    environment: dict[str, str]
    crew: list[ForkServerProcess] = field(default_factory=list)
    killed: int = 0

    def start(self) -> ForkServerProcess:
        """Start one more."""
        process = _SERVER.Process(target=worker_process.main, args=(self.folder, self.environment))
        process.start()
        self.crew.append(process)
        return process

    def keep(self, number: int) -> None:
        """Replace those that were killed."""
        for process in self.crew.copy():
            if process.exitcode is not None:
                assert process.exitcode == -signal.SIGKILL, process.exitcode
                self.crew.remove(process)
                self.killed += 1
        while len(self.crew) < number:
            self.start()

    def watch(self, number: int, look: Callable[[], T | None]) -> T:
        """Return what a look finds, once it finds something; meanwhile so many workers live."""

        def turn() -> T | None:
            self.keep(number)
            return look()

        return until(turn, 5 * PATIENCE)

    def rule(self, name: str) -> Path:
        """Write a file of the script."""
        path = self.folder / name
        path.touch()
        return path

    def calls(self) -> Counter[int]:
        """Return how often the model was called for each height."""
        file = self.folder / "calls"
        return Counter(map(int, file.read_text().split())) if file.exists() else Counter()


@contextmanager
def running(world: World, database_url: str, folder: Path) -> Iterator[tuple[Shop, Fleet]]:
    """Run a service that only takes jobs, and have workers for it."""
    world.script()
    with opened(world, Stage(), database_url, role="api") as shop:
        settings = shop.room.settings
        names = {
            "VFR_DATABASE_URL": database_url,
            "VFR_DATA": str(settings.data),
            "VFR_TENANTS": str(settings.tenants),
            "VFR_SECRET": SECRET,
            "VFR_PUBLIC_URL": settings.public_url,
            "VFR_ALLOW_PRIVATE_URLS": "true",
            "VFR_DEAD_SECONDS": str(DEAD_SECONDS),
            "VFR_DRAIN_SECONDS": "10",
            "VFR_WORKERS": "1",
        }
        outside = {name: value for name, value in os.environ.items() if name.startswith(("KLING_", "TEST_"))}
        fleet = Fleet(folder, names | outside)
        try:
            yield shop, fleet
        finally:
            for process in fleet.crew:
                process.kill()
                process.join()


def check_once(shop: Shop, job: str, state: str) -> None:
    """Check that a job ended exactly once: one end, one message, one record of its use, paid once at most."""
    told = shop.job(job)
    assert told["state"] == state, told
    ends = [row.stage for row in shop.rows(EVENTS, job=job) if row.stage in ("done", "failed", "cancelled")]
    assert ends == [state]
    until(lambda: [row.state for row in shop.rows(DELIVERIES, job=job)] == ["delivered"])
    assert [message["type"] for message in shop.world.messages(job)] == [f"job.{state}"]
    assert len(shop.rows(USAGE, job=job)) == (state == "done")
    assert shop.world.kling.stats()["creates"].get(job, 0) <= 1


def test_killed_at_every_checkpoint(world: World, tmp_path: Path) -> None:
    """After each step of the longest way and of the shortest one worker dies, and one job kills all of its workers.

    All end once. The longest way: rendered twice, then by Kling, fetched, published and told, with a job for each
    boundary.
    """
    with running(world, f"sqlite:///{tmp_path / 'kills.sqlite'}", tmp_path) as (shop, fleet):
        poison, (height, _) = shop.accepted(), shop.new()
        fleet.rule(f"{poison}.begin.before.again")
        swift = shop.accepted(height)  # over with its first step
        fleet.rule(f"{swift}.begin.after")
        _killed_at(shop, fleet, DONE_UNTOLD)
        fleet.watch(2, lambda: shop.world.messages(swift) and shop.world.messages(poison))
        check_once(shop, swift, "done")
        assert fleet.calls()[height] == 1
        check_once(shop, poison, "failed")
        assert shop.job(poison)["problem"]["code"] == "job_failed"
        fleet.watch(2, lambda: fleet.killed > len(DONE_UNTOLD) + 1 + MOST_RECOVERIES)


@pytest.mark.slow
def test_killed_at_every_boundary(world: World, database_url: str, tmp_path: Path) -> None:
    """As above, and before each step too, on both databases."""
    with running(world, database_url, tmp_path) as (shop, fleet):
        _killed_at(shop, fleet, BOUNDARIES)
        fleet.watch(2, lambda: fleet.killed >= len(BOUNDARIES))


def test_killed_at_checkpoints_on_postgresql(world: World, postgres_url: str, tmp_path: Path) -> None:
    """As above, where it is not the same: the rows of jobs, tasks and messages beside the engine's."""
    with running(world, postgres_url, tmp_path) as (shop, fleet):
        _killed_at(shop, fleet, SOME)
        fleet.watch(2, lambda: fleet.killed >= len(SOME))


def _killed_at(shop: Shop, fleet: Fleet, boundaries: list[tuple[str, str]]) -> None:
    """Have a job for each boundary, at which its worker dies, and check how each ended."""
    jobs = []
    for step, when in boundaries:
        height, _ = shop.new()
        fleet.rule(f"bad-{height}")
        jobs.append(shop.accepted(height))
        fleet.rule(f"{jobs[-1]}.{step}.{when}")
    fleet.watch(2, lambda: all(map(shop.world.messages, jobs)))
    for job in jobs:
        check_once(shop, job, "done")
        assert shop.job(job)["provider"]["name"] == "kling"
        assert shop.world.kling.stats()["creates"][job] == 1
    assert not [rule for rule in fleet.folder.glob("*.*.*") if not rule.name.endswith("again")]


def test_an_erasure_goes_on_after_its_worker_died(world: World, tmp_path: Path) -> None:
    """Killed before it and after it: the customer's pictures and rows are gone, and it is told so."""
    with running(world, f"sqlite:///{tmp_path / 'erasure.sqlite'}", tmp_path) as (shop, fleet):
        job = shop.accepted(user="ann")
        fleet.watch(1, lambda: shop.job(job)["ended"])
        fleet.crew[0].terminate()
        fleet.crew.pop().join(PATIENCE)
        errand = shop.ask("DELETE", "/v1/users/ann").json()["id"]
        for when in ("before", "after"):
            fleet.rule(f"{errand}.erase_user.{when}")
        fleet.watch(1, lambda: not [*tmp_path.glob("*.erase_user.*")])
        fleet.watch(1, lambda: shop.ask("GET", f"/v1/erasures/{errand}").json()["done"])
        assert shop.rows(JOBS) == shop.rows(EVENTS) == []
        assert asyncio.run(shop.room.blobs.names("tenants/lumen/users/ann")) == []
        fleet.watch(1, lambda: fleet.killed == 2)


def test_a_frozen_worker_that_thaws_changes_nothing(world: World, postgres_url: str, tmp_path: Path) -> None:
    """Believed dead, its job is done by another; what it brings afterwards is refused, and it goes on working."""
    with running(world, postgres_url, tmp_path) as (shop, fleet):
        height, _ = shop.new()
        hold = fleet.rule(f"hold-{height}")
        job = shop.accepted(height)
        frozen = fleet.start()
        until(lambda: fleet.calls()[height])
        os.kill(frozen.pid or 0, signal.SIGSTOP)
        hold.unlink()
        other = fleet.start()
        done = shop.ended(job)
        os.kill(frozen.pid or 0, signal.SIGCONT)
        other.kill()
        other.join()
        assert shop.ended(shop.accepted())["state"] == "done"  # by the one that thawed
        assert fleet.calls()[height] == 2
        told = shop.job(job)
        assert all(told[name] == done[name] for name in ("state", "ended", "sha256", "report", "attempts"))
        check_once(shop, job, "done")


def test_a_worker_that_is_stopped_finishes_its_step(world: World, tmp_path: Path) -> None:
    """SIGTERM: what runs is finished, the next worker does what waits, and nothing is rendered twice."""
    with running(world, f"sqlite:///{tmp_path / 'drain.sqlite'}", tmp_path) as (shop, fleet):
        height, _ = shop.new()
        hold = fleet.rule(f"hold-{height}")
        job, waiting = shop.accepted(height), shop.accepted()
        first = fleet.start()
        until(lambda: fleet.calls()[height])
        first.terminate()
        time.sleep(0.3)
        assert first.is_alive()
        hold.unlink()
        first.join(PATIENCE)
        assert first.exitcode == 0
        assert shop.job(job)["state"] == "done"
        fleet.start()
        assert {shop.ended(one)["state"] for one in (job, waiting)} == {"done"}
        assert fleet.calls()[height] == 1
        check_once(shop, job, "done")


def test_followers_of_a_dead_leader_do_not_wait_for_it(world: World, tmp_path: Path) -> None:
    """They hold the only places; one of them renders, and the leader too gets its picture."""
    with running(world, f"sqlite:///{tmp_path / 'lead.sqlite'}", tmp_path) as (shop, fleet):
        height, _ = shop.new()
        hold = fleet.rule(f"hold-{height}")
        leader = shop.accepted(height)
        first = fleet.start()
        until(lambda: fleet.calls()[height])
        follower = shop.accepted(height)
        fleet.start()
        until(lambda: shop.job(follower)["state"] == "running")
        first.kill()
        hold.unlink()
        assert {shop.ended(job)["state"] for job in (follower, leader)} == {"done"}
        for job in (leader, follower):
            check_once(shop, job, "done")
