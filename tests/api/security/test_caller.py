"""Who asks: by key, by token, or nobody in particular on this machine alone."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api import problems
from api.metrics import Metrics
from api.middleware import Observed
from api.security import keys
from api.security.caller import Administering, Authenticator, Caller, Calling, Erasing
from api.security.firebase import KeyRing
from api.security.keys import Scope
from api.security.tenants import Tenants
from api.settings import Settings
from api.storage.database import Database
from bridge.errors import Unauthenticated
from tests.api.security.signing import NOW, PROJECT, Google

SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of this test alone
TENANTS = Tenants.model_validate(
    {
        "plans": {"payg": {"prices": {"basic": 0.02}}},
        "tenants": [
            {"id": "local", "plan": "payg", "anonymous": True},
            {"id": "lumen", "plan": "payg", "firebase_project": PROJECT},
            {"id": "operations", "plan": "payg", "admin": True},
        ],
    }
)
HERE = Settings(secret=SecretStr(SECRET))
OUTSIDE = Settings(secret=SecretStr(SECRET), host="0.0.0.0")  # noqa: S104 - nothing listens


def key_of(database: Database, tenant: str, *scopes: Scope) -> str:
    """Issue a key."""
    pepper = keys.pepper_of(SECRET.encode())
    return database.run_here(lambda c: keys.issue(c, pepper, tenant, scopes or (Scope.READ, Scope.FIT), NOW))


def asked(
    database: Database,
    authorization: str | None = None,
    api_key: str | None = None,
    settings: Settings = OUTSIDE,
    google: Google | None = None,
) -> Caller:
    """Find out who asks."""
    signer = google or Google()

    async def fetch() -> tuple[dict[str, str], float]:
        return {name: signer.certificate(name) for name in signer.keys}, 3600.0

    authenticator = Authenticator(settings, TENANTS, database, KeyRing(fetch))
    return asyncio.run(authenticator.authenticate(authorization, api_key, NOW))


@pytest.mark.parametrize("way", ["Bearer", "bearer", "X-API-Key"])
def test_a_key_comes_in_either_header(database: Database, way: str) -> None:
    """It speaks for its tenant, with its scopes, and for no user."""
    key = key_of(database, "lumen", Scope.READ)
    caller = asked(database, api_key=key) if way == "X-API-Key" else asked(database, f"{way} {key}")
    assert (caller.tenant.id, caller.user, caller.scopes) == ("lumen", None, {Scope.READ})
    assert caller.owner == "lumen"


def test_a_token_speaks_for_its_user(database: Database) -> None:
    """The project says which tenant; the user's idempotency keys are the user's own."""
    google = Google()
    caller = asked(database, f"Bearer {google.token()}", google=google)
    assert (caller.tenant.id, caller.user, caller.owner) == ("lumen", "Ann_1", "lumen/Ann_1")
    assert not caller.admin


def test_without_a_key_it_is_this_machines_own_tenant(database: Database) -> None:
    """Only where nobody else can reach the service; else a key is asked for."""
    assert asked(database, settings=HERE).tenant.id == "local"
    with pytest.raises(Unauthenticated, match=r"send an API key: Authorization: Bearer vfr_live_"):
        asked(database)


@pytest.mark.parametrize(
    ("authorization", "api_key"),
    [
        ("Bearer vfr_live_" + "0" * 64, None),
        (None, "vfr_live_" + "0" * 64),
        (None, ""),
        ("", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic dXNlcjpwYXNz", None),
        ("vfr_live_" + "0" * 64, None),
        ("Bearer vfr_live_" + "0" * 64, "vfr_live_" + "0" * 64),
    ],
)
def test_who_is_wrong_is_not_nobody(
    database: Database, authorization: str | None, api_key: str | None
) -> None:
    """A wrong key is refused on this machine too, where none would have been served."""
    with pytest.raises(Unauthenticated):
        asked(database, authorization, api_key, HERE)


def test_a_tenant_that_left_is_not_served(database: Database) -> None:
    """Its keys are still in the table, but it is not in the file any more."""
    with pytest.raises(Unauthenticated, match="former is not served any more"):
        asked(database, api_key=key_of(database, "former"))


@pytest.mark.parametrize(
    ("tenant", "scopes", "is_admin"),
    [
        ("operations", (Scope.ADMIN,), True),
        ("operations", (Scope.READ, Scope.FIT), False),
        ("lumen", (Scope.ADMIN,), False),  # the tenant was admin when the key was issued
    ],
)
def test_an_admin_needs_the_flag_and_the_scope(
    database: Database, tenant: str, scopes: tuple[Scope, ...], *, is_admin: bool
) -> None:
    """One of the two is not enough."""
    assert asked(database, api_key=key_of(database, tenant, *scopes)).admin is is_admin


@contextmanager
def service(database: Database, settings: Settings) -> Iterator[TestClient]:
    """Serve one route for each dependency, behind the seam that the service provides."""
    app = FastAPI()
    app.add_middleware(Observed, metrics=Metrics())
    problems.install(app)
    app.state.service = SimpleNamespace(authenticator=Authenticator(settings, TENANTS, database))

    @app.get("/jobs")
    @app.post("/jobs")
    async def jobs(caller: Calling, request: Request) -> dict[str, Any]:
        assert request.state.caller is caller
        return {"tenant": caller.tenant.id}

    @app.delete("/users/ann")
    async def erase(caller: Erasing) -> dict[str, Any]:
        return {"tenant": caller.tenant.id}

    @app.post("/artifacts")
    async def admin(caller: Administering) -> dict[str, Any]:
        return {"tenant": caller.tenant.id}

    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize(
    ("tenant", "scope", "allowed"),
    [
        ("lumen", Scope.READ, {"GET /jobs"}),
        ("lumen", Scope.FIT, {"POST /jobs"}),
        ("lumen", Scope.ERASE, {"DELETE /users/ann"}),
        ("lumen", Scope.ADMIN, set()),
        ("operations", Scope.ADMIN, {"POST /artifacts"}),
    ],
)
def test_scopes_open_their_routes_and_no_others(
    database: Database, tenant: str, scope: Scope, allowed: set[str]
) -> None:
    """What a key is not for is refused with the scope that it lacks."""
    key = key_of(database, tenant, scope)
    opened = set()
    with service(database, OUTSIDE) as client:
        for call in ("GET /jobs", "POST /jobs", "DELETE /users/ann", "POST /artifacts"):
            reply = client.request(*call.split(), headers={"X-API-Key": key})
            assert reply.status_code == 200 or (reply.status_code, reply.json()["code"]) == (403, "refused")
            opened |= {call} if reply.status_code == 200 else set()
    assert opened == allowed


def test_a_401_says_how_to_come_in(database: Database) -> None:
    """A problem like every other, with the challenge that HTTP asks for; OpenAPI names both ways."""
    with service(database, OUTSIDE) as client:
        reply = client.get("/jobs")
        schemes = client.get("/openapi.json").json()["components"]["securitySchemes"]
    assert (reply.status_code, reply.json()["code"]) == (401, "unauthenticated")
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert {scheme["type"] for scheme in schemes.values()} == {"http", "apiKey"}
    assert "vfr_live_" in reply.json()["detail"]


def test_the_laptop_needs_no_key(database: Database) -> None:
    """It fits, reads and erases, but brings no files to the server."""
    with service(database, HERE) as client:
        codes = [
            client.request(*call.split()).status_code
            for call in ("POST /jobs", "GET /jobs", "POST /artifacts")
        ]
    assert codes == [200, 200, 403]
