"""Requests that are too large, too many or malformed: each is refused in words, and the service goes on."""

from __future__ import annotations

import json
import re

import pytest
from fastapi.testclient import TestClient

from tests.api.attacks.conftest import House
from tests.api.scripted import ScriptedTriton, app_on, photo

FORMS = ("/v1/jobs", "/v1/tryon", "/providers/kling/jobs", "/v1/parse")
BOUNDARY = "b"
DEEP = 200_000


def part(disposition: str, content: bytes = b"x", more: str = "") -> bytes:
    """Return one part of a form."""
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n"
    return head.encode("latin-1") + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    """Return the body of a form."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def fine(**names: str) -> list[bytes]:
    """Return the parts of a request that is fine, but for the names of its files."""
    kind = "Content-Type: image/png\r\n"
    return [
        part(f'name="{field}"; filename="{names.get(field, "a.png")}"', photo(), kind)
        for field in ("person", "garment")
    ]


LARGE = {
    "10 MB of a string": b'{"url": "' + b"a" * 10_000_000 + b'"}',
    "10 MB of brackets": b"[" * 10_000_000,
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"url":' * (DEEP // 4) + b"1" + b"}" * (DEEP // 4),
    "a number without end": b'{"url": ' + b"9" * 1_000_000 + b"}",
    "no JSON": b"\x00\xff\xfe",
    "half a character": b'{"url": "\\ud800", "sha256": "", "dest": ""}',
    "NaN": b'{"url": NaN, "sha256": Infinity, "dest": -Infinity}',
    "keys twice": b'{"url": "a", "url": "b"}',
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("path", ["/v1/artifacts/ensure", "/v1/jobs"])
def test_json_that_is_large_or_deep(house: House, path: str, name: str) -> None:
    """Refused, and not by a fault: neither memory nor the stack is spent on it."""
    before = house.process.memory_info().rss
    with house.caller("admin") as admin:
        answer = admin.post(path, content=LARGE[name], headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 413, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 2000
    assert house.process.memory_info().rss - before < 200 * 2**20


@pytest.mark.parametrize("claimed", [True, False])
def test_a_body_without_end(house: House, claimed: bool) -> None:
    """Beyond 16 MiB nothing is read, whether the length was said or not."""
    body = form(part('name="person"; filename="a"', bytes(17 * 2**20)))
    pieces = body if claimed else (body[i : i + 2**20] for i in range(0, len(body), 2**20))
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    with house.caller("acme") as caller:
        answer = caller.post("/v1/jobs", content=pieces, headers=kind)
    assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")


PARTS = {
    "1001 fields": [part(f'name="f{i}"') for i in range(1001)],
    "1001 files": [part(f'name="f{i}"; filename="a"') for i in range(1001)],
    "a field of 2 MiB": [part('name="user"', b"a" * 2 * 2**20)],
    "four garments": [*fine(), *[part('name="garment"; filename="a"', photo())] * 3],
    "the person twice": [*fine(), part('name="person"', b"text")],
    "no name": [part("")],
    "a head without end": [part('name="person"', b"x", f"X-A: {'a' * 100_000}\r\n")],
    "1000 heads": [part('name="person"', b"x", "X-A: a\r\n" * 1000)],
    "nothing": [],
}


@pytest.mark.parametrize("name", PARTS)
def test_forms_that_are_no_forms(house: House, name: str) -> None:
    """Too many parts, parts that are too large, parts that should be others."""
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    with house.caller("acme") as caller:
        answer = caller.post("/v1/jobs", content=form(*PARTS[name]), headers=kind)
    assert answer.status_code in {400, 413, 422}
    assert answer.json()["detail"]


KINDS = [
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=" + "b" * 5000,
    f"multipart/form-data; boundary={BOUNDARY}; charset=undefined",
    f"multipart/form-data; boundary={BOUNDARY}; charset=punycode",
    f"multipart/form-data; boundary={BOUNDARY}; charset=unicode_escape",
    f"multipart/form-data; boundary={BOUNDARY}; charset=zlib",
    f"multipart/mixed; boundary={BOUNDARY}",
    "application/x-www-form-urlencoded",
    "application/json",
    "application/xml",
    "text/plain",
    "image/png",
    "a" * 5000,
    "",
]


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_wrong_content_types(house: House, path: str, kind: str) -> None:
    """A form under another name is no form; words are decoded as nothing but text."""
    body = form(*fine(), part('name="user"', b"\\ud800\xff"), part('name="photo"; filename="a"', b"text"))
    with house.caller("acme") as caller:
        answer = caller.post(path, content=body, headers={"Content-Type": kind})
    assert answer.status_code in {200, 400, 403, 415, 422}  # 200: /v1/tryon has no field user
    assert answer.status_code != 200 or "charset" in kind


NAMES = [
    "../../../../etc/passwd",
    "/etc/passwd",
    "a%0d%0aX-Evil: 1.png",
    "a\\r\\nX-Evil: 1",
    "a\tb",
    "\u00e9\u00ff.png",
    "con.png\\0.html",
    "a" * 3000,
    "",
    ".",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_files_mean_nothing(house: House, name: str) -> None:
    """Whatever a file is called, its picture is taken, its name is not."""
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    with house.caller("acme") as caller:
        answer = caller.post("/v1/jobs", content=form(*fine(person=name)), headers=kind)
    assert answer.status_code == 202
    assert "x-evil" not in answer.headers
    stored = {path.name for path in (house.folder / "data/blobs/tenants").rglob("*") if path.is_file()}
    made = {name for name in stored if re.fullmatch(r"[0-9a-f]{64}\.png", name)}
    assert stored - made <= {"person.png", "garment-0.png", "mask.png"}, stored


USERS = ["../ann", "a/b", "..", ".", "a b", "a\nb", "a\x00b", "%2e%2e", "a" * 129, "-a", "\u00e9", "a;b", "*"]


@pytest.mark.parametrize("user", USERS)
def test_users_that_are_paths(house: House, user: str) -> None:
    """A user's name is part of a folder's, so it holds nothing that leads elsewhere."""
    with house.caller("acme") as caller:
        answer = caller.post("/v1/jobs", files={"person": photo(), "garment": photo()}, data={"user": user})
        assert answer.status_code == 422
        erased = caller.delete("/v1/users/" + "".join(f"%{byte:02x}" for byte in user.encode()))
    assert erased.status_code in {404, 405, 422}


DESTS = [
    "../a.onnx",
    "a/../../b.onnx",
    "/etc/cron.d/a.txt",
    "a//b.onnx",
    "./a.onnx",
    ".hidden.onnx",
    "a/.hidden/b.onnx",
    "a\\..\\b.onnx",
    "a\x00.onnx",
    "a\n.onnx",
    "a.onnx/",
    "a.pkl",
    "a.onnx.sh",
    "CON:a.onnx",
    "~/a.onnx",
    "$HOME/a.onnx",
    "a" * 254 + ".txt",
    "",
]


@pytest.mark.parametrize("dest", DESTS)
def test_artifacts_that_lead_elsewhere(house: House, dest: str) -> None:
    """Nothing is asked for and nothing is written, wherever dest leads."""
    wish = {"url": "https://inside.example/a", "sha256": "0" * 64, "dest": dest}
    before = sorted(house.folder.rglob("artifacts/**/*"))
    with house.caller("admin") as admin:
        answer = admin.post("/v1/artifacts/ensure", json=wish)
    assert answer.status_code == 422
    assert "dest" in answer.json()["detail"]
    assert sorted(house.folder.rglob("artifacts/**/*")) == before


HEADS = {
    "folded": "X-Request-ID: a\r\n X-Evil: 1",
    "bare return": "X-Request-ID: a\rX-Evil: 1",
    "bare feed": "X-Request-ID: a\nX-Evil: 1",
    "nothing": "X-Request-ID: a\x00b",
    "percent": "X-Request-ID: a%0d%0aX-Evil:%201",
    "latin": "X-Request-ID: \xe9\x85\x8a",
    "words": "X-Request-ID: <script>alert(1)</script>",
    "two": "X-Request-ID: a\r\nX-Request-ID: b\r\nEvil line: 1",
    "length twice": "Content-Length: 5\r\nContent-Length: 6",
    "length and chunks": "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "length below zero": "Content-Length: -1",
    "space before the colon": "X-Request-ID : a",
    "a head of 100 kB": "X-Request-ID: " + "a" * 100_000,
    "1000 heads": "\r\n".join(["X-A: a"] * 20_000),
    "range": "Last-Event-ID: " + "9" * 4000,
}


@pytest.mark.parametrize("name", HEADS)
def test_headers_carry_nothing_in(house: House, name: str) -> None:
    """Neither a header of the answer nor a line of the log is made by what a caller sends."""
    head = f"GET /healthz HTTP/1.1\r\nHost: a\r\n{HEADS[name]}\r\nConnection: close\r\n\r\n"
    answer = house.raw(head.encode("latin-1"))
    assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400", b"HTTP/1.1 431")) or not answer
    top, _, _ = answer.partition(b"\r\n\r\n")
    assert b"evil" not in top.lower()
    assert b"<script" not in answer


@pytest.mark.parametrize("key", ["", "a b", "a" * 256, "\xe9", "a\tb", "a\x7fb"])
def test_idempotency_keys_that_are_none(house: House, key: str) -> None:
    """Visible ASCII alone."""
    files = {"person": photo(), "garment": photo()}
    with house.caller("acme") as caller:
        answer = caller.post("/v1/jobs", files=files, headers=[(b"Idempotency-Key", key.encode("latin-1"))])
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")


@pytest.mark.parametrize(
    "last", ["-1", "9" * 20, "9" * 4000, "1e3", "\u0663".encode().decode("latin-1"), "0x1"]
)
def test_events_after_what_never_was(house: House, last: str) -> None:
    """A number beyond all numbers is refused, by whatever database."""
    job = house.hand_in("acme")["id"]
    house.finished("acme", job)
    with house.caller("acme") as caller:
        answer = caller.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": last.encode("latin-1")})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "job", ["%00", "a%00b", "..%2f..%2fetc", "%ff%fe", "a" * 5000, "' OR 1=1 --", "%0d%0aX"]
)
@pytest.mark.parametrize("path", ["/v1/jobs/{}", "/v1/jobs/{}/events", "/v1/erasures/{}", "/v1/results/{}"])
def test_ids_that_are_none(house: House, path: str, job: str) -> None:
    """There is nothing of that name."""
    with house.caller("acme") as caller:
        answer = caller.get(path.format(job))
    assert answer.status_code == 404


def test_ids_that_no_database_holds(database_url: str) -> None:
    """On PostgreSQL too, which refuses to be asked for a NUL."""
    with TestClient(app_on(ScriptedTriton(), database_url=database_url)) as caller:
        for path in ("/v1/jobs/a%00", "/v1/jobs/%00/events", "/v1/erasures/%00", "/v1/jobs/%ed%a0%80"):
            assert caller.get(path).status_code == 404
        assert caller.delete("/v1/jobs/%00").status_code == 404


SECONDS = ["nan", "inf", "-inf", "-1", "0", "1e400", "86401", "1_000_000", "\u0661"]


@pytest.mark.parametrize("seconds", SECONDS)
def test_times_that_are_none(house: House, seconds: str) -> None:
    """A job's time is a number of seconds within a day."""
    files = {"person": photo(), "garment": photo()}
    with house.caller("acme") as caller:
        answer = caller.post("/v1/jobs", files=files, data={"seconds": seconds})
    assert answer.status_code == 422


def test_problems_are_json_whatever_was_asked_for(house: House) -> None:
    """Accept does not turn a refusal into a page that a browser would run."""
    with house.caller(None) as nobody:
        answer = nobody.get("/problems/<script>alert(1)</script>", headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.content)["status"] == 404
