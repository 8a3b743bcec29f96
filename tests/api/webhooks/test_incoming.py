"""Webhooks that come in: signed by a partner, forged, late, repeated, malformed."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.datastructures import Headers

from api.storage.database import Database
from api.webhooks.incoming import SEEN, SIGNATURE, TIMESTAMP, WINDOW, accept, sign, verify
from bridge.errors import WebhookRefused

SECRET, NEXT = SecretStr("partner's secret"), SecretStr("partner's next secret")
BODY = b'{"task": "\xff\x00"}'  # no text at all: the bytes count
NOW = 1_800_000_000.0


def made(**changed: str) -> dict[str, str]:
    """Return the headers of a good webhook, with changes."""
    return sign(SECRET, BODY, NOW) | changed


def test_the_signature_is_what_a_partner_can_compute() -> None:
    """HMAC-SHA256 in hex over the timestamp, a dot and the body."""
    expected = hmac.new(b"partner's secret", b"1800000000." + BODY, hashlib.sha256).hexdigest()
    assert made() == {"x-timestamp": "1800000000", "x-signature": expected}


GOOD = {
    "as it is": made(),
    "with a prefix": made(**{SIGNATURE: "sha256=" + made()[SIGNATURE]}),
    "in capitals": {name.upper(): value.upper() for name, value in made().items()},
    "by the next secret": sign(NEXT, BODY, NOW),
    "a little early": sign(SECRET, BODY, NOW + WINDOW),
    "a little late": sign(SECRET, BODY, NOW - WINDOW),
    "of Starlette": Headers(made()),
    "as pairs": list(made().items()),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_partners_webhook_is_accepted(case: str) -> None:
    """By either secret, within the window, in any case of letters."""
    assert len(verify([SECRET, NEXT], GOOD[case], BODY, NOW)) == 64


BAD = {
    "nothing": {},
    "no signature": {TIMESTAMP: made()[TIMESTAMP]},
    "no timestamp": {SIGNATURE: made()[SIGNATURE]},
    "empty signature": made(**{SIGNATURE: ""}),
    "other algorithm": made(**{SIGNATURE: "sha1=" + made()[SIGNATURE]}),
    "cut": made(**{SIGNATURE: made()[SIGNATURE][:-1]}),
    "longer": made(**{SIGNATURE: made()[SIGNATURE] + "00"}),
    "no hex": made(**{SIGNATURE: "g" * 64}),
    "two values": made(**{SIGNATURE: f"{made()[SIGNATURE]},{made()[SIGNATURE]}"}),
    "beyond ASCII": made(**{SIGNATURE: "é" * 64}),
    "digits of other scripts": made(**{TIMESTAMP: "１８００００００００"}),
    "timestamp is no number": made(**{TIMESTAMP: "now"}),
    "negative": made(**{TIMESTAMP: "-1"}),
    "fraction": made(**{TIMESTAMP: "1800000000.0"}),
    "infinite": made(**{TIMESTAMP: "inf"}),
    "huge": made(**{TIMESTAMP: "9" * 5000}),
    "another time": made(**{TIMESTAMP: "1800000001"}),
    "other secret": sign(SecretStr("guess"), BODY, NOW),
    "empty secret": sign(SecretStr(""), BODY, NOW),
    "other body": sign(SECRET, BODY + b" ", NOW),
    "too old": sign(SECRET, BODY, NOW - WINDOW - 1),
    "too new": sign(SECRET, BODY, NOW + WINDOW + 1),
    "twice": [*made().items(), (SIGNATURE.upper(), made()[SIGNATURE])],
    "one good, one bad": [(TIMESTAMP, "0"), *made().items()],
}


@pytest.mark.parametrize("case", BAD)
def test_everything_else_is_refused(case: str) -> None:
    """Missing, malformed, forged, late: one kind of error, in words."""
    with pytest.raises(WebhookRefused) as caught:
        verify([SECRET, NEXT, SecretStr("")], BAD[case], BODY, NOW)
    assert caught.value.http_status == 400
    with pytest.raises(WebhookRefused):
        verify([], made(), BODY, NOW)


@given(st.text(max_size=80), st.text(max_size=80), st.binary(max_size=80))
def test_nothing_but_a_refusal_is_ever_raised(timestamp: str, signature: str, body: bytes) -> None:
    """Whatever strangers send."""
    with pytest.raises(WebhookRefused):
        verify([SECRET], {TIMESTAMP: timestamp, SIGNATURE: signature}, body, NOW)


def test_the_same_webhook_is_accepted_once(database: Database) -> None:
    """Also in other letters; another one is accepted, and so is one whose handling failed."""

    def take(headers: dict[str, str], now: float = NOW) -> None:
        database.run_here(lambda c: accept(c, [SECRET], headers, BODY, now))

    def fail() -> None:
        def handle(c: object) -> None:
            accept(c, [SECRET], made(), BODY, NOW)
            raise RuntimeError("the handling failed")

        database.run_here(handle)

    with pytest.raises(RuntimeError):
        fail()
    take(made())
    for again in (made(), made(**{SIGNATURE: "sha256=" + made()[SIGNATURE].upper()})):
        with pytest.raises(WebhookRefused, match="accepted before"):
            take(again)
    take(sign(SECRET, BODY, NOW + 1))
    with pytest.raises(WebhookRefused, match="seconds off"):
        take(made(), NOW + WINDOW + 1)


def test_the_memory_of_what_was_seen_does_not_grow(database: Database) -> None:
    """What is too old to be accepted is forgotten, and not before."""
    early = sign(SECRET, BODY, NOW + WINDOW)
    database.run_here(lambda c: accept(c, [SECRET], early, BODY, NOW))
    with pytest.raises(WebhookRefused, match="accepted before"):
        database.run_here(lambda c: accept(c, [SECRET], early, BODY, NOW + 2 * WINDOW))
    late = NOW + 3 * WINDOW
    database.run_here(lambda c: accept(c, [SECRET], sign(SECRET, BODY, late), BODY, late))
    assert len(database.run_here(lambda c: c.execute(SEEN.select()).all())) == 1
