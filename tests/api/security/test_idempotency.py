"""``Idempotency-Key``: one job for a request, however often and at whatever time it comes."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from api.security import idempotency
from api.security.idempotency import CLAIMS, KEEP_SECONDS, Claimed, Replay, check_key
from api.storage.database import METADATA, Database
from bridge.errors import BadInput, KeyReused

NOW = 1_800_000_000.0
CALLERS = 20


def claim(
    database: Database,
    key: str,
    asked: str,
    job: str,
    *,
    owner: str = "lumen",
    route: str = "POST /v1/jobs",
    now: float = NOW,
) -> Claimed | Replay:
    """Claim a key."""
    return database.run_here(lambda c: idempotency.claim(c, owner, key, route, asked, job, now))


def test_the_same_request_finds_its_job(database: Database) -> None:
    """The second one is told the first one's job; another request with the key is an error and changes nothing."""
    assert claim(database, "k", "a", "job1") == Claimed()
    assert claim(database, "k", "a", "job2") == Replay("job1")
    with pytest.raises(KeyReused, match="another request"):
        claim(database, "k", "b", "job3")
    assert claim(database, "k", "a", "job4") == Replay("job1")


@pytest.mark.parametrize("other", [{"owner": "atelier"}, {"owner": "lumen/ann"}, {"route": "POST /v1/tryon"}])
def test_a_key_belongs_to_one_caller_and_one_operation(database: Database, other: dict[str, str]) -> None:
    """The same characters elsewhere are another key."""
    claim(database, "k", "a", "job1")
    assert claim(database, "k", "b", "job2", **other) == Claimed()


def test_a_refused_request_claims_nothing(database: Database) -> None:
    """The claim goes with the transaction that makes the job."""

    def fails(connection: sa.Connection) -> None:
        idempotency.claim(connection, "lumen", "k", "POST /v1/jobs", "a", "job1", NOW)
        raise BadInput("no")

    with pytest.raises(BadInput):
        database.run_here(fails)
    assert claim(database, "k", "b", "job2") == Claimed()


def test_twenty_at_once_make_one_job(database: Database) -> None:
    """Exactly one of them wins, and all others are told its job."""
    start = threading.Barrier(CALLERS)

    def ask(number: int) -> Claimed | Replay:
        start.wait()
        return claim(database, "k", "a", f"job{number}")

    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(ask, range(CALLERS)))
    assert answers.count(Claimed()) == 1
    assert answers.count(Replay(f"job{answers.index(Claimed())}")) == CALLERS - 1


@pytest.mark.parametrize("key", ["", "a" * 256, "a b", "a\n", "schlüssel", "a\x00", "\x7f"])
def test_keys_are_visible_characters(key: str) -> None:
    """Anything else is refused with what would do."""
    with pytest.raises(BadInput, match="1 to 255 visible ASCII"):
        check_key(key)
    assert check_key("~" * 255) == "~" * 255


class Table(RuleBasedStateMachine):
    """The table beside a dictionary: whatever is done in whatever order, they say the same."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = sa.create_engine("sqlite://")
        METADATA.create_all(self.engine, [CLAIMS])
        self.known: dict[tuple[str, ...], tuple[str, str, float]] = {}
        self.now = NOW
        self.jobs = 0

    @rule(
        owner=st.sampled_from(["lumen", "lumen/ann"]),
        route=st.sampled_from(["POST /v1/jobs", "POST /v1/tryon"]),
        key=st.sampled_from(["k", "K", "k1", "'; --"]),
        asked=st.sampled_from(["a", "b"]),
    )
    def request(self, owner: str, route: str, key: str, asked: str) -> None:
        self.jobs += 1
        job = f"job{self.jobs}"
        place = (owner, route, key)
        held = self.known.setdefault(place, (asked, job, self.now))
        with self.engine.begin() as connection:
            try:
                told = idempotency.claim(connection, owner, key, route, asked, job, self.now)
            except KeyReused:
                assert held[0] != asked
            else:
                assert held[0] == asked
                assert told == (Claimed() if held[1] == job else Replay(held[1]))

    @rule(hours=st.sampled_from([1, 23, 48]))
    def wait(self, hours: int) -> None:
        self.now += hours * 3600

    @rule()
    def prune(self) -> None:
        kept = {place: held for place, held in self.known.items() if held[2] >= self.now - KEEP_SECONDS}
        with self.engine.begin() as connection:
            assert idempotency.prune(connection, self.now) == len(self.known) - len(kept)
        self.known = kept

    @invariant()
    def same(self) -> None:
        with self.engine.begin() as connection:
            rows = {tuple(row[:3]): tuple(row[3:]) for row in connection.execute(sa.select(CLAIMS))}
        assert rows == self.known

    def teardown(self) -> None:
        self.engine.dispose()


TestTable = Table.TestCase
TestTable.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
