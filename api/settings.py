"""Where the service finds its server and what it accepts; set by the environment (``VFR_…``)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One field per environment variable: ``VFR_TRITON_URL`` sets ``triton_url``, and so on."""

    model_config = SettingsConfigDict(env_prefix="VFR_", frozen=True)

    triton_url: str = "127.0.0.1:8001"
    """``host:port`` of Triton's gRPC service."""

    timeout: PositiveFloat = 30.0
    """The longest wait for one answer of Triton [s]."""

    max_upload_mb: PositiveInt = 64
    """The largest request, all its pictures together [MiB]."""

    max_in_flight: PositiveInt = 16
    """How many requests may wait for Triton at once; one more is answered 503 with ``Retry-After``."""

    host: str = "127.0.0.1"
    """The address that ``vfr serve`` listens on."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """The port that ``vfr serve`` listens on; 0 takes a free one."""
