"""Who asks: by key, by token, or nobody in particular on this machine alone."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import Request
from fastapi.testclient import TestClient

from api.security.caller import Administering, Authenticator, Caller, Calling, Erasing
from api.security.keys import Scope
from api.settings import Settings
from api.storage.database import Database
from bridge.errors import Unauthenticated
from tests.api.security.gate import HERE, OUTSIDE, TENANTS, app_behind, key_of, ring_of
from tests.api.security.signing import NOW, Google


def asked(
    database: Database,
    authorization: str | None = None,
    api_key: str | None = None,
    settings: Settings = OUTSIDE,
    google: Google | None = None,
) -> Caller:
    """Find out who asks."""
    authenticator = Authenticator(settings, TENANTS, database, ring_of(google or Google()))
    return asyncio.run(authenticator.authenticate(authorization, api_key, NOW))


@pytest.mark.parametrize("way", ["Bearer", "bearer", "X-API-Key"])
def test_a_key_comes_in_either_header(database: Database, way: str) -> None:
    """It speaks for its tenant, with its scopes, and for no user."""
    key = key_of(database, "lumen", Scope.READ)
    caller = asked(database, api_key=key) if way == "X-API-Key" else asked(database, f"{way} {key}")
    assert (caller.tenant.id, caller.user, caller.scopes) == ("lumen", None, {Scope.READ})
    assert caller.owner == "lumen"


def test_a_token_speaks_for_its_user(sqlite: Database) -> None:
    """The project says which tenant; the user's idempotency keys are the user's own."""
    google = Google()
    caller = asked(sqlite, f"Bearer {google.token()}", google=google)
    assert (caller.tenant.id, caller.user, caller.owner) == ("lumen", "Ann_1", "lumen/Ann_1")
    assert not caller.admin


def test_without_a_key_it_is_this_machines_own_tenant(sqlite: Database) -> None:
    """Only where nobody else can reach the service; else a key is asked for."""
    assert asked(sqlite, settings=HERE).tenant.id == "local"
    with pytest.raises(Unauthenticated, match=r"send an API key: Authorization: Bearer vfr_live_"):
        asked(sqlite)


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
def test_who_is_wrong_is_not_nobody(sqlite: Database, authorization: str | None, api_key: str | None) -> None:
    """A wrong key is refused on this machine too, where none would have been served."""
    with pytest.raises(Unauthenticated):
        asked(sqlite, authorization, api_key, HERE)


def test_a_tenant_that_left_is_not_served(sqlite: Database) -> None:
    """Its keys are still in the table, but it is not in the file any more."""
    with pytest.raises(Unauthenticated, match="former is not served any more"):
        asked(sqlite, api_key=key_of(sqlite, "former"))


@pytest.mark.parametrize(
    ("tenant", "scopes", "is_admin"),
    [
        ("operations", (Scope.ADMIN,), True),
        ("operations", (Scope.READ, Scope.FIT), False),
        ("lumen", (Scope.ADMIN,), False),  # the tenant was admin when the key was issued
    ],
)
def test_an_admin_needs_the_flag_and_the_scope(
    sqlite: Database, tenant: str, scopes: tuple[Scope, ...], *, is_admin: bool
) -> None:
    """One of the two is not enough."""
    assert asked(sqlite, api_key=key_of(sqlite, tenant, *scopes)).admin is is_admin


@contextmanager
def service(database: Database, settings: Settings) -> Iterator[TestClient]:
    """Serve one route for each dependency, behind the seam that the service provides."""
    app = app_behind(database, settings)

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
    sqlite: Database, tenant: str, scope: Scope, allowed: set[str]
) -> None:
    """What a key is not for is refused with the scope that it lacks."""
    key = key_of(sqlite, tenant, scope)
    opened = set()
    with service(sqlite, OUTSIDE) as client:
        for call in ("GET /jobs", "POST /jobs", "DELETE /users/ann", "POST /artifacts"):
            reply = client.request(*call.split(), headers={"X-API-Key": key})
            assert reply.status_code == 200 or (reply.status_code, reply.json()["code"]) == (403, "refused")
            opened |= {call} if reply.status_code == 200 else set()
    assert opened == allowed


def test_a_401_says_how_to_come_in(sqlite: Database) -> None:
    """A problem like every other, with the challenge that HTTP asks for; OpenAPI names both ways."""
    with service(sqlite, OUTSIDE) as client:
        reply = client.get("/jobs")
        schemes = client.get("/openapi.json").json()["components"]["securitySchemes"]
    assert (reply.status_code, reply.json()["code"]) == (401, "unauthenticated")
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert {scheme["type"] for scheme in schemes.values()} == {"http", "apiKey"}
    assert "vfr_live_" in reply.json()["detail"]


def test_the_laptop_needs_no_key(sqlite: Database) -> None:
    """It fits, reads and erases, but brings no files to the server."""
    with service(sqlite, HERE) as client:
        codes = [
            client.request(*call.split()).status_code
            for call in ("POST /jobs", "GET /jobs", "POST /artifacts")
        ]
    assert codes == [200, 200, 403]
