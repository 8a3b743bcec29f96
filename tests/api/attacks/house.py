"""The service in a process of its own, as `vfr serve` runs it, on a stand-in for Triton: what is attacked.

``python -m tests.api.attacks.house FOLDER INSIDE`` prints one line of JSON when it serves: its port, keys, tokens.
``INSIDE`` is the port of a server of this machine that must never be touched.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import yaml
from fastapi import FastAPI
from pydantic import SecretStr

from api import connections
from api.app import create_app
from api.running import server
from api.security import keys
from api.security.caller import Authenticator
from api.security.keys import Scope
from api.security.ssrf import Guard
from api.settings import Settings
from api.storage.database import Database
from bridge.triton.model import Arrays
from tests.api.scripted import ScriptedTriton
from tests.api.security.gate import ring_of
from tests.api.security.hosts import Names
from tests.api.security.signing import PROJECT, Google

SECRET = "attacked-attacked-attacked-attacked"  # noqa: S105 - of this test alone
WEBHOOK_SECRET = "whsec_YXR0YWNrZWQtYXR0YWNrZWQtYXR0YWNrZWQ="  # noqa: S105 - as above
UPLOAD_SECONDS = HEAD_SECONDS = 3.0
MEAGRE = 6
"""The requests per minute of the tenant of that name."""
MOST_STREAMS = 5
SLOW = 99
"""The seed of a job that takes its time."""
KEYS = {
    "acme": ("acme", (Scope.FIT, Scope.READ, Scope.ERASE)),
    "rival": ("rival", (Scope.FIT, Scope.READ, Scope.ERASE)),
    "reader": ("acme", (Scope.READ,)),
    "fitter": ("acme", (Scope.FIT,)),
    "meagre": ("meagre", (Scope.FIT, Scope.READ)),
    "admin": ("operations", (Scope.ADMIN, Scope.FIT, Scope.READ)),
}
INSIDE_NAMES = {
    "localhost": [["127.0.0.1", "::1"]],
    "inside_example": [["127.0.0.1"]],
    "mixed_example": [["93.184.216.34", "127.0.0.1"]],
    "metadata_google_internal": [["169.254.169.254"]],
}


def terms(inside: int) -> dict[str, object]:
    """Return the tenants' file: even the terms of acme lead inside, and the guard stands all the same."""
    hosts = ["localhost", "inside.example", "mixed.example", "metadata.google.internal", "127.0.0.1"]
    hooks = [f"https://{host}:{inside}/" for host in ("127.0.0.1", "inside.example", "localhost")]
    many = {"requests_per_minute": 100_000, "queued": 1000}
    acme = {
        "id": "acme",
        "plan": "payg",
        "firebase_project": PROJECT,
        "hosts": [*hosts, "169.254.169.254", "10.0.0.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.1"],
        "webhooks": [{"url": url, "secret_env": "ATTACKED_WEBHOOK_SECRET"} for url in hooks],
        "limits": many,
    }
    return {
        "plans": {"payg": {"prices": {"basic": 0.02}}},
        "tenants": [
            acme,
            {"id": "rival", "plan": "payg", "limits": many},
            {"id": "meagre", "plan": "payg", "limits": {"requests_per_minute": MEAGRE}},
            {"id": "operations", "plan": "payg", "admin": True, "limits": many},
        ],
    }


def settings(folder: Path) -> Settings:
    """Return settings as of a service that is open to the world."""
    return Settings(
        data=folder / "data",
        secret=SecretStr(SECRET),
        tenants=folder / "tenants.yaml",
        host="0.0.0.0",  # noqa: S104 - so that nobody is anonymous; it listens to this machine alone
        max_upload_mb=16,
        upload_seconds=UPLOAD_SECONDS,
        most_streams=MOST_STREAMS,
    )


def issued(known: Settings) -> dict[str, str]:
    """Issue the keys."""
    database = Database(known.database)
    database.create()
    pepper = keys.pepper_of(known.key)
    try:
        return {
            name: database.run_here(lambda c, who=who: keys.issue(c, pepper, *who, time.time()))
            for name, who in KEYS.items()
        }
    finally:
        database.close()


def tokens(google: Google) -> dict[str, str]:
    """Let two users of acme sign in, and make tokens that nobody may sign in with."""
    now = int(time.time())
    good = {"iat": now - 60, "exp": now + 3540, "auth_time": now - 600}
    return {
        "ann": google.token(**good, sub="ann"),
        "ben": google.token(**good, sub="ben"),
        "expired": google.token(iat=now - 7200, exp=now - 3600, auth_time=now - 7200, sub="ann"),
        "foreign": Google().token(**good, sub="ann"),
        "other project": google.token(**good, sub="ann", aud="other"),
    }


class Patient(ScriptedTriton):
    """As scripted, but for one seed."""

    async def infer(
        self, model: str, arrays: Arrays, outputs: Sequence[str] | None = None, timeout: float | None = None
    ) -> Arrays:
        if "seed" in arrays and arrays["seed"][0] == SLOW:
            await asyncio.sleep(3600)
        return await super().infer(model, arrays, outputs, timeout)


def app_on(known: Settings, google: Google, inside: int) -> FastAPI:
    """Return the service whose names lie, and whose Google is ours."""

    @asynccontextmanager
    async def connect(_: Settings) -> AsyncIterator[ScriptedTriton]:
        yield Patient()

    app = create_app(known, connect)
    opened = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(given: FastAPI) -> AsyncIterator[None]:
        async with opened(given):
            room = given.state.service.room
            # Port 443 can't be had without being root, so the port of the server inside is open too.
            room.guard = Guard(ports=frozenset({443, inside}), resolve=Names(**INSIDE_NAMES))
            given.state.service.authenticator = Authenticator(
                known, room.tenants, room.database, ring_of(google)
            )
            yield

    app.router.lifespan_context = lifespan
    return app


def main(folder: Path, inside: int) -> None:
    """Serve until killed."""
    logging.basicConfig(level=logging.DEBUG)
    connections.HEAD_SECONDS = HEAD_SECONDS
    (folder / "tenants.yaml").write_text(yaml.safe_dump(terms(inside)))
    known, google = settings(folder), Google()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told = {"port": listener.getsockname()[1], "keys": issued(known), "tokens": tokens(google)}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        server(app_on(known, google, inside)).run(sockets=[listener])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
