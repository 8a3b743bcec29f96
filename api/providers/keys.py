"""What Kling wants in ``Authorization``: a key as it is, or a token that a pair of keys signs (facts 1.2)."""

from __future__ import annotations

import time
from collections.abc import Callable

import jwt

from api.providers.settings import KlingSettings
from bridge.errors import ConfigError

LIFE = 1800
"""How long a token holds [s]."""
SKEW = 5
"""A token holds from this long before it was made [s], for clocks that run ahead of Kling's."""
USED = 0.8
"""The share of its life after which a token is made anew."""


class Bearer:
    """Makes the header, and makes it anew in time."""

    def __init__(self, settings: KlingSettings, clock: Callable[[], float] = time.time) -> None:
        """Take the keys.

        Raises:
            ConfigError: there are none.
        """
        if not settings.configured:
            words = "Kling has no keys. Please set KLING_API_KEY, or KLING_ACCESS_KEY and KLING_SECRET_KEY."
            raise ConfigError(words)
        self._settings, self._clock = settings, clock
        self._token, self._until = "", 0.0

    def header(self) -> dict[str, str]:
        """Return the header of a request that is sent now."""
        if self._settings.api_key:
            return {"Authorization": f"Bearer {self._settings.api_key.get_secret_value()}"}
        if self._clock() >= self._until:
            self._token, self._until = self._minted(), self._clock() + LIFE * USED
        return {"Authorization": f"Bearer {self._token}"}

    def renew(self) -> bool:
        """Forget the token; return whether the next one can differ from it."""
        self._until = 0.0
        return self._settings.api_key is None

    def _minted(self) -> str:
        access, secret = self._settings.access_key, self._settings.secret_key
        assert access  # noqa: S101 - by ``configured``
        assert secret  # noqa: S101 - by ``configured``
        now = int(self._clock())
        claims = {"iss": access.get_secret_value(), "exp": now + LIFE, "nbf": now - SKEW}
        return jwt.encode(claims, secret.get_secret_value(), algorithm="HS256")
