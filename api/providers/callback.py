"""Where Kling may call us, and who may: a callback is a hint to look, and nothing in it is believed.

Kling signs nothing (facts 1.6), so the address itself carries a token that only we can make. A relay that
does sign may send to the address without a token, with the secret that ``vfr keys relay`` prints and the headers
``X-Timestamp`` (seconds since 1970) and ``X-Signature`` (:func:`signature`).
"""

from __future__ import annotations

import hashlib
import hmac
import re

from pydantic import ValidationError

from api.providers.kling_wire import Remote
from bridge.errors import WebhookRefused

PATH = "/webhooks/kling"
WINDOW = 300.0
"""How old, or how far ahead of our clock, a signed callback may be [s]."""

_JOB = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_TIME = re.compile(r"[0-9]{1,12}", re.ASCII)
_REFUSED = "This callback is not one that we asked for."


def callback_url(public_url: str, key: bytes, job: str) -> str:
    """Return the address that Kling is told for a job.

    Args:
        public_url: where the service is reached from outside.
        key: the service's secret.
        job: the job's id.
    """
    return f"{public_url.rstrip('/')}{PATH}/{job}/{token(key, job)}"


def token(key: bytes, job: str) -> str:
    """Return the part of the address that nobody else can make: 64 hexadecimal digits."""
    return _hmac(_hmac(key, b"webhooks/kling/token").digest(), job.encode()).hexdigest()


def check_token(key: bytes, job: str, given: str) -> None:
    """Accept a callback by its address.

    Raises:
        WebhookRefused: the token is not the job's.
    """
    if not _JOB.fullmatch(job) or not _same(token(key, job), given):
        raise WebhookRefused(_REFUSED)


def relay_secret(key: bytes) -> bytes:
    """Return the secret that a relay is given: it signs callbacks, and is good for nothing else."""
    return _hmac(key, b"webhooks/kling/relay").hexdigest().encode()


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return the value of ``X-Signature``: HMAC-SHA256 over timestamp, a dot, and the body as it is sent."""
    return "sha256=" + _hmac(secret, timestamp.encode() + b"." + body).hexdigest()


def signed_job(key: bytes, given: str, timestamp: str, body: bytes, now: float) -> str:
    """Accept a callback by its signature and return the job that it is about.

    Args:
        key: the service's secret.
        given: the header ``X-Signature``, empty when there is none.
        timestamp: the header ``X-Timestamp``, seconds since 1970.
        body: as it was received.
        now: seconds since 1970.

    Raises:
        WebhookRefused: signed by nobody we know, not now, or about no job.
    """
    if not _TIME.fullmatch(timestamp) or not _same(signature(relay_secret(key), timestamp, body), given):
        raise WebhookRefused(_REFUSED)
    if abs(now - int(timestamp)) > WINDOW:
        raise WebhookRefused("This callback is too old, or its clock is wrong. Please send it anew.")
    try:
        info = Remote.model_validate_json(body).task_info
    except ValidationError as error:
        raise WebhookRefused("This callback can't be read.") from error
    job = (info.external_task_id if info else None) or ""
    if not _JOB.fullmatch(job):
        raise WebhookRefused("This callback names no job of ours.")
    return job


def _same(ours: str, given: str) -> bool:
    return hmac.compare_digest(ours.encode(), given.encode("utf-8", "surrogateescape"))


def _hmac(key: bytes, message: bytes) -> hmac.HMAC:
    return hmac.new(key, message, hashlib.sha256)
