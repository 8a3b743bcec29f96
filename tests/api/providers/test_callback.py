"""Who may call back: the owner of the address, or of the relay's secret, and nobody else."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from api.providers.callback import callback_url, check_token, relay_secret, signature, signed_job, token
from bridge.errors import WebhookRefused

KEY = b"k" * 32
JOB = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
NOW = 1_795_262_400
BODY = json.dumps({"task_id": "7", "task_status": "succeed", "task_info": {"external_task_id": JOB}}).encode()


def test_the_address() -> None:
    """The address holds the job and its token, which opens it."""
    url = callback_url("https://fit.example.com/", KEY, JOB)
    assert url == f"https://fit.example.com/webhooks/kling/{JOB}/{token(KEY, JOB)}"
    check_token(KEY, *url.rsplit("/", 2)[1:])


@pytest.mark.parametrize(
    ("job", "given"),
    [
        (JOB, ""),
        (JOB, token(KEY, JOB)[:-1]),
        (JOB, token(KEY, JOB).upper()),
        (JOB, token(KEY, "another job")),
        (JOB, token(b"another key", JOB)),
        (JOB, "é\udcff"),
        ("another", token(KEY, JOB)),
        ("../" + JOB, token(KEY, "../" + JOB)),
        (JOB + "\n", token(KEY, JOB + "\n")),
    ],
)
def test_forged_tokens(job: str, given: str) -> None:
    """Only the job's own token opens, and only names that can be a job's."""
    with pytest.raises(WebhookRefused):
        check_token(KEY, job, given)


@pytest.mark.parametrize("late", [-300, 0, 300])
def test_a_signature(late: int) -> None:
    """A relay signs as everybody does: HMAC-SHA256 of the time, a dot and the body; five minutes are allowed."""
    digest = hmac.new(relay_secret(KEY), f"{NOW}.".encode() + BODY, hashlib.sha256).hexdigest()
    assert signed_job(KEY, f"sha256={digest}", str(NOW), BODY, NOW + late) == JOB


def signed(body: bytes, time: str = str(NOW), secret: bytes = b"") -> tuple[str, str, bytes]:
    """Return a callback with its headers."""
    return signature(secret or relay_secret(KEY), time, body), time, body


GOOD = signed(BODY)


@pytest.mark.parametrize(
    "callback",
    [
        ("", GOOD[1], BODY),
        (GOOD[0].removeprefix("sha256="), GOOD[1], BODY),
        (GOOD[0], str(NOW + 1), BODY),
        (GOOD[0], "", BODY),
        (GOOD[0], GOOD[1], BODY + b" "),
        signed(BODY, secret=KEY),
        signed(BODY, secret=b"another"),
        signed(BODY, str(NOW - 301)),
        signed(BODY, str(NOW + 301)),
        signed(BODY, f"+{NOW}"),
        signed(BODY, f"{NOW}.0"),
        signed(b"{"),
        signed(b'{"task_id": "7"}'),
        signed(b'{"task_id": "7", "task_info": {"external_task_id": "../x"}}'),
        signed(b"[" * 5000),
    ],
)
def test_forged_late_and_broken_callbacks(callback: tuple[str, str, bytes]) -> None:
    """Whatever is not signed, not now, or not about a job is refused in the same way."""
    with pytest.raises(WebhookRefused):
        signed_job(KEY, *callback, NOW)
