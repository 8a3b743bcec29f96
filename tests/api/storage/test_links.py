"""Links: who can read them, who can't, and how the picture behind one is served."""

import asyncio
import base64
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api import problems
from api.middleware import Observed
from api.routes import results
from api.security.reads import Reads
from api.storage.blobs import Blobs
from api.storage.links import PATH, Links
from api.telemetry.metrics import Metrics
from bridge.errors import LinkExpired, NotFound
from tests.api.security.gate import TENANTS

LINKS = Links(b"k" * 32, "https://fit.example.com/")
KEY = "tenants/shop/users/-/jobs/0123/result.png"


def token(key: str = KEY, expires: float = 1000.5) -> str:
    """Sign a key; return the link's last part."""
    return LINKS.sign(key, expires).rpartition("/")[2]


def test_a_link_leads_back_to_its_blob() -> None:
    """Until it expires, and from the public address."""
    link = LINKS.sign(KEY, 1000.5)
    assert link.startswith(f"https://fit.example.com{PATH}")
    assert LINKS.read(link.rpartition("/")[2], 1000.4) == KEY
    assert Links(b"k" * 32, "").sign(KEY, 1000.5) == link.removeprefix("https://fit.example.com")


def test_an_expired_link_says_so() -> None:
    """From its last moment on."""
    with pytest.raises(LinkExpired):
        LINKS.read(token(), 1000.5)


def test_no_changed_token_is_read() -> None:
    """Every bit counts, whichever part of the token it is in, and nothing can be put before or behind."""
    raw = base64.urlsafe_b64decode(token() + "==")
    forged = [raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1 :] for i in range(len(raw))]
    forged += [raw + b"x", b"x" + raw, raw[:-1], raw[:32], b"", raw[:20]]
    for attempt in forged:
        with pytest.raises(NotFound):
            LINKS.read(base64.urlsafe_b64encode(attempt).rstrip(b"=").decode(), 0.0)


@pytest.mark.parametrize("odd", ["", "a", "ä", "!!!!", "a b", "../../etc/passwd", "=" * 9, "x" * 5000])
def test_rubbish_is_no_link(odd: str) -> None:
    """What is no token at all is answered as a forged one."""
    with pytest.raises(NotFound):
        LINKS.read(odd, 0.0)


def test_another_secret_opens_nothing() -> None:
    """Neither the links of another service nor those that use the raw secret."""
    with pytest.raises(NotFound):
        Links(b"j" * 32, "").read(token(), 0.0)


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[tuple[TestClient, Blobs]]:
    """The route alone on a folder."""
    app = FastAPI()
    app.add_middleware(Observed, metrics=Metrics())
    problems.install(app)
    app.include_router(results.router)
    blobs = Blobs(tmp_path.as_uri())
    app.state.service = SimpleNamespace(blobs=blobs, links=LINKS, reads=Reads(TENANTS))
    with TestClient(app, base_url="http://test") as caller:
        yield caller, blobs


def test_the_picture_is_served_as_what_its_name_says(shown: tuple[TestClient, Blobs]) -> None:
    """With a fixed type, whatever its bytes look like, kept by no shared cache."""
    caller, blobs = shown
    asyncio.run(blobs.put(KEY, b"<script>alert(1)</script>"))
    reply = caller.get(PATH + token(expires=time.time() + 60))
    assert (reply.status_code, reply.content) == (200, b"<script>alert(1)</script>")
    assert reply.headers["content-type"] == "image/png"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-disposition"] == "inline"
    assert reply.headers["cache-control"].startswith("private")


def test_a_known_picture_is_not_sent_again(shown: tuple[TestClient, Blobs]) -> None:
    """The tag stays while the picture does."""
    caller, blobs = shown
    asyncio.run(blobs.put(KEY, b"one"))
    path = PATH + token(expires=time.time() + 60)
    tag = caller.get(path).headers["etag"]
    for known in (tag, f'"x", W/{tag}', "*"):
        again = caller.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    asyncio.run(blobs.put(KEY, b"two"))
    assert caller.get(path, headers={"If-None-Match": tag}).content == b"two"


@pytest.mark.parametrize(
    ("key", "seconds", "status", "code"),
    [
        (KEY, 60, 404, "not_found"),
        (KEY, -1, 410, "link_expired"),
        ("tenants/shop/page.html", 60, 404, "not_found"),
        ("tenants/shop/picture.svg", 60, 404, "not_found"),
        ("../etc/picture.png", 60, 404, "not_found"),
    ],
)
def test_what_is_not_served(
    shown: tuple[TestClient, Blobs], key: str, seconds: float, status: int, code: str
) -> None:
    """Deleted and expired pictures, and what is no picture, even with a good signature."""
    caller, blobs = shown
    asyncio.run(blobs.put("tenants/shop/page.html", b"<html>"))
    asyncio.run(blobs.put("tenants/shop/picture.svg", b"<svg>"))
    reply = caller.get(PATH + token(key, time.time() + seconds))
    assert (reply.status_code, reply.json()["code"]) == (status, code)


def test_a_forged_link_is_not_found(shown: tuple[TestClient, Blobs]) -> None:
    """And the answer is a problem like any other."""
    reply = shown[0].get(PATH + token()[:-2] + "AA")
    assert (reply.status_code, reply.json()["code"]) == (404, "not_found")
