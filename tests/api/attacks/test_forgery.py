"""What is signed: callbacks and links. A byte, a minute, another's name, and it is worth nothing."""

from __future__ import annotations

import base64
import json
import struct
import time

import pytest

from api.providers.callback import relay_secret, signature, token
from api.storage.links import Links
from tests.api.attacks.conftest import House
from tests.api.attacks.house import SECRET

KEY = SECRET.encode()
LINKS = Links(KEY, "")


@pytest.fixture(scope="module")
def job(house: House) -> dict[str, object]:
    """A job of acme's that is done."""
    return house.finished("acme", house.hand_in("acme")["id"])


def body_of(job: object) -> bytes:
    """Return a callback as Kling sends it."""
    return json.dumps(
        {"task_id": "t1", "task_status": "succeed", "task_info": {"external_task_id": job}}
    ).encode()


def signed(body: bytes, at: float, secret: bytes | None = None) -> dict[str, str]:
    """Return the headers of a relay."""
    stamp = str(int(at))
    return {"X-Timestamp": stamp, "X-Signature": signature(secret or relay_secret(KEY), stamp, body)}


def test_a_true_callback_changes_nothing_by_itself(house: House, job: dict[str, object]) -> None:
    """It is a hint to look: true, repeated ten times or about nobody, the job stays as it is."""
    body = body_of(job["id"])
    with house.caller(None) as kling, house.caller("acme") as acme:
        for _ in range(10):
            path = f"/webhooks/kling/{job['id']}/{token(KEY, str(job['id']))}"
            assert kling.post(path, content=body).status_code == 204
            assert kling.post("/webhooks/kling", content=body, headers=signed(body, time.time())).is_success
        assert kling.post(f"/webhooks/kling/{'0' * 32}/{token(KEY, '0' * 32)}").status_code == 204
        now = acme.get(f"/v1/jobs/{job['id']}").json()
    assert {**now, "image": None} == {**job, "image": None}


def forgeries(job: str) -> dict[str, tuple[str, bytes, dict[str, str]]]:
    """Return callbacks that are not Kling's: path, body, headers."""
    now, body, hooks = time.time(), body_of(job), "/webhooks/kling"
    good = signed(body, now)
    return {
        "no token": (f"{hooks}/{job}/{'0' * 64}", body, {}),
        "another's token": (f"{hooks}/{job}/{token(KEY, 'f' * 32)}", body, {}),
        "another secret's": (f"{hooks}/{job}/{token(b'other', job)}", body, {}),
        "in capitals": (f"{hooks}/{job}/{token(KEY, job).upper()}", body, {}),
        "cut": (f"{hooks}/{job}/{token(KEY, job)[:-1]}", body, {}),
        "not of ASCII": (f"{hooks}/{job}/%c3%a9%ff", body, {}),
        "nothing within": (f"{hooks}/{job}%00/{token(KEY, job)}", body, {}),
        "a signature as token": (f"{hooks}/{job}/{good['X-Signature']}", body, {}),
        "unsigned": (hooks, body, {}),
        "late": (hooks, body, signed(body, now - 301)),
        "early": (hooks, body, signed(body, now + 302)),
        "another time": (hooks, body, good | {"X-Timestamp": str(int(now) + 1)}),
        "another body": (hooks, body_of("f" * 32), good),
        "a byte more": (hooks, body + b" ", good),
        "another key's": (hooks, body, signed(body, now, b"other")),
        "the service's own key": (hooks, body, signed(body, now, KEY)),
        "an empty key's": (hooks, body, signed(body, now, b"\x00")),
        "no prefix": (hooks, body, good | {"X-Signature": good["X-Signature"].removeprefix("sha256=")}),
        "no number": (hooks, body, good | {"X-Timestamp": "now"}),
        "a number of another script": (hooks, body, good | {"X-Timestamp": "1e9"}),
        "about nothing": (hooks, b"{}", signed(b"{}", now)),
        "no JSON": (hooks, b"\xff", signed(b"\xff", now)),
        "deep": (hooks, b"[" * 60_000, signed(b"[" * 60_000, now)),
        "long": (hooks, b"1" * 200_000, signed(b"1" * 200_000, now)),
    }


@pytest.mark.parametrize("name", forgeries("0" * 32))
def test_callbacks_that_are_not_klings(house: House, job: dict[str, object], name: str) -> None:
    """Refused, and without a word on what was wrong with it that would help."""
    path, body, headers = forgeries(str(job["id"]))[name]
    with house.caller(None) as stranger:
        answer = stranger.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "webhook_refused")
    assert token(KEY, str(job["id"])) not in answer.text


def token_of(content: bytes, key: bytes = KEY, until: float | None = None) -> str:
    """Return the token of a link that somebody with this key made."""
    return Links(key, "").sign(content.decode(), until or time.time() + 60).rpartition("/")[2]


def changed(link: str, place: int) -> str:
    """Return a token with one bit of it turned."""
    raw = bytearray(base64.urlsafe_b64decode(link + "=" * (-len(link) % 4)))
    raw[place] ^= 1
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def extended(link: str) -> str:
    """Return a token whose time was set to the end of the world."""
    raw = base64.urlsafe_b64decode(link + "=" * (-len(link) % 4))
    return base64.urlsafe_b64encode(raw[:32] + struct.pack(">d", 1e12) + raw[40:]).rstrip(b"=").decode()


def test_links_that_were_changed(house: House, job: dict[str, object]) -> None:
    """The link works as it is, and not with a bit changed, nor extended, nor cut, nor signed by another."""
    link = str(job["image"])
    mine = link.rpartition("/")[2]
    raw = len(base64.urlsafe_b64decode(mine + "=" * (-len(mine) % 4)))
    wrong = [changed(mine, place) for place in range(0, raw, 5)]
    wrong += [extended(mine), mine[:-8], mine[8:], mine + "AAAA", "", "a" * 5000, "%00", "...", mine[:43]]
    wrong += [token_of(b"tenants/acme/users/-/jobs/x/result.png", b"another secret")]
    with house.caller(None) as stranger:
        good = stranger.get(link)
        assert (good.status_code, good.headers["content-type"]) == (200, "image/png")
        assert good.headers["content-security-policy"] == "default-src 'none'; sandbox"
        for one in wrong:
            assert stranger.get(f"/v1/results/{one}").status_code == 404, one
        expired = stranger.get(f"/v1/results/{token_of(b'a/result.png', until=time.time() - 1)}")
        assert (expired.status_code, expired.json()["code"]) == (410, "link_expired")


@pytest.mark.parametrize(
    "blob",
    [
        "../../secret",
        "../../secret.png",
        "/etc/passwd",
        "secret",
        "tenants",
        "tenants/acme",
        "a/../../b.png",
        ".png",
    ],
)
def test_links_that_we_signed_ourselves_lead_to_pictures_alone(house: House, blob: str) -> None:
    """Even with our key no link leads out of the store or to anything but a picture."""
    with house.caller(None) as insider:
        assert insider.get(f"/v1/results/{token_of(blob.encode())}").status_code == 404


def test_links_of_photos_are_never_given(house: House, job: dict[str, object]) -> None:
    """What an answer links to is the result; the photos that came in have no link."""
    content = base64.urlsafe_b64decode(str(job["image"]).rpartition("/")[2] + "==")
    assert content.endswith(f"/{job['sha256']}.png".encode())


def test_the_log_tells_no_secret(house: House, job: dict[str, object]) -> None:
    """After all of this, in every level: no key, no token, no signature, no link."""
    log = house.log
    told = [word for word in house.secrets if word in log]
    assert not told
    assert token(KEY, str(job["id"])) not in log
    assert str(job["image"]).rpartition("/")[2] not in log
    assert log.count("Traceback") == 0
