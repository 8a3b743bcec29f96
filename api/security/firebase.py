"""Firebase ID tokens, verified here (firebase.google.com/docs/auth/admin/verify-id-tokens, "third-party library").

A token is signed by Google with one of a few RSA keys, the same for all projects; ``aud`` says which project its
user belongs to. Nothing of a token is believed before its signature was checked, and the algorithm is ours to
name, never the token's.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate
from jwt.types import Options
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bridge.errors import ServerUnavailable, Unauthenticated

LOG = logging.getLogger("vfr.api")

CERTIFICATES = "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com"
"""Where Google publishes them: a JSON object of PEM certificates by key id."""

ISSUER = "https://securetoken.google.com/"
LEEWAY = 60.0
"""How far the clocks of Google and of this machine may differ [s]."""

FETCH_SECONDS = 5.0
PAUSE_SECONDS = 30.0
"""Between two fetches, whoever asks with whichever key id: strangers can't make us hammer Google [s]."""
STALE_SECONDS = 86400.0
"""How long certificates are used after their time while new ones can't be fetched [s]."""
_MAX_BYTES = 65536

Certificates = Mapping[str, str]
"""PEM certificates by key id."""

Fetch = Callable[[], Awaitable[tuple[Certificates, float]]]
"""Returns the certificates and for how long they hold [s]."""

_MAX_AGE = re.compile(r"max-age=(\d{1,9})")


def fetch_from(url: str = CERTIFICATES) -> Fetch:
    """Return what fetches the certificates from an address."""

    async def fetch() -> tuple[Certificates, float]:
        async with httpx2.AsyncClient(timeout=FETCH_SECONDS, trust_env=False) as client:
            answer = (await client.get(url)).raise_for_status()
        if len(answer.content) > _MAX_BYTES:
            raise ValueError("the certificates are too large")
        age = _MAX_AGE.search(answer.headers.get("cache-control", ""))
        return answer.json(), float(age[1]) if age else 0.0

    return fetch


class KeyRing:
    """Google's public keys by id: fetched when needed, by one at a time, and kept for as long as Google says."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._until = float("-inf")  # when they are over
        self._tried = float("-inf")  # when they were fetched last, or should have been
        self._lock = asyncio.Lock()

    async def key(self, name: str, now: float) -> RSAPublicKey:
        """Return a key.

        Raises:
            Unauthenticated: Google has no such key.
            ServerUnavailable: there are no keys, and none can be fetched.
        """
        if self._wanting(name, now):
            async with self._lock:
                if self._wanting(name, now):
                    await self._refresh(now)
        if now >= self._until + STALE_SECONDS:
            raise ServerUnavailable("Google's certificates can't be fetched now. Please sign in again later.")
        if name not in self._keys:
            raise Unauthenticated(
                "The token is signed with a key that Google does not have. Please sign in again."
            )
        return self._keys[name]

    def _wanting(self, name: str, now: float) -> bool:
        return now >= self._tried + PAUSE_SECONDS and (now >= self._until or name not in self._keys)

    async def _refresh(self, now: float) -> None:
        try:
            certificates, seconds = await self._fetch()
            self._keys = {name: _public_key(pem) for name, pem in certificates.items()}
            self._until = now + seconds
        except Exception as error:  # whatever is wrong over there, what we have is used on
            LOG.warning("Google's certificates can't be fetched: %s", error)
        self._tried = now


def _public_key(pem: str) -> RSAPublicKey:
    key = load_pem_x509_certificate(pem.encode()).public_key()
    if not isinstance(key, RSAPublicKey):
        raise TypeError("a certificate is not of an RSA key")
    return key


@dataclass(frozen=True)
class SignedIn:
    """Who a token speaks for."""

    project: str
    user: str


class _Claims(BaseModel):
    """What a token must say. Times are seconds since 1970, and numbers, not texts."""

    model_config = ConfigDict(strict=True)

    aud: str
    iss: str
    sub: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")
    ]  # part of paths; Firebase's own are like this
    exp: int
    iat: int
    auth_time: int


async def verify(token: str, projects: Collection[str], ring: KeyRing, now: float) -> SignedIn:
    """Return who has signed in.

    Args:
        token: a JSON web token as Firebase's clients return it.
        projects: the Firebase projects whose users are served.
        ring: Google's keys.
        now: seconds since 1970.

    Raises:
        Unauthenticated: the token is not Google's, not for one of these projects, over, or not begun.
        ServerUnavailable: it can't be checked now.
    """
    try:
        key = await ring.key(_key_id(token), now)
        # The times are compared below, with the caller's clock; the audience by hand, as it is one of several.
        options: Options = {
            "verify_exp": False,
            "verify_iat": False,
            "verify_nbf": False,
            "verify_aud": False,
        }
        claims = _Claims.model_validate(jwt.decode(token, key, algorithms=["RS256"], options=options))
    except (jwt.PyJWTError, ValidationError) as error:
        raise Unauthenticated("This is no ID token of Firebase. Please sign in again.") from error
    if claims.aud not in projects or claims.iss != ISSUER + claims.aud:
        raise Unauthenticated("The token is for another project than those that are served here.")
    if now >= claims.exp + LEEWAY:
        raise Unauthenticated(
            "The token is over its time. Please fetch a new one (getIdToken) and try again."
        )
    if now < max(claims.iat, claims.auth_time) - LEEWAY:
        raise Unauthenticated("The token is from the future. Please set the clock, and sign in again.")
    return SignedIn(claims.aud, claims.sub)


def _key_id(token: str) -> str:
    name = jwt.get_unverified_header(token).get("kid")
    if not isinstance(name, str):
        raise jwt.InvalidTokenError("the header names no key")
    return name
