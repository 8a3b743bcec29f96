"""One attempt to deliver a webhook, the pauses between attempts, and the record of them.

At least once: when an answer is lost the same message is sent again under the same ``webhook-id``.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Literal, Protocol

import httpx2
import sqlalchemy as sa
from pydantic import SecretStr

from api.storage.database import METADATA, insert_new
from api.webhooks.events import Event, encoded
from api.webhooks.standard import sign
from bridge.errors import NotFound, UrlRefused

SECONDS = 20.0
"""The longest wait for a receiver (the specification asks for 15 to 30) [s]."""
MOST_BYTES = 20_000
"""The largest body that is sent (specification, "Payload size")."""
SCHEDULE = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""The pauses after the first nine attempts [s], three days and a bit in all: the specification's own table."""
JITTER = 0.2
"""A pause grows by up to this share, so that what failed together does not come back together."""
LONGEST = 86_400.0
"""The most that a receiver's ``Retry-After`` can put an attempt off [s]."""

_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)

State = Literal["pending", "delivered", "disabled", "refused", "given_up"]
"""``disabled``: the receiver wants no more (410); ``given_up``: the last attempt failed too."""
_NOT_ARRIVED = ("pending", "disabled", "refused", "given_up")

DELIVERIES = sa.Table(
    "deliveries",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),  # the webhook-id
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("job", sa.String, nullable=False, index=True),
    sa.Column("endpoint", sa.String, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("status", sa.Integer),  # of the last answer; null: there was none
    sa.Column("why", sa.String, nullable=False),  # the last attempt failed; empty: it did not
    sa.Column("next", sa.Float),  # the next attempt; null: there is none
    sa.Column("changed", sa.Float, nullable=False),
    sa.Index("deliveries_by_endpoint", "tenant", "endpoint", "state"),
    sa.Index("deliveries_by_state", "state"),
)
"""One row per message and endpoint. Times are Unix seconds."""


class Post(Protocol):
    """Sends a body and returns the answer's status and headers; follows no redirect."""

    def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str], seconds: float, /
    ) -> Awaitable[tuple[int, Mapping[str, str]]]:
        """Raise UrlRefused, OSError or httpx2.HTTPError when there is no answer within ``seconds``."""
        ...


@dataclass(frozen=True)
class Endpoint:
    """Where a tenant hears of its jobs."""

    url: str = field(repr=False)  # may hold a token
    secrets: tuple[SecretStr, ...]  # two while one replaces the other


@dataclass(frozen=True)
class Message:
    """What is sent, the same in every attempt."""

    id: str
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt."""

    kind: Literal["delivered", "retry", "disabled", "refused"]
    status: int | None = None  # of the answer; None: there was none
    after: float = 0.0  # how long the receiver asked us to wait [s]
    why: str = ""  # for people, when it was not delivered


async def attempt(post: Post, endpoint: Endpoint, message: Message, now: float) -> Outcome:
    """Send a message once.

    Only a status of 2xx means that it arrived; a redirect is a failure (specification, "Delivery").

    Args:
        post: the guarded client; its own limit of time is not relied on.
        endpoint: the receiver.
        message: what to send.
        now: Unix time [s], which is signed.

    Raises:
        ConfigError: a secret of the endpoint can't be used.
    """
    if len(message.body) > MOST_BYTES:
        return Outcome("refused", why=f"The message has more than {MOST_BYTES} bytes.")
    headers = sign(endpoint.secrets, message.id, now, message.body)
    try:
        async with asyncio.timeout(SECONDS):
            status, answered = await post(endpoint.url, message.body, headers, SECONDS)
    except TimeoutError:
        return Outcome("retry", why=f"There was no answer within {SECONDS:.0f} seconds.")
    except UrlRefused as error:  # also a name that can't be resolved right now, which may pass
        return Outcome("retry", why=str(error))
    except (OSError, httpx2.HTTPError) as error:
        return Outcome("retry", why=f"The connection failed ({type(error).__name__}).")
    return _judged(status, answered, now)


def _judged(status: int, headers: Mapping[str, str], now: float) -> Outcome:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome("delivered", status)
    if status == HTTPStatus.GONE:
        return Outcome("disabled", status, why="The receiver answered 410: it wants no more webhooks.")
    after = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return Outcome("retry", status, _seconds(after, now), f"The receiver answered {status}.")


def _seconds(after: str, now: float) -> float:
    """Read ``Retry-After``: seconds or a date (RFC 9110, section 10.2.3); 0 when it is neither."""
    if _DIGITS.fullmatch(after):
        return min(float(after), LONGEST)
    try:
        date = parsedate_to_datetime(after)
        moment = (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0
    return min(max(moment - now, 0.0), LONGEST)


def pause_after(number: int, outcome: Outcome, chance: float) -> float | None:
    """Return how long to wait before the next attempt [s], or None when there is none.

    Args:
        number: of the attempt that was made, from 1.
        outcome: of that attempt.
        chance: random, in [0, 1): where in the jitter the pause lies.
    """
    if outcome.kind != "retry" or number > len(SCHEDULE):
        return None
    return max(SCHEDULE[number - 1] * (1 + JITTER * chance), outcome.after)


def enqueue(
    connection: sa.Connection, tenant: str, job: str, endpoint: str, event: Event, now: float
) -> Message | None:
    """Note a message that is to be delivered; the same event for the same endpoint is one message for ever.

    Args:
        connection: best that of the transaction in which the job ends, so that neither is without the other.
        tenant: whose job it is.
        job: its id.
        endpoint: the receiver's address.
        event: what happened.
        now: Unix time [s].

    Returns:
        The message; None when the endpoint answered 410 before: it gets nothing until :func:`enable`.
    """
    if is_disabled(connection, tenant, endpoint):
        return None
    named = "\n".join((tenant, job, event.type, endpoint))
    message_id = "msg_" + hashlib.sha256(named.encode()).hexdigest()[:32]
    row = {"id": message_id, "tenant": tenant, "job": job, "endpoint": endpoint, "state": "pending"}
    body = encoded(event)
    new = insert_new(
        connection, DELIVERIES, **row, body=body.decode(), attempts=0, why="", next=now, changed=now
    )
    if not new:
        known = sa.select(DELIVERIES.c.body).where(DELIVERIES.c.id == message_id)
        body = str(connection.execute(known).scalar_one()).encode()
    return Message(message_id, body)


def record(
    connection: sa.Connection,
    message_id: str,
    number: int,
    outcome: Outcome,
    pause: float | None,
    now: float,
) -> None:
    """Note what came of an attempt; noting it twice counts once. A 410 ends all that the endpoint waits for.

    Args:
        connection: the transaction.
        message_id: the webhook-id.
        number: of the attempt, from 1.
        outcome: of that attempt.
        pause: until the next one [s]; None: there is none.
        now: Unix time [s].
    """
    state = outcome.kind if outcome.kind != "retry" else "given_up" if pause is None else "pending"
    this = DELIVERIES.c.id == message_id
    connection.execute(
        sa.update(DELIVERIES)
        .where(this, DELIVERIES.c.attempts <= number)
        .values(
            state=state,
            attempts=number,
            status=outcome.status,
            why=outcome.why,
            next=None if pause is None else now + pause,
            changed=now,
        )
    )
    if state == "disabled":
        row = connection.execute(sa.select(DELIVERIES.c.tenant, DELIVERIES.c.endpoint).where(this)).first()
        waiting = (*_to(*row), DELIVERIES.c.state == "pending") if row else (sa.false(),)
        ended = {"state": state, "why": outcome.why, "next": None, "changed": now}
        connection.execute(sa.update(DELIVERIES).where(*waiting).values(**ended))


def is_due(connection: sa.Connection, message_id: str) -> bool:
    """Return whether a message still has to be delivered: not when it arrived, or nobody wants it any more."""
    state = connection.execute(sa.select(DELIVERIES.c.state).where(DELIVERIES.c.id == message_id)).scalar()
    return state == "pending"


@dataclass(frozen=True)
class Delivery:
    """A row of ``deliveries``, for the tenant to see."""

    id: str
    endpoint: str
    state: State
    attempts: int
    status: int | None
    why: str
    next: float | None
    changed: float


_SHOWN = [DELIVERIES.c[name] for name in Delivery.__dataclass_fields__]


def deliveries_of(connection: sa.Connection, tenant: str, job: str) -> list[Delivery]:
    """Return what became of the webhooks of a tenant's job."""
    mine = sa.and_(DELIVERIES.c.tenant == tenant, DELIVERIES.c.job == job)
    rows = connection.execute(sa.select(*_SHOWN).where(mine).order_by(DELIVERIES.c.id))
    return [Delivery(**row) for row in rows.mappings()]


def undelivered(connection: sa.Connection) -> dict[str, int]:
    """Return how many messages did not arrive, by state: ``pending`` ones still may."""
    query = sa.select(DELIVERIES.c.state, sa.func.count()).where(DELIVERIES.c.state.in_(_NOT_ARRIVED))
    rows = connection.execute(query.group_by(DELIVERIES.c.state))
    return dict.fromkeys(_NOT_ARRIVED, 0) | {state: count for state, count in rows}  # noqa: C416 - rows are no pairs


def unheard(connection: sa.Connection) -> list[tuple[str, str, State, int]]:
    """Return how many messages did not arrive, with their tenant, endpoint and state before it."""
    place = (DELIVERIES.c.tenant, DELIVERIES.c.endpoint, DELIVERIES.c.state)
    query = sa.select(*place, sa.func.count()).where(DELIVERIES.c.state.in_(_NOT_ARRIVED))
    return [tuple(row) for row in connection.execute(query.group_by(*place).order_by(*place))]


def is_disabled(connection: sa.Connection, tenant: str, endpoint: str) -> bool:
    """Return whether a tenant's endpoint answered 410 since it was last enabled."""
    gone = (*_to(tenant, endpoint), DELIVERIES.c.state == "disabled")
    return connection.execute(sa.select(DELIVERIES.c.id).where(*gone).limit(1)).first() is not None


def enable(connection: sa.Connection, tenant: str, endpoint: str) -> None:
    """Send to an endpoint again that had answered 410; what it missed is not repeated.

    Raises:
        NotFound: it had not.
    """
    gone = (*_to(tenant, endpoint), DELIVERIES.c.state == "disabled")
    if not connection.execute(sa.update(DELIVERIES).where(*gone).values(state="given_up")).rowcount:
        raise NotFound(f"No endpoint {endpoint} of {tenant} is disabled; `vfr webhooks list` names them.")


def _to(tenant: str, endpoint: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return DELIVERIES.c.tenant == tenant, DELIVERIES.c.endpoint == endpoint


def forget(connection: sa.Connection, job: str) -> None:
    """Delete what is known of a job's webhooks: their bodies hold links."""
    connection.execute(sa.delete(DELIVERIES).where(DELIVERIES.c.job == job))
