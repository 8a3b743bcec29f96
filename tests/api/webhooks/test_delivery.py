"""Webhooks that we send, to a real receiver, through the guarded client."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import format_datetime

import pytest
from pydantic import SecretStr, ValidationError

from api.security.ssrf import Guard
from api.storage.database import Database
from api.webhooks import delivery
from api.webhooks.delivery import (
    MOST_BYTES,
    SCHEDULE,
    Endpoint,
    Message,
    Outcome,
    attempt,
    deliveries_of,
    enable,
    enqueue,
    forget,
    is_disabled,
    is_due,
    pause_after,
    record,
)
from api.webhooks.events import Done, Failed, JobDone, JobFailed, encoded
from api.webhooks.standard import new_secret
from tests.api.webhooks.receiver import Receiver, receiving

NOW = datetime(2026, 11, 21, 9, tzinfo=timezone.utc)
DONE = JobDone(
    timestamp=NOW,
    data=Done(
        job="0b9c7a4e5d3f4c0e8f2a1b6d7c8e9f00",
        url="https://fit.example.com/v1/jobs/0b9c7a4e5d3f4c0e8f2a1b6d7c8e9f00",
        image="https://fit.example.com/v1/results/abc",
        image_expires=NOW,
        media_type="image/png",
        sha256="0" * 64,
    ),
)
FAILED = JobFailed(
    timestamp=NOW, data=Failed(job="j", url="https://x", code="no_person", detail="Niemand — 没有人 — 🙂.")
)
GUARD = Guard(allow_private=True)


async def post(
    url: str, body: bytes, headers: Mapping[str, str], seconds: float
) -> tuple[int, Mapping[str, str]]:
    """The service's own way out."""
    answer = await GUARD.post(url, body, headers, seconds=seconds)
    return answer.status, answer.headers


def sent(*script: str, attempts: int = 1, message: Message | None = None) -> tuple[Receiver, list[Outcome]]:
    """Send a message so many times to a receiver that follows a script."""

    async def run() -> tuple[Receiver, list[Outcome]]:
        secret = new_secret()
        async with receiving(secret.get_secret_value(), *script) as receiver:
            endpoint = Endpoint(receiver.url, (secret,))
            known = message or Message("msg_1", encoded(DONE))
            return receiver, [await attempt(post, endpoint, known, time.time()) for _ in range(attempts)]

    return asyncio.run(run())


@pytest.mark.parametrize("event", [DONE, FAILED])
def test_a_receiver_verifies_and_reads_what_happened(event: JobDone | JobFailed) -> None:
    """By the specification's own library; links, no picture, any script's letters."""
    receiver, outcomes = sent("ok", message=Message("msg_7", encoded(event)))
    assert outcomes == [Outcome("delivered", 204)]
    assert receiver.taken == {"msg_7": event.model_dump(mode="json")}
    assert receiver.paths == ["/hook?token=T0KEN"]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("500", 500),
        ("400", 400),
        ("redirect", 307),
        ("odd status", 999),
        ("bad retry", 429),
        ("lost", None),
        ("malformed", None),
    ],
)
def test_whatever_is_no_success_is_tried_again(word: str, status: int | None) -> None:
    """A redirect is not followed; a lost answer costs a repetition, which the receiver recognises by its id."""
    receiver, (first, second) = sent(word, "ok", attempts=2)
    assert (first.kind, first.status, first.after) == ("retry", status, 0.0)
    assert first.why
    assert second.kind == "delivered"
    assert receiver.attempts == ["msg_1", "msg_1"]
    assert len(receiver.taken) == 1
    assert "/elsewhere" not in receiver.paths


def test_a_receiver_that_never_answers_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the limit the attempt is over; of an endless answer no more than the status counts."""
    assert 15 <= delivery.SECONDS <= 30
    monkeypatch.setattr(delivery, "SECONDS", 0.3)
    start = time.monotonic()
    for word in ("slow", "endless"):
        _, (outcome,) = sent(word)
        assert outcome.kind == ("retry" if word == "slow" else "delivered")
    assert time.monotonic() - start < 3


def test_a_client_that_forgets_the_time_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is the attempt's own, whatever was injected."""
    monkeypatch.setattr(delivery, "SECONDS", 0.1)

    async def sleepy(*_: object) -> tuple[int, Mapping[str, str]]:
        await asyncio.sleep(60)
        return 200, {}

    endpoint = Endpoint("https://example.com", (new_secret(),))
    outcome = asyncio.run(attempt(sleepy, endpoint, Message("m", b"{}"), time.time()))
    assert outcome.kind == "retry"
    assert "0 seconds" in outcome.why


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "https://169.254.169.254/", "https://no.invalid/", "nonsense"]
)
def test_nobody_there_or_nobody_who_may_be_asked(url: str) -> None:
    """The guard's words are kept for the tenant; nothing is raised."""

    async def guarded(
        url: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> tuple[int, Mapping[str, str]]:
        answer = await Guard().post(url, body, headers, seconds=seconds)
        return answer.status, answer.headers

    endpoint = Endpoint(url, (new_secret(),))
    outcome = asyncio.run(attempt(guarded, endpoint, Message("m", b"{}"), time.time()))
    assert (outcome.kind, outcome.status) == ("retry", None)
    assert "Please" in outcome.why


def test_410_disables() -> None:
    """The receiver wants no more."""
    _, (outcome,) = sent("410")
    assert (outcome.kind, outcome.status) == ("disabled", 410)
    assert pause_after(1, outcome, 0.5) is None


def test_a_body_that_is_too_large_is_never_sent() -> None:
    """20 kB are the specification's limit."""
    receiver, (outcome,) = sent("ok", message=Message("m", b" " * (MOST_BYTES + 1)))
    assert outcome.kind == "refused"
    assert receiver.attempts == []


def test_the_largest_event_fits() -> None:
    """Links and sentences are bounded, so that no event grows beyond the limit; words are cut, links are not."""
    link = "https://x/" + "x" * 4086
    done = DONE.data.model_copy(update={"url": link, "image": link})
    failed = Failed(job="j" * 64, url=link, code="c" * 64, detail="🙂" * 100_000)
    assert len(failed.detail) == 1000
    for event in (JobDone(timestamp=NOW, data=done), JobFailed(timestamp=NOW, data=failed)):
        assert len(encoded(event)) < MOST_BYTES
    broken = Failed(job="j", url=link, code="c", detail="half \ud83d of a smile, and \0")
    assert broken.detail == "half ? of a smile, and \0"
    assert b"half ? of a smile, and \\u0000" in encoded(JobFailed(timestamp=NOW, data=broken))
    with pytest.raises(ValidationError):
        Failed(job="j", url=link + "x", code="c", detail="")


AFTER = [
    ("120", 120.0),
    ("0", 0.0),
    (format_datetime(NOW), 60.0),
    ("Sat, 21 Nov 2026 09:00:00 -0000", 60.0),
    ("Sat, 21 Nov 2020 09:00:00 GMT", 0.0),
    ("999999999", delivery.LONGEST),
    ("Fri, 31 Dec 9999 23:59:59 GMT", delivery.LONGEST),
    ("-5", 0.0),
    ("1e9", 0.0),
    ("٣", 0.0),
    ("soon", 0.0),
    ("", 0.0),
    ("9" * 400, 0.0),
]


@pytest.mark.parametrize(("after", "seconds"), AFTER)
def test_retry_after_is_heeded_within_reason(after: str, seconds: float) -> None:
    """Seconds or a date; nonsense counts as nothing, and no receiver puts us off for ever."""

    async def busy(*_: object) -> tuple[int, Mapping[str, str]]:
        return 503, {"Retry-After": after}

    now = NOW.timestamp() - 60
    endpoint = Endpoint("https://example.com", (new_secret(),))
    outcome = asyncio.run(attempt(busy, endpoint, Message("m", b"{}"), now))
    assert outcome.after == seconds
    assert pause_after(1, outcome, 0.0) == max(SCHEDULE[0], seconds)


def test_retry_after_is_read_from_the_wire() -> None:
    """As the receiver sends it."""
    _, (outcome,) = sent("busy")
    assert (outcome.status, outcome.after) == (503, 4000.0)


def test_the_schedule_lasts_three_days() -> None:
    """Ever longer pauses, each with jitter, then the end."""
    failed = Outcome("retry", 500)
    shortest = [pause_after(number, failed, 0.0) for number in range(1, 10)]
    longest = [pause_after(number, failed, 0.999) for number in range(1, 10)]
    assert shortest == list(SCHEDULE) == sorted(SCHEDULE)
    assert all(low < high < 1.21 * low for low, high in zip(shortest, longest, strict=True))
    assert 3 < sum(SCHEDULE) / 86_400 < 4
    assert pause_after(10, failed, 0.0) is None
    assert pause_after(1, Outcome("delivered", 200), 0.0) is None


def test_a_message_is_one_for_ever(database: Database) -> None:
    """Asked for again, after a crash say, it keeps its id and the body that was signed first."""
    first = database.run_here(lambda c: enqueue(c, "shop", "j1", "https://a", DONE, 10.0))
    later = DONE.model_copy(update={"timestamp": datetime(2030, 1, 1, tzinfo=timezone.utc)})
    again = database.run_here(lambda c: enqueue(c, "shop", "j1", "https://a", later, 99.0))
    assert first == again
    assert first is not None
    assert first.body == encoded(DONE)
    others = [("shop", "j2", "https://a"), ("shop", "j1", "https://b"), ("mall", "j1", "https://a")]
    ids = {database.run_here(lambda c, o=o: enqueue(c, *o, DONE, 10.0)).id for o in others}
    assert len(ids | {first.id}) == 4
    rows = database.run_here(lambda c: deliveries_of(c, "shop", "j1"))
    assert {row.endpoint for row in rows} == {"https://a", "https://b"}
    assert database.run_here(lambda c: deliveries_of(c, "other", "j1")) == []


def test_attempts_are_counted_once(database: Database) -> None:
    """The row tells the tenant what happened last, and what comes next."""
    message = database.run_here(lambda c: enqueue(c, "shop", "j1", "https://a", DONE, 10.0))
    assert message is not None
    failed, lost = Outcome("retry", 500, why="The receiver answered 500."), Outcome("retry", why="Lost.")

    def note(number: int, outcome: Outcome, pause: float | None, now: float) -> tuple[object, ...]:
        database.run_here(lambda c: record(c, message.id, number, outcome, pause, now))
        (row,) = database.run_here(lambda c: deliveries_of(c, "shop", "j1"))
        return row.state, row.attempts, row.status, row.next

    assert note(1, failed, 5.0, 20.0) == ("pending", 1, 500, 25.0)
    assert note(2, lost, 300.0, 25.0) == ("pending", 2, None, 325.0)
    assert note(1, failed, 5.0, 20.0) == ("pending", 2, None, 325.0), "a late repetition"
    assert note(2, lost, 300.0, 25.0) == ("pending", 2, None, 325.0)
    assert database.run_here(lambda c: is_due(c, message.id))
    assert note(3, Outcome("delivered", 204), None, 325.0) == ("delivered", 3, 204, None)
    assert not database.run_here(lambda c: is_due(c, message.id))
    assert note(10, failed, None, 400.0) == ("given_up", 10, 500, None)
    database.run_here(lambda c: forget(c, "j1"))
    assert database.run_here(lambda c: deliveries_of(c, "shop", "j1")) == []
    assert not database.run_here(lambda c: is_due(c, message.id))


def test_through_all_troubles_it_arrives_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost, failed, redirected, late: ten attempts of one message, which the receiver acts upon once."""
    monkeypatch.setattr(delivery, "SECONDS", 0.2)
    pauses: list[float] = []

    async def deliver(endpoint: Endpoint) -> None:
        message = await database.run(lambda c: enqueue(c, "shop", "j1", endpoint.url, DONE, 0.0))
        assert message is not None
        for number in itertools.count(1):
            if not await database.run(lambda c: is_due(c, message.id)):
                return
            outcome = await attempt(post, endpoint, message, time.time())
            pause = pause_after(number, outcome, 0.5)
            await database.run(lambda c, n=number: record(c, message.id, n, outcome, pause, 0.0))  # noqa: B023 - run at once
            pauses.append(pause or 0.0)

    async def run() -> Receiver:
        secret = new_secret()
        troubles = ("lost", "500", "slow", "redirect", "malformed", "busy", "400", "lost", "500", "ok")
        async with receiving(secret.get_secret_value(), *troubles) as receiver:
            await deliver(Endpoint(receiver.url, (secret,)))
            return receiver

    receiver = asyncio.run(run())
    (row,) = database.run_here(lambda c: deliveries_of(c, "shop", "j1"))
    assert (row.state, row.attempts, row.status) == ("delivered", 10, 204)
    assert len(receiver.attempts) == 10
    assert len(receiver.taken) == 1
    assert pauses == pytest.approx([*(1.1 * pause for pause in SCHEDULE), 0.0])


def test_an_endpoint_that_is_gone_gets_nothing_more(database: Database) -> None:
    """Neither what waits nor what comes, for this tenant alone, until somebody enables it."""
    first, second = (
        database.run_here(lambda c, job=job: enqueue(c, "shop", job, "https://a", DONE, 10.0))
        for job in ("j1", "j2")
    )
    other = database.run_here(lambda c: enqueue(c, "mall", "j1", "https://a", DONE, 10.0))
    gone = Outcome("disabled", 410, why="Gone.")
    database.run_here(lambda c: record(c, first.id, 1, gone, None, 20.0))
    assert not database.run_here(lambda c: is_due(c, second.id))
    assert database.run_here(lambda c: is_due(c, other.id))
    assert database.run_here(lambda c: is_disabled(c, "shop", "https://a"))
    assert database.run_here(lambda c: enqueue(c, "shop", "j3", "https://a", DONE, 30.0)) is None
    assert database.run_here(lambda c: enqueue(c, "shop", "j3", "https://b", DONE, 30.0))
    database.run_here(lambda c: enable(c, "shop", "https://a"))
    assert database.run_here(lambda c: enqueue(c, "shop", "j4", "https://a", DONE, 40.0))
    assert not database.run_here(lambda c: is_due(c, second.id)), "what it missed is not repeated"


def test_secrets_and_tokens_stay_out_of_logs() -> None:
    """The dataclasses may be logged; what must not be seen is not in their words."""
    secret = SecretStr("whsec_" + "A" * 44)
    shown = repr(Endpoint("https://x/?token=T0KEN", (secret,))) + repr(Message("m", b"T0KEN"))
    assert "T0KEN" not in shown
    assert "AAAA" not in shown
