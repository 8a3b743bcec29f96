"""The service as a tenant meets it: a real server on the stand-in for Triton, with tenants, keys and their way out."""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import sqlalchemy as sa
import uvicorn
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI

from api.app import create_app
from api.jobs.room import Room
from api.security import keys
from api.security.keys import Scope
from api.settings import Settings
from api.storage.database import Database
from api.webhooks.standard import new_secret
from tests.api.jobs.stage import Act, Stage
from tests.api.providers import fake_kling
from tests.api.providers.fake_kling import FakeKling, Script
from tests.api.providers.kling_rules import API_KEY
from tests.api.providers.serving import served
from tests.api.scripted import photo
from tests.api.webhooks.receiver import Receiver, receiving

T = TypeVar("T")
Json = dict[str, Any]

FILES = {"person": photo(320, 400), "garment": photo(340, 400)}
SECRET = "x" * 40
OVER = ("done", "failed", "cancelled")
PATIENCE = 30.0
"""How long a test waits for what must come [s]; this machine may be busy."""

TENANTS = """
plans:
  payg: {{prices: {{basic: 0.02}}}}
  dear: {{prices: {{pro: 0.5}}}}
  all: {{prices: {{basic: 0.02, pro: 0.08, ultra: 0.25}}}}
tenants:
  - id: lumen
    plan: payg
    bystanders: allow
    allow_external: true
    external_units_per_day: 1000
    hosts: [127.0.0.1]
    webhooks: [{{url: "{hook}", secret_env: TEST_HOOK_SECRET}}]
    limits: &much {{requests_per_minute: 100000, queued: 1000}}
  - {{id: atelier, plan: payg, bystanders: allow, limits: *much}}
  - {{id: dear, plan: dear, bystanders: allow}}
  - {{id: tight, plan: payg, bystanders: allow, limits: {{requests_per_minute: 1}}}}
  - {{id: small, plan: payg, bystanders: allow, limits: {{queued: 1}}}}
  - {{id: monthly, plan: payg, bystanders: allow, limits: {{jobs_per_month: 1}}}}
  - {{id: studio, plan: all, bystanders: allow, limits: *much}}
  - {{id: poor, plan: payg, bystanders: allow, allow_external: true, external_units_per_day: 0.5}}
"""

_HEIGHTS = itertools.count(1)


@dataclass
class World:
    """What is outside of the service."""

    folder: Path
    kling: FakeKling
    receiver: Receiver
    kling_url: str

    @property
    def tenants(self) -> Path:
        """The tenants' file."""
        return self.folder / "tenants.yaml"

    def script(self, **fields: object) -> None:
        """Tell Kling how to behave from now on."""
        self.kling.script = Script.model_validate(Script(delay=0.05, parallel=50).model_dump() | fields)

    def messages(self, job: str) -> list[Json]:
        """Return what the receiver was told of a job."""
        told: list[Any] = list(self.receiver.taken.values())
        return [message for message in told if message["data"]["job"] == job]


@contextmanager
def outside(folder: Path) -> Iterator[World]:
    """Run a fake Kling and a receiver of webhooks, and name them in the environment."""
    kling, secret = FakeKling(script=Script(delay=0.05, parallel=50)), new_secret().get_secret_value()
    with served(fake_kling.app_of(kling)) as url, in_thread(receiving(secret, "ok")) as receiver:
        world = World(folder, kling, receiver, url)
        world.tenants.write_text(TENANTS.format(hook=receiver.url))
        names = {"KLING_BASE_URL": url, "KLING_API_KEY": API_KEY, "KLING_MOST_PARALLEL": "50"}
        os.environ.update(names | {"TEST_HOOK_SECRET": secret})
        try:
            yield world
        finally:
            for name in (*names, "TEST_HOOK_SECRET"):
                del os.environ[name]


@contextmanager
def in_thread(context: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Hold an asynchronous context open on a loop in a thread."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(context) as value:
        yield value


@dataclass
class Shop:
    """A running service, and what its tenants do there."""

    url: str
    app: FastAPI
    stage: Stage
    world: World
    database: Database
    keys: Json
    client: httpx2.Client = field(repr=False)

    @property
    def room(self) -> Room:
        """What its jobs may touch."""
        found: Room = self.app.state.service.room
        return found

    def ask(self, method: str, path: str, tenant: str = "lumen", **options: Any) -> httpx2.Response:
        """Send a request with the tenant's key."""
        headers = {"X-API-Key": self.keys[tenant], **options.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **options)

    def new(self) -> tuple[int, Act]:
        """Return a height that nobody has used, and how its jobs are treated."""
        height = next(_HEIGHTS)
        return height, self.stage.script(height)

    def post(
        self, height: int | None = None, tenant: str = "lumen", path: str = "/v1/jobs", **options: Any
    ) -> httpx2.Response:
        """Hand a job in, a new one unless its height is named."""
        data = {"height": height or next(_HEIGHTS)} | options.pop("data", {})
        return self.ask("POST", path, tenant, files=options.pop("files", FILES), data=data, **options)

    def accepted(self, height: int | None = None, tenant: str = "lumen", **data: object) -> str:
        """Hand a job in and return its id."""
        reply = self.post(height, tenant, data=data)
        assert reply.status_code == 202, reply.text
        job: str = reply.json()["id"]
        return job

    def job(self, job: str, tenant: str = "lumen") -> Json:
        """Return where a job is."""
        reply = self.ask("GET", f"/v1/jobs/{job}", tenant)
        assert reply.status_code == 200, reply.text
        told: Json = reply.json()
        return told

    def ended(self, job: str, tenant: str = "lumen") -> Json:
        """Return a job once it is over."""
        return until(lambda: told if (told := self.job(job, tenant))["state"] in OVER else None)

    def rows(self, table: sa.Table, **values: object) -> list[sa.Row[Any]]:
        """Return the rows of a table that have these values."""
        query = sa.select(table).filter_by(**values)
        return self.database.run_here(lambda connection: list(connection.execute(query)))


@contextmanager
def opened(world: World, stage: Stage, database_url: str, **settings: object) -> Iterator[Shop]:
    """Run a service at a free port."""

    @asynccontextmanager
    async def connect(_: Settings):  # noqa: ANN202 - an iterator of the stand-in
        yield stage

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        known = Settings(
            **{
                "data": world.folder,
                "database_url": database_url,
                "secret": SECRET,
                "tenants": world.tenants,
                "public_url": url,
                "allow_private_urls": True,
                "drain_seconds": 1,
                "workers": 4,
                **settings,
            }
        )
        app = create_app(known, connect)
        with _running(app, listener), httpx2.Client(base_url=url, timeout=PATIENCE) as client:
            database = Database(database_url)
            try:
                yield Shop(url, app, stage, world, database, _keys(database, known), client)
            finally:
                database.close()


@contextmanager
def _running(app: FastAPI, listener: socket.socket) -> Iterator[None]:
    config = uvicorn.Config(app, log_level="critical", lifespan="on", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    until(lambda: server.started or not thread.is_alive())
    assert server.started
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _keys(database: Database, settings: Settings) -> dict[str, str]:
    pepper, scopes = keys.pepper_of(settings.key), [Scope.FIT, Scope.READ, Scope.ERASE]
    names = ("lumen", "atelier", "dear", "tight", "small", "monthly", "poor", "studio")
    return {
        name: database.run_here(lambda c, name=name: keys.issue(c, pepper, name, scopes, time.time()))
        for name in names
    }


def until(look: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """Return what a look finds, once it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found
