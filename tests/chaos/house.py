"""The whole service as it would run somewhere: an API, three workers, Triton, a database, Kling, and a customer."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import yaml

from api.security import keys
from api.security.keys import Scope
from api.storage.database import Database
from benchmarks.postgres import Postgres
from benchmarks.stub import write_repository
from bridge.checkout import CONFIGS, REPOSITORY
from tests.api.providers.kling_rules import API_KEY
from tests.api.webhooks.receiver import Receiver, receiving
from tests.chaos.members import Member, Triton, free_port

WORKERS = 3
SECRET = "chaos-chaos-chaos-chaos-chaos-chaos"  # noqa: S105 - of a service that lives for minutes
SIGNING = "whsec_" + base64.b64encode(b"chaos" * 6).decode()
STUB_SECONDS = 0.15
"""What the stub's answer takes [s]: long enough to be hit."""
START_SECONDS = 120.0

TENANTS = {
    "plans": {"payg": {"prices": {"basic": 0.02}}},
    "tenants": [
        {
            "id": "plain",
            "plan": "payg",
            "profile": "easy",
            "bystanders": "allow",
            "limits": {"requests_per_minute": 6000, "queued": 1000},
        },
        {
            "id": "outside",
            "plan": "payg",
            "profile": "impossible",
            "bystanders": "allow",
            "allow_external": True,
            "external_units_per_day": 10_000,
            "limits": {"requests_per_minute": 6000, "queued": 1000},
        },
    ],
}
"""``outside`` is never content with our pictures, so that its jobs go to Kling."""

PROFILES = {
    "easy": {"protected_identity": {"least": 0.0}},
    "impossible": {"protected_identity": {"least": 2.0}},
}


@dataclass
class House:
    """What the nemesis strikes and the judge looks at."""

    url: str
    database_url: str
    api: Member
    workers: list[Member]
    triton: Triton
    kling: str
    receiver: Receiver
    keys: dict[str, str]
    """The API keys by tenant."""
    postgres: Postgres | None = None
    kills: dict[str, int] = field(default_factory=dict)


@asynccontextmanager
async def house(
    folder: Path, postgres: Postgres | None, *, stub: bool, answers: list[str]
) -> AsyncIterator[House]:
    """Build it and wait until it is ready.

    Args:
        folder: an empty one, for everything.
        postgres: a running cluster; None: SQLite.
        stub: whether Triton serves a try-on that costs nothing.
        answers: what the customer's endpoint answers, one by one, the last one for ever.
    """
    async with AsyncExitStack() as stack:
        database_url = postgres.fresh() if postgres else f"sqlite:///{folder / 'vfr.sqlite'}"
        receiver = await stack.enter_async_context(receiving(SIGNING, *answers))
        kling = await stack.enter_async_context(_kling())
        port, triton_port = free_port(), free_port()
        env = _environment(folder, database_url, port, triton_port, kling, receiver.url)
        repository = write_repository(folder / "models", STUB_SECONDS, 2) if stub else REPOSITORY
        triton = Triton(repository, triton_port, folder / "triton.log")
        stack.push_async_callback(triton.stop)
        triton.start()
        vfr = [sys.executable, "-m", "api.cli"]
        serve = [*vfr, "serve", "--role", "api", "--triton-url", f"127.0.0.1:{triton_port}"]
        api = Member("api", serve, env, folder / "api.log")
        workers = [
            Member(f"worker {number}", [*vfr, "worker"], env, folder / f"worker-{number}.log")
            for number in range(WORKERS)
        ]
        for member in (api, *workers):
            stack.push_async_callback(member.stop)
            member.start()
        url = f"http://127.0.0.1:{port}"
        await ready(url)
        known = {tenant["id"]: _key(database_url, str(tenant["id"])) for tenant in TENANTS["tenants"]}  # type: ignore[index]
        yield House(url, database_url, api, workers, triton, kling, receiver, known, postgres)


def _environment(
    folder: Path, database_url: str, port: int, triton_port: int, kling: str, receiver: str
) -> dict[str, str]:
    endpoint = {"url": receiver, "secret_env": "CHAOS_SIGNING"}
    tenants = {**TENANTS, "tenants": [{**one, "webhooks": [endpoint]} for one in TENANTS["tenants"]]}
    (folder / "tenants.yaml").write_text(yaml.safe_dump(tenants))
    pipeline = yaml.safe_load((CONFIGS / "pipeline.yaml").read_text()) | {"profiles": PROFILES}
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(pipeline))
    return {
        **os.environ,
        "VFR_DATA": str(folder / "data"),
        "VFR_DATABASE_URL": database_url,
        "VFR_BLOBS_URL": (folder / "blobs").as_uri(),
        "VFR_SECRET": SECRET,
        "VFR_TENANTS": str(folder / "tenants.yaml"),
        "VFR_PIPELINE": str(folder / "pipeline.yaml"),
        "VFR_PORT": str(port),
        "VFR_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "VFR_TRITON_URL": f"127.0.0.1:{triton_port}",
        "VFR_ALLOW_PRIVATE_URLS": "true",
        "VFR_DRAIN_SECONDS": "5",
        "KLING_API_KEY": API_KEY,
        "KLING_BASE_URL": kling,
        "KLING_TIMEOUT": "60",
        "CHAOS_SIGNING": SIGNING,
    }


@asynccontextmanager
async def _kling() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.api.providers.fake_kling", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def ready(url: str) -> None:
    """Wait until the service is ready.

    Raises:
        TimeoutError: it does not come.
    """
    deadline = time.monotonic() + START_SECONDS
    async with httpx2.AsyncClient() as client:
        while time.monotonic() < deadline:
            try:
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.2)
    raise TimeoutError(f"The service at {url} is not ready after {START_SECONDS:.0f} s; see its logs.")


def _key(database_url: str, tenant: str) -> str:
    database = Database(database_url)
    pepper = keys.pepper_of(SECRET.encode())
    scopes = [Scope.FIT, Scope.READ, Scope.ERASE]
    try:
        return database.run_here(lambda c: keys.issue(c, pepper, tenant, scopes, time.time()))
    finally:
        database.close()
