"""The small parts of jobs: what the engine keeps, who renders what, and that a job ends once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.jobs import cache, heartbeat, records
from api.jobs.cache import Follow, Hit, Lead
from api.jobs.envelope import JsonSerializer, error, fault_of, ok
from api.jobs.records import State
from api.storage.database import Database
from bridge.errors import BY_CODE, InternalError, NoPerson, VfrError

NOW = 1_800_000_000.0
SERIALIZER = JsonSerializer()

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(), parts, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_json_comes_back_as_it_went(value: object) -> None:
    """Whatever JSON can say is read back equal, so that a replay sees what the first run saw."""
    assert SERIALIZER.deserialize(SERIALIZER.serialize(value)) == value


@given(st.sampled_from(sorted(BY_CODE)), st.text())
def test_errors_come_back_as_their_class(code: str, words: str) -> None:
    """By the engine's way and as a step's outcome; class and sentence survive."""
    fault = BY_CODE[code](words)
    for read in (SERIALIZER.deserialize(SERIALIZER.serialize(fault)), fault_of(error(fault))):
        assert (type(read), str(read)) == (type(fault), words)


@pytest.mark.parametrize(
    "value", [b"bytes", {1, 2}, object(), float("nan"), float("inf"), 1 + 2j, {"deep": [b"x"]}, print]
)
def test_what_is_no_json_is_refused(value: object) -> None:
    """Nothing is turned into text by guessing, nothing is pickled."""
    with pytest.raises((TypeError, ValueError)):
        SERIALIZER.serialize(value)


def test_strangers_errors_come_back_as_faults_of_ours() -> None:
    """An exception that is not of our tree keeps its words and nothing that could run."""
    read = SERIALIZER.deserialize(SERIALIZER.serialize(KeyError("x")))
    assert (type(read), str(read)) == (InternalError, "KeyError: 'x'")
    unknown = SERIALIZER.deserialize('{"$error": "of tomorrow", "detail": "?"}')
    assert isinstance(unknown, InternalError)


def test_an_outcome_is_one_or_the_other() -> None:
    """What went well has no fault."""
    assert fault_of(ok(None)) is None
    assert isinstance(fault_of(error(NoPerson("Nobody."))), VfrError)
    json.dumps([ok(), error(NoPerson("Nobody."))])


def create(database: Database, *jobs: str) -> None:
    """Write jobs that wait."""
    order: dict[str, Any] = {"tier": "basic"}
    row = {"tenant": "lumen", "user": "", "order": order, "snapshot": "", "deadline": NOW + 60}
    for job in jobs:
        database.run_here(lambda c, job=job: records.create(c, job, NOW, **row))


def claim(database: Database, job: str, now: float = NOW) -> Lead | Follow | Hit:
    """Let a job ask who renders."""
    return database.run_here(lambda c: cache.claim(c, "key", job, "lumen", "", now))


def end(database: Database, job: str, state: State = State.FAILED) -> bool:
    """End a job."""
    return database.run_here(lambda c: records.end(c, job, state, NOW))


def test_one_leads_and_the_others_follow(database: Database) -> None:
    """The same answer to the same job however often it asks; the result is everybody's."""
    create(database, "a", "b")
    assert [claim(database, job) for job in ("a", "b", "a", "b")] == [Lead(), Follow("a")] * 2
    database.run_here(lambda c: cache.keep(c, "key", "b", {"by": "b"}, NOW + 9))  # it does not lead
    assert claim(database, "b") == Follow("a")
    database.run_here(lambda c: cache.keep(c, "key", "a", {"by": "a"}, NOW + 9))
    assert [claim(database, job) for job in ("a", "b")] == [Hit({"by": "a"})] * 2


@pytest.mark.parametrize("way", ["it ends", "its worker dies", "its row is erased", "its time is over"])
def test_the_lead_goes_on(database: Database, way: str) -> None:
    """When the leader can't be waited for, the next that asks leads, and the one after follows that one."""
    create(database, "a", "b", "c")
    assert claim(database, "a") == Lead()
    later = NOW
    if way == "it ends":
        end(database, "a")
    elif way == "its worker dies":
        database.run_here(lambda c: cache.let_go(c, ["a", "x"]))
    elif way == "its row is erased":
        database.run_here(lambda c: cache.forget(c, user=("lumen", "")))
    else:
        database.run_here(lambda c: cache.keep(c, "key", "a", {}, NOW + 1))
        later = NOW + 2
    assert [claim(database, job, later) for job in ("b", "c")] == [Lead(), Follow("b")]


def test_a_dead_workers_results_stay(database: Database) -> None:
    """Only the lead of what is not rendered yet is given up."""
    create(database, "a", "b")
    claim(database, "a")
    database.run_here(lambda c: cache.keep(c, "key", "a", {}, NOW + 9))
    database.run_here(lambda c: cache.let_go(c, ["a"]))
    assert claim(database, "b") == Hit({})


def test_a_job_ends_once(database: Database) -> None:
    """Of twenty at once that end it in three ways one does; the row and its last event are of that one."""
    create(database, "a")
    ways = [State.DONE, State.FAILED, State.CANCELLED]
    with ThreadPoolExecutor(20) as crowd:
        states = [ways[number % 3] for number in range(20)]
        won = list(crowd.map(lambda state: end(database, "a", state), states))
    (winner,) = [state for state, first in zip(states, won, strict=True) if first]
    job = database.run_here(lambda c: records.read(c, "a"))
    told = [row.stage for row in database.run_here(lambda c: records.events(c, "a", 0))]
    assert job
    assert (job.state, told) == (winner, ["queued", winner.value])
    assert not database.run_here(lambda c: records.step(c, "a", "render", 0.5, NOW))


def test_signs_of_life_are_told_by_one_clock(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose clock is wrong seems neither dead nor immortal."""

    def alive(seconds: float = 9) -> set[str]:
        return database.run_here(lambda c: heartbeat.alive(c, seconds))

    monkeypatch.setattr("time.time", lambda: NOW - 1e6)
    for worker in ("a", "b", "a"):
        database.run_here(lambda c, worker=worker: heartbeat.beat(c, worker))
    assert alive() == {"a", "b"}
    assert alive(seconds=0) == set()
    database.run_here(lambda c: heartbeat.sign_off(c, "a"))
    database.run_here(lambda c: heartbeat.forget(c, 9))
    assert alive() == {"b"}
    database.run_here(lambda c: heartbeat.forget(c, -1))
    assert alive() == set()


def test_places_in_the_queue(database: Database) -> None:
    """Those before one that wait; who runs or is over has no place and takes none."""
    create(database, "a", "b")
    later = {"tenant": "lumen", "user": "", "order": {}, "snapshot": "", "deadline": NOW + 60}
    database.run_here(lambda c: records.create(c, "z", NOW + 1, **later))

    def place(job: str) -> int | None:
        found = database.run_here(lambda c: records.placed(c, job))
        assert found
        return found.before

    assert place("z") == 2
    database.run_here(lambda c: records.step(c, "a", "render", 0.5, NOW))
    end(database, "b")
    assert [place(job) for job in ("a", "b", "z")] == [None, None, 0]
