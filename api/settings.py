"""Where the service finds its server and what it accepts; set by the environment (``VFR_…``)."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bridge.checkout import CONFIGS


class Role(str, Enum):
    """What a process does."""

    ALL = "all"
    API = "api"
    WORKER = "worker"


def _data_folder() -> Path:
    """Return the user's folder for data of programs (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "neurose-vfr"


class Settings(BaseSettings):
    """One field per environment variable: ``VFR_TRITON_URL`` sets ``triton_url``, and so on."""

    model_config = SettingsConfigDict(env_prefix="VFR_", frozen=True)

    triton_url: str = "127.0.0.1:8001"
    """``host:port`` of Triton's gRPC service."""

    timeout: PositiveFloat = 30.0
    """The longest wait for one answer of Triton [s]."""

    max_upload_mb: PositiveInt = 64
    """The largest request, all its pictures together [MiB]."""

    upload_seconds: PositiveFloat = 60.0
    """How long a request's body may take to come [s]; a slower one is answered 408 and dropped."""

    max_in_flight: PositiveInt = 16
    """How many requests may wait for Triton at once; one more is answered 503 with ``Retry-After``."""

    most_streams: PositiveInt = 100
    """How many streams of events a tenant may have open at one process; each asks the database time and again."""

    data: Path = Field(default_factory=_data_folder)
    """The folder of what must survive, where no other place is named: database, pictures, the secret."""

    database_url: str = ""
    """``postgresql://…`` or ``sqlite:///path``; empty: SQLite in ``data``."""

    blobs_url: str = ""
    """``s3://bucket/prefix`` or ``file:///path``; empty: a folder in ``data``."""

    secret: SecretStr | None = None
    """Signs links and callbacks and peppers keys, at least 32 characters; None: made once and kept in ``data``."""

    public_url: str = ""
    """The address under which others reach this service, for links and callbacks: ``https://fit.example.com``."""

    role: Role = Role.ALL
    """``api`` takes jobs, ``worker`` executes them, ``all`` does both in one process."""

    tenants: Path = CONFIGS / "tenants.yaml"
    """Who may use the service, and for how much."""

    pipeline: Path = CONFIGS / "pipeline.yaml"
    """How good a picture must be, and what another attempt changes."""

    anonymous: bool = False
    """Whether callers without a key are served although others than this machine's reach the service."""

    allow_private_urls: bool = False
    """Whether ``http``, other ports and private networks may be named as sources and webhooks: for tests and
    laptops only, since whoever may send a job can then knock at every door inside of the network."""

    artifacts_folder: Path | None = None
    """Where ``POST /v1/artifacts/ensure`` keeps files; None: a folder in ``data``."""

    max_artifact_mb: PositiveInt = 8192
    """The largest file that it fetches [MiB]."""

    workers: PositiveInt = 2
    """How many jobs a worker executes at once; Triton shares its machine among them."""

    job_seconds: PositiveFloat = 600.0
    """The time that a job has unless it says otherwise [s]."""

    most_queued: PositiveInt = 10_000
    """How many jobs may wait altogether; one more is answered 503 with ``Retry-After``."""

    drain_seconds: PositiveFloat = 30.0
    """How long a worker that is stopped may finish its steps [s]; what is not finished, another worker takes over."""

    dead_seconds: PositiveFloat = 15.0
    """A worker that was silent for so long is believed dead, and its jobs are given to others [s]."""

    link_seconds: PositiveFloat = 3600.0
    """How long a link to a picture holds [s]; asking for the job brings a new one."""

    host: str = "127.0.0.1"
    """The address that ``vfr serve`` listens on."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """The port that ``vfr serve`` listens on; 0 takes a free one."""

    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """The port of ``/metrics``, ``/healthz`` and ``/readyz`` for those who run the service; a worker has no other.
    None: ``vfr serve`` answers them beside REST, where whoever reaches it may read tenants' names in the metrics."""

    @property
    def database(self) -> str:
        """The database's address."""
        return self.database_url or f"sqlite:///{self.data / 'vfr.sqlite'}"

    @property
    def blobs(self) -> str:
        """The address of the store of pictures."""
        return self.blobs_url or (self.data / "blobs").absolute().as_uri()

    @property
    def artifacts(self) -> Path:
        """The folder of the files that were fetched on an administrator's word."""
        return self.artifacts_folder or self.data / "artifacts"

    @cached_property
    def key(self) -> bytes:
        """The secret as bytes; made and kept, readable by this user alone, when none is set."""
        if self.secret:
            return self.secret.get_secret_value().encode()
        self.data.mkdir(parents=True, exist_ok=True)
        file = self.data / "secret"
        if not file.exists():
            with tempfile.NamedTemporaryFile("w", dir=self.data) as new:  # readable by this user alone
                new.write(secrets.token_urlsafe(32))
                new.flush()
                with suppress(FileExistsError):  # another process was quicker: its secret holds
                    os.link(new.name, file)
        return file.read_bytes()
