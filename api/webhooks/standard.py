"""How our webhooks are signed: Standard Webhooks 1.0.0 (https://www.standardwebhooks.com), symmetric ``v1``.

A receiver verifies with any of the specification's libraries, and drops what it has seen by ``webhook-id``,
which is the same in every attempt.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Sequence
from datetime import datetime, timezone

from pydantic import SecretStr
from standardwebhooks import Webhook

from bridge.errors import ConfigError

PREFIX = "whsec_"
"""What the specification puts before a secret, so that a leaked one is recognised."""
_LEAST, _MOST = 24, 64
"""How many bytes a secret may have (specification, "Signature scheme")."""


def new_secret() -> SecretStr:
    """Return a fresh secret, to be given to the receiver once: ``whsec_`` and 32 random bytes in base64."""
    return SecretStr(PREFIX + base64.b64encode(secrets.token_bytes(32)).decode())


def sign(signing: Sequence[SecretStr], message_id: str, timestamp: float, body: bytes) -> dict[str, str]:
    """Return the headers that prove who sent a body.

    Args:
        signing: the endpoint's secrets; two while one is replaced by the other, and a receiver that knows
            either one is satisfied.
        message_id: the same in every attempt; the receiver's key against duplicates.
        timestamp: of this attempt [Unix seconds].
        body: the very bytes that will be sent, UTF-8.

    Raises:
        ConfigError: there is no secret, or one that the specification does not allow.
    """
    if not signing:
        raise ConfigError("The webhook has no secret; give it one (whsec_…) that its receiver knows.")
    moment = datetime.fromtimestamp(int(timestamp), timezone.utc)
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(timestamp)),
        "webhook-signature": " ".join(_signer(s).sign(message_id, moment, body.decode()) for s in signing),
    }


def _signer(secret: SecretStr) -> Webhook:
    text = secret.get_secret_value().removeprefix(PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)  # padding may be left out
    except (binascii.Error, ValueError) as error:
        raise ConfigError(_unfit("is not base64")) from error
    if not _LEAST <= len(key) <= _MOST:
        raise ConfigError(_unfit(f"has {len(key)} bytes"))
    return Webhook(key)


def _unfit(fault: str) -> str:
    return f"A webhook's secret {fault}; it must be whsec_ and {_LEAST} to {_MOST} bytes in base64."
