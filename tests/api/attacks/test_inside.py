"""Server-side request forgery through the routes themselves: a server inside listens, and nobody may knock."""

from __future__ import annotations

import socket
import sqlite3
import time

import pytest

from tests.api.attacks.conftest import House
from tests.api.scripted import photo
from tests.api.security.test_ssrf import ATTACKS

OWN = [
    "https://inside.example:{port}/",  # these hosts are in acme's own terms: only the guard is left
    "https://mixed.example:{port}/",
    "https://localhost:{port}/",
    "https://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}@inside.example:{port}/",
    "https://inside.example:{port}/\r\nX-Evil: 1",
    "https://inside.example:22/",
    "jar:https://inside.example:{port}!/",
    "dict://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "data:image/png;base64,aGk=",
    "\\\\127.0.0.1\\share\\a.png",
    "/etc/passwd",
]


@pytest.mark.parametrize("url", dict.fromkeys(ATTACKS + OWN))
def test_no_route_asks_inside(house: House, url: str) -> None:
    """As the person's photo, as the garment's, as a file for an administrator; by terms that allow it and by others."""
    address = url.replace("{port}", str(house.inside))
    with house.caller("acme") as acme, house.caller("rival") as rival, house.caller("admin") as admin:
        answers = [
            acme.post("/v1/jobs", files={"garment": photo()}, data={"person_url": address}),
            acme.post("/v1/jobs", files={"person": photo()}, data={"garment_url": address}),
            rival.post("/v1/jobs", files={"garment": photo()}, data={"person_url": address}),
            admin.post("/v1/artifacts/ensure", json={"url": address, "sha256": "0" * 64, "dest": "a/b.onnx"}),
        ]
    for answer in answers:
        assert answer.status_code == 422
        assert answer.json()["code"] in {"url_refused", "bad_input", "bad_request"}
        assert "x-evil" not in answer.headers
    assert house.touched == []


def test_webhooks_do_not_knock_inside(house: House) -> None:
    """The terms name three doors inside; each delivery is tried, refused, and will be tried again in vain."""
    job = str(house.finished("acme", house.hand_in("acme")["id"])["id"])
    database = sqlite3.connect(house.folder / "data" / "vfr.sqlite")
    for _ in range(100):
        rows = database.execute("SELECT state, attempts, status, why FROM deliveries WHERE job = ?", [job])
        found = rows.fetchall()
        if all(attempts for _, attempts, *_ in found):
            break
        time.sleep(0.1)
    database.close()
    assert [(state, attempts, status) for state, attempts, status, _ in found] == [("pending", 1, None)] * 3
    assert all("no host of the public internet" in why for *_, why in found)
    assert house.touched == []


def test_the_server_inside_is_there(house: House) -> None:
    """Whoever knocks is noticed."""
    socket.create_connection(("127.0.0.1", house.inside), 5).close()
    for _ in range(50):
        if house.touched:
            break
        time.sleep(0.05)
    assert len(house.touched) == 1
    house.touched.clear()
