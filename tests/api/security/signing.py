"""A stand-in for Google: signs ID tokens with its own keys and serves their certificates over HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import jwt
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from fastapi import FastAPI, Response

from api.security.firebase import ISSUER

NOW = 1_800_000_000
PROJECT = "lumen-dashboard"


def claims(**changes: object) -> dict[str, object]:
    """Return what a good token says; None leaves a claim out."""
    said: dict[str, object] = {
        "aud": PROJECT,
        "iss": ISSUER + PROJECT,
        "sub": "Ann_1",
        "iat": NOW - 60,
        "exp": NOW + 3540,
        "auth_time": NOW - 600,
        "email": "ann@lumen.example",
    }
    return {name: value for name, value in (said | changes).items() if value is not None}


@dataclass
class Google:
    """Keys by id, and how the server of certificates behaves."""

    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=dict)
    max_age: int = 3600
    broken: bool = False
    asked: int = 0

    def __post_init__(self) -> None:
        """Begin with one key."""
        self.rotate("k1")

    def rotate(self, name: str) -> None:
        """Forget all keys and make another one."""
        self.keys = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048)}

    def certificate(self, name: str) -> str:
        """Return a key's certificate as PEM."""
        who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "securetoken")])
        today = datetime.now(timezone.utc)
        made = x509.CertificateBuilder(who, who, self.keys[name].public_key(), x509.random_serial_number())
        lasting = made.not_valid_before(today).not_valid_after(today + timedelta(days=1))
        return lasting.sign(self.keys[name], hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    def token(self, key: str = "k1", **changes: object) -> str:
        """Return a signed token."""
        return jwt.encode(claims(**changes), self.keys[key], "RS256", {"kid": key})

    def app(self) -> FastAPI:
        """Return the server of certificates."""
        app = FastAPI()

        @app.get("/certificates")
        async def certificates(response: Response) -> dict[str, str]:
            self.asked += 1
            if self.broken:
                response.status_code = 500
            response.headers["Cache-Control"] = f"public, max-age={self.max_age}, must-revalidate"
            return {name: self.certificate(name) for name in self.keys}

        return app

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve the certificates on a free port; yields their address."""
        import asyncio

        server = uvicorn.Server(uvicorn.Config(self.app(), port=0, log_level="error"))
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}/certificates"
        finally:
            server.should_exit = True
            await task


def forged(header: dict[str, object], said: dict[str, object], signature: bytes = b"") -> str:
    """Put a token together by hand, whatever a library would say to it."""
    parts = (json.dumps(header).encode(), json.dumps(said).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
