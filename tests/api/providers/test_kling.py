"""The client of Kling against the fake: nothing is paid twice, whatever is lost on the way."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import httpx2
import numpy as np
import pytest
from PIL import Image
from pydantic import SecretStr

from api.providers.base import Order, State, Task, failure, pause_before
from api.providers.kling import Kling
from api.providers.kling_codes import RULES
from api.providers.settings import KlingSettings
from bridge.errors import (
    ConfigError,
    ExternalBadInput,
    ExternalRateLimit,
    NotAnImage,
    ProviderError,
    RenderFailed,
)
from tests.api.providers.conftest import Site, download, picture
from tests.api.providers.fake_kling import PATH, Fault
from tests.api.providers.kling_rules import API_KEY, HTTP

T = TypeVar("T")
EVER = -1


async def briefly(_: float) -> None:
    """Stand where the pauses of minutes are."""
    await asyncio.sleep(0.02)


def with_kling(
    settings: KlingSettings, work: Callable[[Kling], Awaitable[T]], clock: Callable[[], float] = time.time
) -> T:
    """Run some calls on a client of the account."""

    async def run() -> T:
        async with Kling(settings, download, clock=clock, sleep=briefly) as kling:
            return await work(kling)

    return asyncio.run(run())


async def ended(kling: Kling, external: str) -> Task:
    """Poll until the task ends."""
    while (task := await kling.poll(external)).state is State.RUNNING:
        await asyncio.sleep(0.02)
    return task


async def fitted(kling: Kling, order: Order) -> tuple[Task, bytes]:
    """Go the whole way."""
    task = await ended(kling, await kling.submit(order))
    return task, await kling.fetch(task)


KEYS = [{}, {"api_key": SecretStr(API_KEY), "access_key": None, "secret_key": None}]


@pytest.mark.parametrize("keys", KEYS, ids=["pair", "key"])
def test_a_picture_is_rendered(site: Site, order: Order, keys: dict[str, object]) -> None:
    """With either kind of keys the person comes back in the garment, for one unit, by model v1-5."""
    task, result = with_kling(site.settings(**keys), lambda kling: fitted(kling, order))
    pixels = np.asarray(Image.open(io.BytesIO(result)))
    assert (task.state, task.units) == (State.DONE, 1.0)
    assert np.abs(pixels[200, 160].astype(int) - (200, 30, 40)).max() < 8
    assert np.abs(pixels[5, 5].astype(int) - 120).max() < 8
    assert site.kling.bodies == [{"model_name": "kolors-virtual-try-on-v1-5", "external_task_id": order.job}]


@pytest.mark.parametrize(
    ("shows", "takes", "unknown"),
    [(True, True, "failed"), (True, False, "1203"), (True, False, "failed"), (False, True, "failed")],
    ids=["both", "list alone", "list alone, echoing", "query alone"],
)
def test_a_repeated_order_is_found(site: Site, order: Order, shows: bool, takes: bool, unknown: str) -> None:
    """The same job again, from another process, gives the same task, running or ended; nothing is created."""
    site.script(shows_names=shows, takes_names=takes, unknown=unknown)
    first = with_kling(site.settings(), lambda kling: kling.submit(order))
    again = with_kling(site.settings(), lambda kling: kling.submit(order))
    with_kling(site.settings(), lambda kling: ended(kling, first))
    late = with_kling(site.settings(), lambda kling: kling.submit(order))
    other = with_kling(site.settings(), lambda kling: kling.submit(replace(order, job="other")))
    assert first == again == late != other
    assert site.kling.stats()["creates"] == {order.job: 1, "other": 1}


@pytest.mark.parametrize("hang", [0.0, 2.0], ids=["broken off", "silence"])
def test_a_create_whose_answer_is_lost_is_found(site: Site, order: Order, hang: float) -> None:
    """The task is paid for, the answer never comes: the client finds the task and creates no second one."""
    site.script(lost=1, hang=hang)
    found = with_kling(site.settings(timeout="0.5s"), lambda kling: kling.submit(order))
    assert found in site.kling.tasks
    assert site.kling.stats()["creates"] == {order.job: 1}


def test_a_create_that_is_done_late_is_found_later(site: Site, order: Order) -> None:
    """Kling creates the task only after we gave up waiting: the order fails for now, and is found when repeated."""
    site.script(late=1, hang=2.5)

    async def twice(kling: Kling) -> str:
        with pytest.raises(RenderFailed) as caught:
            await kling.submit(order)
        assert caught.value.retry_after
        while not site.kling.tasks:
            await asyncio.sleep(0.05)
        return await kling.submit(order)

    assert with_kling(site.settings(timeout=0.5), twice) in site.kling.tasks
    assert site.kling.stats()["creates"] == {order.job: 1}


GATEWAY = "<html><body>502 Bad Gateway</body></html>"


@pytest.mark.parametrize(
    "fault",
    [Fault(on="create", code=5002, done=True), Fault(on="create", code=5000, page=GATEWAY, done=True)],
    ids=["5002", "gateway"],
)
def test_a_create_that_is_done_behind_an_error_is_found(site: Site, order: Order, fault: Fault) -> None:
    """Kling says that it failed, and created the task all the same."""
    site.kling.script.faults = [fault]
    assert with_kling(site.settings(), lambda kling: kling.submit(order)) in site.kling.tasks
    assert site.kling.stats()["creates"] == {order.job: 1}


def test_nobody_answers(order: Order) -> None:
    """A closed port is an outage that may pass."""
    settings = KlingSettings(base_url="http://127.0.0.1:9", api_key=SecretStr(API_KEY))
    with pytest.raises(RenderFailed, match="does not answer") as caught:
        with_kling(settings, lambda kling: kling.submit(order))
    assert caught.value.retry_after


MEANINGS: dict[int, tuple[type[ProviderError], bool]] = {
    **dict.fromkeys((1000, 1001, 1002, 1003, 1004), (ProviderError, False)),
    **dict.fromkeys((1100, 1101, 1102, 1103), (ProviderError, False)),
    **dict.fromkeys((1200, 1201, 1300, 1301), (ExternalBadInput, False)),
    **dict.fromkeys((1202, 1203, 1304), (ProviderError, False)),
    **dict.fromkeys((1302, 1303), (ExternalRateLimit, True)),
    **dict.fromkeys((5000, 5001, 5002), (RenderFailed, True)),
}


def test_every_code_has_a_meaning() -> None:
    """The client's table, the fake's and this one know the same codes."""
    assert set(MEANINGS) == set(RULES) == set(HTTP) - {0}


def test_codes_decide(site: Site, order: Order) -> None:
    """The class of an error, and whether it may pass, follow the service code, not HTTP's 429."""

    async def refused(kling: Kling, code: int) -> ProviderError:
        site.kling.script.faults = [Fault(on="create", code=code, times=EVER)]
        with pytest.raises(ProviderError, match=str(code)) as caught:
            await kling.submit(order)
        return caught.value

    async def run(kling: Kling) -> dict[int, tuple[type[ProviderError], bool]]:
        errors = {code: await refused(kling, code) for code in MEANINGS}
        return {code: (type(error), error.retry_after is not None) for code, error in errors.items()}

    assert with_kling(site.settings(), run) == MEANINGS
    assert site.kling.tasks == {}
    assert site.kling.asked["create"] == len(MEANINGS) + 5  # those about the token are asked twice


@pytest.mark.parametrize(
    ("code", "kind"), [(5000, RenderFailed), (1302, ProviderError), (1000, ProviderError)]
)
def test_gateways_without_codes(site: Site, code: int, kind: type[ProviderError]) -> None:
    """A page instead of an envelope is a fault when HTTP says 5xx; a bare 429 or 401 is not worth a retry."""
    site.kling.script.faults = [Fault(on="query", code=code, times=EVER, page=GATEWAY)]
    with pytest.raises(ProviderError) as caught:
        with_kling(site.settings(), lambda kling: kling.poll("kling-000001"))
    assert type(caught.value) is kind
    assert (caught.value.retry_after is not None) == (kind is RenderFailed)


@pytest.mark.parametrize("code", [1003, 1004, 1000])
def test_a_stale_token_is_made_anew_once(site: Site, order: Order, code: int) -> None:
    """One refusal of the token is answered with a new one; with a plain key there is none to make."""
    site.kling.script.faults = [Fault(on="query", code=code)]
    assert with_kling(site.settings(), lambda kling: kling.submit(order)) in site.kling.tasks
    site.kling.script.faults = [Fault(on="query", code=code)]
    with pytest.raises(ProviderError):
        with_kling(site.settings(**KEYS[1]), lambda kling: kling.poll("kling-000001"))


def test_tokens_are_kept_and_renewed_in_time(site: Site, order: Order) -> None:
    """One token serves all calls until four fifths of its life are over; the fake checks its times."""
    start = time.time()
    now = start

    async def calls(kling: Kling) -> list[int]:
        nonlocal now
        external, seen = await kling.submit(order), []
        for later in (0, 1400, 1441):
            now = start - 1441 + later
            await kling.poll(external)
            seen.append(site.kling.stats()["tokens"])
        return seen

    now = start - 1441
    assert with_kling(site.settings(), calls, lambda: now) == [1, 1, 2]


@pytest.mark.parametrize(("ahead", "code"), [(3600, 1003), (-3600, 1004)])
def test_a_wrong_clock_is_told(site: Site, order: Order, ahead: float, code: int) -> None:
    """Tokens of a clock that is an hour wrong are refused, also the new one; a few seconds do no harm."""
    with pytest.raises(ProviderError, match=str(code)):
        with_kling(site.settings(), lambda kling: kling.submit(order), lambda: time.time() + ahead)
    assert with_kling(site.settings(), lambda kling: kling.submit(order), lambda: time.time() + 4)


@pytest.mark.parametrize(
    ("misfortune", "kind", "words"),
    [
        ("risky", ExternalBadInput, "risk control"),
        ("broken", RenderFailed, "Internal error"),
        ("empty", RenderFailed, "without a picture"),
    ],
)
def test_tasks_that_fail(
    site: Site, order: Order, misfortune: str, kind: type[ProviderError], words: str
) -> None:
    """A failed task carries its reason, and content rules are told apart from faults."""
    site.script(**{misfortune: 1})

    async def run(kling: Kling) -> Task:
        task = await ended(kling, await kling.submit(order))
        with pytest.raises(RenderFailed):
            await kling.fetch(task)
        return task

    task = with_kling(site.settings(), run)
    assert task.state is State.FAILED
    assert type(failure(task)) is kind
    assert words in str(failure(task))


def test_the_parallel_limit_is_told(site: Site, order: Order) -> None:
    """One task more than the account holds is refused with 1303, and fits once another one has ended."""
    site.script(parallel=2, delay=60.0)

    async def run(kling: Kling) -> None:
        first = await kling.submit(order)
        await kling.submit(replace(order, job="b"))
        with pytest.raises(ExternalRateLimit) as caught:
            await kling.submit(replace(order, job="c"))
        assert caught.value.retry_after == 2.0
        site.kling.tasks[first].delay = 0.0
        await kling.submit(replace(order, job="c"))

    with_kling(site.settings(), run)
    assert site.kling.stats()["peak"] == 2


@pytest.mark.parametrize(
    ("width", "height"), [(128, 200), (2000, 1500), (130, 1400)], ids=["small", "large", "strip"]
)
def test_pictures_are_made_to_fit(site: Site, order: Order, width: int, height: int) -> None:
    """Kling gets JPEGs of at least 300 px in raw base64, whatever came in."""
    with_kling(site.settings(), lambda kling: kling.submit(replace(order, person=picture(width, height))))
    (task,) = site.kling.tasks.values()
    assert min(task.person.size) >= 300
    assert task.person.width / task.person.height == pytest.approx(width / height, rel=0.01)


@pytest.mark.parametrize(("missing", "comes"), [(3, True), (4, False)])
def test_a_paid_picture_is_asked_for_again(site: Site, order: Order, missing: int, comes: bool) -> None:
    """A download that fails is tried four times; then it is a failure that may pass, not the caller's fault."""
    site.script(missing=missing)
    if comes:
        assert with_kling(site.settings(), lambda kling: fitted(kling, order))[1]
        return
    with pytest.raises(RenderFailed, match="fetched") as caught:
        with_kling(site.settings(), lambda kling: fitted(kling, order))
    assert caught.value.retry_after


def test_broken_pictures_cost_nothing(site: Site, order: Order) -> None:
    """What can't be decoded is refused by us."""
    with pytest.raises(NotAnImage):
        with_kling(site.settings(), lambda kling: kling.submit(replace(order, garment=b"GIF89a")))
    assert site.kling.asked["create"] == 0


@pytest.mark.parametrize(
    ("how", "states"),
    [
        ("once", ["processing", "succeed"]),
        ("lost", []),
        ("twice", ["succeed"] * 2),
        ("backwards", ["succeed", "processing"]),
    ],
)
def test_callbacks(site: Site, order: Order, how: str, states: list[str]) -> None:
    """Kling calls back flat and unsigned; whatever comes, or does not, polling knows the end."""
    seen: list[str] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r")[0])
        body = httpx2.Response(200, content=await reader.readexactly(length)).json()
        seen.append(body["task_status"])
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def run(kling: Kling) -> Task:
        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhooks"
        async with server:
            external = await kling.submit(replace(order, callback_url=address))
            task = await ended(kling, external)
            while len(site.kling.called) < len(states):
                await asyncio.sleep(0.01)
            return task

    site.script(callbacks=how)
    assert with_kling(site.settings(), run).state is State.DONE
    assert seen == states


def test_settings_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times may carry their unit, regions have their hosts, and no keys are an error that names the variables."""
    monkeypatch.setenv("KLING_TIMEOUT", "120s")
    monkeypatch.setenv("KLING_REGION", "cn")
    settings = KlingSettings()
    assert (settings.timeout, settings.url) == (120.0, "https://api-beijing.klingai.com")
    assert not settings.configured
    with pytest.raises(ConfigError, match="KLING_API_KEY"):
        Kling(settings, download)
    monkeypatch.setenv("KLING_SECRET_KEY", "very secret")
    assert "very secret" not in repr(KlingSettings())


def test_pauses_grow() -> None:
    """Polls are 2 s apart at first and never more than 5 s."""
    pauses = [pause_before(poll) for poll in range(10_000)]
    assert pauses[0] == 2.0
    assert pauses == sorted(pauses)
    assert pauses[-1] == 5.0


def test_the_fake_runs_by_itself(order: Order) -> None:
    """Other processes start it with a port, script it and read its counts over HTTP."""
    command = [sys.executable, "-m", "tests.api.providers.fake_kling", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            told = httpx2.post(f"{url}/_control", json={"delay": 0.01, "parallel": 1}).json()
            assert (told["delay"], told["parallel"]) == (0.01, 1)
            settings = KlingSettings(base_url=url, api_key=SecretStr(API_KEY))
            task, _ = with_kling(settings, lambda kling: fitted(kling, order))
            stats = httpx2.get(f"{url}/_stats").json()
            assert stats["creates"] == {order.job: 1}
            assert (stats["paid"], stats["paid_twice"], task.state) == (1, 0, State.DONE)
            assert httpx2.get(f"{url}{PATH}").status_code == 401
        finally:
            process.terminate()
