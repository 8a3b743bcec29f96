"""Who asks: an API key, a Firebase user, or, on this machine alone, nobody in particular."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from api.security import firebase, keys
from api.security.firebase import KeyRing, fetch_from
from api.security.keys import Scope
from api.security.reads import Reads
from api.security.tenants import Tenant, Tenants, serves_anonymous
from api.settings import Settings
from api.storage.database import Database
from bridge.errors import Refused, Unauthenticated

USER_SCOPES = frozenset({Scope.FIT, Scope.READ, Scope.ERASE})
"""What users who signed in may do, with what is their own, and whoever needs no key."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Caller:
    """Who asks, and what for.

    Attributes:
        tenant: on whose terms.
        user: who signed in; None: the tenant's own server, which may speak for all its users.
        scopes: what the key may be used for.
    """

    tenant: Tenant
    user: str | None
    scopes: frozenset[Scope]

    @property
    def admin(self) -> bool:
        """Whether the server itself may be changed: the key's scope and the tenant's flag must both say so."""
        return self.tenant.admin and Scope.ADMIN in self.scopes

    @property
    def owner(self) -> str:
        """Whose idempotency keys these are: one user can't meet another's."""
        return self.tenant.id if self.user is None else f"{self.tenant.id}/{self.user}"

    def check(self, scope: Scope) -> None:
        """Check that the caller may do something.

        Raises:
            Refused: not with this key.
        """
        if scope not in self.scopes or (scope is Scope.ADMIN and not self.admin):
            raise Refused(f"This key may not be used for that: it lacks the scope {scope.value}.")


class Authenticator:
    """Finds out who asks."""

    def __init__(
        self, settings: Settings, tenants: Tenants, database: Database, ring: KeyRing | None = None
    ) -> None:
        """Read the settings; ``ring`` holds Google's keys, None: fetched from Google when first needed."""
        self._tenants = tenants
        self._database = database
        self._pepper = keys.pepper_of(settings.key)
        self._anonymous = tenants.anonymous if serves_anonymous(settings) else None
        self._projects = tenants.by_project
        self._ring = ring or KeyRing(fetch_from())

    async def authenticate(self, authorization: str | None, api_key: str | None, now: float) -> Caller:
        """Return who asks. Somebody whose key or token is wrong is refused, never taken for the anonymous tenant.

        Args:
            authorization: the header ``Authorization``: ``Bearer`` and a key or a token.
            api_key: the header ``X-API-Key``.
            now: seconds since 1970.

        Raises:
            Unauthenticated: it is not known who asks.
            ServerUnavailable: it can't be found out now.
        """
        if authorization is not None and api_key is not None:
            raise Unauthenticated("Please send either Authorization or X-API-Key, not both.")
        if api_key is not None:
            return await self._by_key(api_key, now)
        if authorization is not None:
            return await self._by_bearer(authorization, now)
        if self._anonymous:
            return Caller(self._anonymous, None, USER_SCOPES)
        raise Unauthenticated("Please send an API key: Authorization: Bearer vfr_live_…")

    async def _by_bearer(self, authorization: str, now: float) -> Caller:
        scheme, _, credential = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("Please send the key as Authorization: Bearer vfr_live_…")
        if credential.startswith(keys.MARK) or not self._projects:
            return await self._by_key(credential, now)
        user = await firebase.verify(credential, self._projects, self._ring, now)
        return Caller(self._projects[user.project], user.user, USER_SCOPES)

    async def _by_key(self, text: str, now: float) -> Caller:
        key = await self._database.run(lambda connection: keys.find(connection, self._pepper, text, now))
        tenant = self._tenants.named(key.tenant)
        if not tenant:
            raise Unauthenticated(f"The tenant {key.tenant} is not served any more.")
        return Caller(tenant, None, key.scopes)


async def identify(request: Request) -> Caller:
    """Return who asks; found out once per request.

    Raises:
        Unauthenticated: it is not known who asks.
        ServerUnavailable: it can't be found out now.
    """
    if not hasattr(request.state, "caller"):
        authenticator: Authenticator = request.app.state.service.authenticator
        headers = request.headers
        request.state.caller = await authenticator.authenticate(
            headers.get("authorization"), headers.get("x-api-key"), time.time()
        )
    caller: Caller = request.state.caller
    return caller


def calling(scope: Scope | None = None) -> Callable[..., Awaitable[Caller]]:
    """Return a dependency that finds out who asks, and checks that they may.

    Whatever hands nothing in is counted as a read: what is handed in has limits of its own.

    Args:
        scope: what the caller must be allowed; None: to read with safe methods, to fit with all others.
    """

    async def find(
        request: Request,
        _bearer: Annotated[
            object, Security(HTTPBearer(auto_error=False))
        ],  # for OpenAPI; the headers are read raw
        _key: Annotated[object, Security(APIKeyHeader(name="X-API-Key", auto_error=False))],
    ) -> Caller:
        caller = await identify(request)
        caller.check(scope or (Scope.READ if request.method in _SAFE else Scope.FIT))
        if request.method != "POST":
            reads: Reads = request.app.state.service.reads
            reads.take(caller.tenant.id)
        return caller

    return find


Calling = Annotated[Caller, Depends(calling())]
"""Who asks: to read with safe methods, to fit with all others."""

Erasing = Annotated[Caller, Depends(calling(Scope.ERASE))]
"""Who asks to erase a user."""

Administering = Annotated[Caller, Depends(calling(Scope.ADMIN))]
"""Who asks to change the server itself."""
