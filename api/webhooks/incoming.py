"""Webhooks that come in, signed with a secret that we share: HMAC-SHA256 over the timestamp and the raw bytes.

The headers are ``X-Timestamp`` (Unix seconds) and ``X-Signature`` (hex, perhaps behind ``sha256=``) of
``timestamp.body``. What is malformed, forged, old or a repetition is :class:`~bridge.errors.WebhookRefused`,
whatever the bytes: nothing here raises anything else.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from pydantic import SecretStr

from api.storage.database import METADATA, insert_new
from bridge.errors import WebhookRefused

TIMESTAMP, SIGNATURE = "x-timestamp", "x-signature"
"""The headers' names; any case will do."""
WINDOW = 300.0
"""How old, or how far ahead, a timestamp may be [s]; Standard Webhooks and Stripe use the same."""

_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"(?:sha256=)?([0-9a-fA-F]{64})", re.ASCII)

SEEN = sa.Table(
    "webhooks_seen",
    METADATA,
    sa.Column("digest", sa.String, primary_key=True),
    sa.Column("until", sa.Float, nullable=False, index=True),  # later its timestamp is too old anyway
)
"""The signatures that were accepted within the window. Times are Unix seconds."""


def sign(secret: SecretStr, body: bytes, now: float) -> dict[str, str]:
    """Return the headers of a webhook, as a partner has to make them."""
    timestamp = str(int(now))
    return {TIMESTAMP: timestamp, SIGNATURE: _digest(secret, timestamp, body).hex()}


def verify(
    secrets: Sequence[SecretStr],
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    body: bytes,
    now: float,
) -> str:
    """Check who sent a webhook, and when.

    Args:
        secrets: those that we share with the sender; two while one replaces the other.
        headers: the request's; a name that is there twice is refused.
        body: the request's raw bytes.
        now: Unix time [s].

    Returns:
        What names this very webhook: the digest, in hex.

    Raises:
        WebhookRefused: nobody we know has signed these bytes, or not within the window.
    """
    found = _headers(headers)
    timestamp, signature = found[TIMESTAMP], _SIGNATURE.fullmatch(found[SIGNATURE])
    if not _TIMESTAMP.fullmatch(timestamp) or not signature:
        raise WebhookRefused(
            f"The headers {TIMESTAMP} (Unix seconds) and {SIGNATURE} (HMAC-SHA256, hex) are needed, once each."
        )
    claimed = bytes.fromhex(signature[1])
    # All secrets are tried, whichever fits: the time taken tells nothing.
    known = [
        secret for secret in secrets if secret.get_secret_value()
    ]  # with an empty one anybody could sign
    fitting = [hmac.compare_digest(_digest(secret, timestamp, body), claimed) for secret in known]
    if not any(fitting):
        raise WebhookRefused("The signature fits neither these bytes nor this time. Please check the secret.")
    if abs(now - int(timestamp)) > WINDOW:
        raise WebhookRefused(f"The timestamp is more than {WINDOW:.0f} seconds off. Please sign anew.")
    return claimed.hex()


def accept(
    connection: sa.Connection,
    secrets: Sequence[SecretStr],
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    body: bytes,
    now: float,
) -> None:
    """As :func:`verify`, and once only: the same webhook again is refused.

    Args:
        connection: the transaction in which the webhook is acted upon; when that fails, it may come again.
        secrets: as in :func:`verify`.
        headers: as in :func:`verify`.
        body: as in :func:`verify`.
        now: Unix time [s].

    Raises:
        WebhookRefused: as :func:`verify`, or it was accepted before.
    """
    digest = verify(secrets, headers, body, now)
    connection.execute(sa.delete(SEEN).where(SEEN.c.until < now))
    if not insert_new(connection, SEEN, digest=digest, until=now + 2 * WINDOW):
        raise WebhookRefused("This webhook was accepted before. Please send each one once.")


def _headers(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return our two headers; empty where one is missing or there twice."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    found: dict[str, list[str]] = {TIMESTAMP: [], SIGNATURE: []}
    for name, value in pairs:
        if name.lower() in found:
            found[name.lower()].append(value)
    return {name: values[0].strip() if len(values) == 1 else "" for name, values in found.items()}


def _digest(secret: SecretStr, timestamp: str, body: bytes) -> bytes:
    key = secret.get_secret_value().encode()
    return hmac.digest(key, timestamp.encode() + b"." + body, hashlib.sha256)
