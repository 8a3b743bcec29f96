"""The load on jobs: what is computed of the readings, the table, and a small run."""

from __future__ import annotations

import asyncio
import io

import httpx2
import pytest
from PIL import Image
from rich.console import Console

from benchmarks import jobs, jobs_table
from benchmarks.jobs_requests import photos
from benchmarks.times import Percentiles


def test_growth_is_the_slope_of_the_settled_readings() -> None:
    """The first quarter does not count; then a fifth of a MiB per hundred jobs is 2 per thousand."""
    start = [(0.0, {"api": 5.0, "worker": 5.0}), (9.0, {"api": 90.0, "worker": 10.0})]
    later = [(second * 1.0, {"api": 100.0 + second / 5, "worker": 50.0}) for second in range(30, 101, 10)]
    found = jobs._memory(10_000, start + later)
    assert found["growth_mb_per_1000"] == {"api": 2.0, "worker": 0.0}
    assert (found["first_mb"]["api"], found["last_mb"]["api"]) == (106.0, 120.0)
    assert found["course"][-1] == {"jobs": 10_000, "api": 120.0, "worker": 50.0}


def test_what_fills_up_does_not_grow_late() -> None:
    """A cache that has its size at half of the jobs shows in the growth of all, and not in that of the late ones."""
    readings = [(float(second), {"worker": 100.0 + min(second, 50)}) for second in range(101)]
    found = jobs._memory(10_000, readings)
    assert found["growth_mb_per_1000"]["worker"] > 1.0
    assert found["late_growth_mb_per_1000"] == {"worker": 0.0}
    assert len(found["course"]) <= jobs.SHOWN


def test_every_seed_is_another_request() -> None:
    """What is sent differs in the seed alone, as the service reads it."""
    form = photos(jobs.SMALL).form
    asked = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append((request.headers["content-type"], request.read()))
        return httpx2.Response(202)

    async def send() -> None:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer), base_url="http://x") as client:
            await form.send(client, 7)
            await form.send(client, 8)

    asyncio.run(send())
    (kind, one), (_, other) = asked
    assert kind.startswith("multipart/form-data; boundary=")
    assert one != other
    assert one.replace(b"0007\r\n", b"0008\r\n") == other


def test_the_photos_are_of_the_size_that_is_told() -> None:
    """And as heavy as photos: noise keeps them from shrinking to nothing."""
    usual = photos(jobs.USUAL)
    assert Image.open(io.BytesIO(usual.person)).size == jobs.USUAL
    assert usual.person != usual.garment
    assert len(usual.person) > 50_000


def test_the_table_shows_measured_beside_expected() -> None:
    """With a column for each database."""
    times = Percentiles(p50_ms=12.4, p95_ms=20.6)
    megabytes = {"api": 150.0, "worker": 160.0}
    one = jobs.Jobs(
        database="sqlite",
        load=1.0,
        accept=times,
        accept_usual=times,
        clean_usual_ms=100.0,
        whole=times,
        cached=times,
        accepted_per_second=123.0,
        accepted_usual_per_second=31.0,
        accepting_by_ms={"api": 7.5, "pictures": 3.6, "callers": 1.2},
        done_per_second=45.0,
        added_ms=9.1,
        added_by_ms={"api": 3.0, "pictures": 2.0, "worker": 4.1},
        burst=jobs.Burst(sent=200, taken=20, refused=180, dropped=0),
        memory=jobs.Memory(
            jobs=1,
            first_mb=megabytes,
            last_mb=megabytes,
            growth_mb_per_1000={"api": 0.2, "worker": -0.1},
            late_growth_mb_per_1000={"api": 0.1, "worker": 0.0},
            course=[],
        ),
    )
    where = jobs.machine()
    both: list[jobs.Jobs] = [one, {**one, "database": "postgres"}]
    report = jobs.Report(machine=where, commit="abc", expected=jobs.EXPECTED, databases=both)
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(jobs_table.of_jobs(report))
    shown = console.export_text()
    for word in (
        "sqlite",
        "postgres",
        "12 / 21",
        "20 + 180 of 200",
        "123",
        "3.0, 2.0, 4.1",
        "7.5, 3.6; 1.2",
        "[ms]",
        "at least 100",
        "commit abc",
    ):
        assert word in shown


@pytest.mark.slow
def test_a_small_run_drops_nothing() -> None:
    """Real processes, a hundred jobs: all pass, and of the burst all are taken or refused with a time."""
    (found,) = jobs.run(["sqlite"], jobs=100, say=lambda _: None)["databases"]
    burst = found["burst"]
    assert burst["dropped"] == 0
    assert burst["taken"] + burst["refused"] == burst["sent"]
    assert burst["taken"] >= jobs.CAPACITY
    assert found["accepted_per_second"] > 0 < found["done_per_second"]
