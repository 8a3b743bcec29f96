"""Tenants, their keys, and an app behind the seam that the service provides."""

from types import SimpleNamespace

from fastapi import FastAPI
from pydantic import SecretStr

from api import problems
from api.middleware import Observed
from api.security import keys
from api.security.caller import Authenticator
from api.security.firebase import KeyRing
from api.security.keys import Scope
from api.security.reads import Reads
from api.security.tenants import Tenants
from api.settings import Settings
from api.storage.database import Database
from api.telemetry.metrics import Metrics
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


def ring_of(google: Google) -> KeyRing:
    """Return a ring that holds the stand-in's keys, without a network."""

    async def fetch() -> tuple[dict[str, str], float]:
        return {name: google.certificate(name) for name in google.keys}, 3600.0

    return KeyRing(fetch)


def app_behind(database: Database, settings: Settings = OUTSIDE, google: Google | None = None) -> FastAPI:
    """Return an app without routes, whose callers are found as in the service."""
    app = FastAPI()
    app.add_middleware(Observed, metrics=Metrics())
    problems.install(app)
    authenticator = Authenticator(settings, TENANTS, database, google and ring_of(google))
    app.state.service = SimpleNamespace(
        authenticator=authenticator, room=SimpleNamespace(database=database), reads=Reads(TENANTS)
    )
    return app
