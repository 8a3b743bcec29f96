"""The accounts with providers; set by the environment (``KLING_…``, ``GEMINI_…``)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[PositiveFloat, BeforeValidator(lambda text: str(text).strip().removesuffix("s"))]
"""A time [s]; ``120`` and ``120s`` are the same."""

HOSTS = {"global": "https://api-singapore.klingai.com", "cn": "https://api-beijing.klingai.com"}
"""Kling's two sites; keys of one are unknown at the other (facts 1.1)."""


class KlingSettings(BaseSettings):
    """``KLING_API_KEY`` alone, or ``KLING_ACCESS_KEY`` with ``KLING_SECRET_KEY``."""

    model_config = SettingsConfigDict(env_prefix="KLING_", frozen=True)

    api_key: SecretStr | None = None
    """One key that is sent as it is; goes before the pair."""

    access_key: SecretStr | None = None
    """Names the account."""

    secret_key: SecretStr | None = None
    """Signs the tokens of ``access_key``."""

    region: Literal["global", "cn"] = "global"
    """The site where the account is."""

    base_url: str = ""
    """Another address than the region's."""

    model: str = "kolors-virtual-try-on-v1-5"
    """Always sent: Kling itself would take v1 (facts 1.3)."""

    timeout: Seconds = 120.0
    """The longest wait for a picture [s]; it takes 15-60 s."""

    most_parallel: PositiveInt = 3
    """How many tasks the account may have at once; the real number is in Kling's console."""

    cost: PositiveFloat = 1.0
    """What a picture is expected to be charged [units]; the budgets of tenants count in the same units."""

    @property
    def configured(self) -> bool:
        """Whether there is an account."""
        return bool(self.api_key or (self.access_key and self.secret_key))

    @property
    def url(self) -> str:
        """The address of the service, without a slash at its end."""
        return (self.base_url or HOSTS[self.region]).rstrip("/")


class GeminiSettings(BaseSettings):
    """``GEMINI_API_KEY``."""

    model_config = SettingsConfigDict(env_prefix="GEMINI_", frozen=True)

    api_key: SecretStr | None = None
    """The key of Google AI Studio."""

    base_url: str = "https://generativelanguage.googleapis.com"
    """The address of the service."""

    model: str = "gemini-3.1-flash-image"
    """Google switches its models off after a year (ai.google.dev/gemini-api/docs/deprecations)."""

    timeout: Seconds = 120.0
    """The longest wait for a picture [s]."""

    most_parallel: PositiveInt = 3
    """How many pictures may be rendered at once."""

    cost: PositiveFloat = 1.0
    """What a picture counts for in the budgets of tenants [units]; Google bills tokens."""

    @property
    def configured(self) -> bool:
        """Whether there is an account."""
        return self.api_key is not None
