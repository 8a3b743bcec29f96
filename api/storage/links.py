"""Links to results: whoever holds one may look until it expires, without a key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct

from bridge.errors import LinkExpired, NotFound

PATH = "/v1/results/"
"""Where ``api/routes/results.py`` answers."""

_TIME = struct.Struct(">d")
_DIGEST = hashlib.sha256().digest_size


class Links:
    """Makes and reads links.

    A token is the base64url form of HMAC-SHA256, expiry and key of the blob. It hides nothing: whoever holds
    it can read the key of the blob, and nobody can change or extend it.
    """

    def __init__(self, key: bytes, public_url: str) -> None:
        """Derive the key that signs links.

        Args:
            key: the service's secret.
            public_url: what stands before the path; empty: links are paths.
        """
        self._key = hmac.digest(key, b"links", "sha256")
        self._public_url = public_url.rstrip("/")

    def sign(self, blob_key: str, expires: float) -> str:
        """Return a link to a blob that holds until ``expires`` [Unix seconds]."""
        content = _TIME.pack(expires) + blob_key.encode()
        token = base64.urlsafe_b64encode(self._digest(content) + content).rstrip(b"=").decode()
        return f"{self._public_url}{PATH}{token}"

    def read(self, token: str, now: float) -> str:
        """Return the key of the blob that a link leads to.

        Args:
            token: the last part of the link.
            now: Unix time [s].

        Raises:
            NotFound: we never signed this.
            LinkExpired: the link's time is over.
        """
        signed = _decoded(token)
        digest, content = signed[:_DIGEST], signed[_DIGEST:]
        if not hmac.compare_digest(digest, self._digest(content)):
            raise NotFound("This link leads nowhere. Please check that it was copied whole.")
        if now >= _TIME.unpack_from(content)[0]:
            raise LinkExpired("This link has expired. Please ask for the job again: it brings a new one.")
        return content[_TIME.size :].decode()

    def _digest(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")


def _decoded(token: str) -> bytes:
    """Return the bytes of a token; nothing where it is none, which no digest fits."""
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
