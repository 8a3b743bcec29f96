"""Signatures of webhooks that we send, by the specification's library and its own example."""

from __future__ import annotations

import time

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from api.webhooks.standard import new_secret, sign
from bridge.errors import ConfigError


def test_the_published_example_is_signed_alike() -> None:
    """The example that the libraries of the specification test with."""
    secret = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = sign([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330.9, b'{"test": 2432232314}')
    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_secrets_change_either_one_will_do() -> None:
    """Two signatures, old and new; a third secret fits neither."""
    old, new, foreign = new_secret(), new_secret(), new_secret()
    headers = sign([old, new], "msg_1", time.time(), b'{"a": "\xc3\xa9"}')
    for secret in (old, new):
        assert Webhook(secret.get_secret_value()).verify(b'{"a": "\xc3\xa9"}', headers) == {"a": "é"}
    with pytest.raises(WebhookVerificationError):
        Webhook(foreign.get_secret_value()).verify(b'{"a": "\xc3\xa9"}', headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old.get_secret_value()).verify(b'{"a": "e"}', headers)


@pytest.mark.parametrize("value", ["", "whsec_", "whsec_!!!!", "whsec_QUJD", "whsec_" + "A" * 100, "é" * 40])
def test_secrets_that_protect_nothing_are_refused(value: str) -> None:
    """Too short, too long, no base64: told in words, and the secret is not among them."""
    with pytest.raises(ConfigError) as caught:
        sign([SecretStr(value)], "msg_1", 0.0, b"{}")
    assert "24 to 64 bytes" in str(caught.value)
    with pytest.raises(ConfigError, match="no secret"):
        sign([], "msg_1", 0.0, b"{}")
