"""Whether every job ended exactly once: from what the database, the customer and Kling know."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

import sqlalchemy as sa

from api.jobs.desk import OVER
from api.jobs.records import EVENTS, JOBS
from api.security.usage import USAGE
from api.webhooks.delivery import DELIVERIES

LATE_SECONDS = 30.0
"""How long after its deadline a job must have ended [s]."""


@dataclass(frozen=True)
class Seen:
    """One job, as everybody saw it."""

    job: str
    tenant: str
    state: str
    code: str
    """Why it failed; empty where it did not."""
    overtime: float
    """How long after its deadline it ended [s]; negative: before."""
    endings: int
    """Last events."""
    messages: frozenset[str]
    """The webhook-ids of its deliveries."""
    delivered: frozenset[str]
    """Those that the service believes to have arrived."""
    received: frozenset[str]
    """The webhook-ids that the customer received about it."""
    uses: int
    """Usage records."""
    has_picture: bool = True

    @property
    def over(self) -> bool:
        """Whether it ended."""
        return self.state in OVER

    def lost(self) -> str:
        """Return what is missing, empty if nothing is."""
        missing = {
            "no reason": self.state == "failed" and not self.code,
            "no last event": self.over and self.endings < 1,
            "no message": self.over and not self.messages,
            "a message that never arrived": not self.delivered <= self.received,
            "no picture": self.state == "done" and not self.has_picture,
            "no usage": self.state == "done" and self.uses < 1,
        }
        return ", ".join(what for what, is_missing in missing.items() if is_missing)

    def duplicated(self) -> str:
        """Return what there is too much of, empty if nothing is."""
        much = {
            "last events": self.endings > 1,
            "messages": len(self.messages) > 1 or len(self.received) > 1,
            "usage": self.uses > (self.state == "done"),
        }
        return ", ".join(what for what, is_much in much.items() if is_much)

    def stuck(self) -> bool:
        """Return whether it did not end in time."""
        return not self.over or self.overtime > LATE_SECONDS


@dataclass
class Counts:
    """The last line that is printed."""

    jobs: int
    done: int
    failed: int
    lost: int
    duplicated: int
    stuck: int
    paid_twice: int
    kills: int

    @property
    def right(self) -> bool:
        """Whether nothing was lost, doubled or late."""
        return not (self.lost or self.duplicated or self.stuck or self.paid_twice)

    def __str__(self) -> str:
        return json.dumps(asdict(self))


@dataclass
class Verdict:
    """The counts, and a sentence for everything that is wrong."""

    counts: Counts
    faults: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    """Why jobs failed, and how many."""


def judge(
    seen: Iterable[Seen],
    told: Mapping[str, set[str]],
    answered: int,
    orders: int,
    paid_twice: int,
    kills: int,
) -> Verdict:
    """Count.

    Args:
        seen: every job of the database.
        told: the ids that the customer was told, by its keys.
        answered: orders that were answered for good without an id.
        orders: how many were sent.
        paid_twice: Kling's tasks that were one too many.
        kills: how many processes were killed.
    """
    rows = list(seen)
    known = {row.job for row in rows}
    unknown = {job for jobs in told.values() for job in jobs} - known
    doubled = [key for key, jobs in told.items() if len(jobs) > 1]
    never = max(0, orders - len(told) - answered)
    states = Counter(row.state for row in rows)
    surplus = max(0, len(rows) - orders)
    counts = Counts(
        jobs=len(rows),
        done=states["done"],
        failed=states["failed"],
        lost=sum(bool(row.lost()) for row in rows) + len(unknown) + never,
        duplicated=sum(bool(row.duplicated()) for row in rows) + len(doubled) + surplus,
        stuck=sum(row.stuck() for row in rows),
        paid_twice=paid_twice,
        kills=kills,
    )
    faults = [f"{row.job}: lost: {what}" for row in rows if (what := row.lost())]
    faults += [f"{row.job}: doubled: {what}" for row in rows if (what := row.duplicated())]
    faults += [f"{row.job}: stuck: {row.state}, {row.overtime:.0f} s" for row in rows if row.stuck()]
    faults += [f"{job}: it was taken, and is not known any more" for job in unknown]
    faults += [f"{key}: two jobs were made of it" for key in doubled]
    faults += [f"{never} orders were never taken"] * bool(never)
    faults += [f"{surplus} jobs are of no order"] * bool(surplus)
    return Verdict(counts, faults, Counter(row.code for row in rows if row.state == "failed"))


def look(connection: sa.Connection, received: Mapping[str, object], now: float) -> list[Seen]:
    """Return every job of the database.

    Args:
        connection: within a transaction.
        received: the bodies that the customer received, by their webhook-ids.
        now: what jobs that are not over are held against [seconds since 1970].
    """
    ends = sa.select(EVENTS.c.job, sa.func.count()).where(EVENTS.c.stage.in_(OVER)).group_by(EVENTS.c.job)
    endings = {str(job): int(count) for job, count in connection.execute(ends)}
    used = sa.select(USAGE.c.job, sa.func.count()).group_by(USAGE.c.job)
    uses = {str(job): int(count) for job, count in connection.execute(used)}
    messages: dict[str, set[str]] = defaultdict(set)
    delivered: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(sa.select(DELIVERIES.c.id, DELIVERIES.c.job, DELIVERIES.c.state)):
        messages[row.job].add(row.id)
        if row.state == "delivered":
            delivered[row.job].add(row.id)
    arrived: dict[str, set[str]] = defaultdict(set)
    for name, body in received.items():
        assert isinstance(body, dict)
        arrived[body["data"]["job"]].add(name)
    return [
        Seen(
            job=row.id,
            tenant=row.tenant,
            state=row.state,
            code=(row.problem or {}).get("code", ""),
            overtime=(row.ended or now) - row.deadline,
            endings=endings.get(row.id, 0),
            messages=frozenset(messages[row.id]),
            delivered=frozenset(delivered[row.id]),
            received=frozenset(arrived[row.id]),
            uses=uses.get(row.id, 0),
        )
        for row in connection.execute(sa.select(JOBS))
    ]


def waiting(connection: sa.Connection) -> dict[str, int]:
    """Return how many jobs are in each state."""
    query = sa.select(JOBS.c.state, sa.func.count()).group_by(JOBS.c.state)
    return {str(state): int(count) for state, count in connection.execute(query)}
