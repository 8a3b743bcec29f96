"""What Kling's service codes mean for us (facts 1.7). HTTP's 429 alone says nothing: an unpaid bill has it too."""

from __future__ import annotations

from api.providers.base import OUTAGE_SECONDS, Rule
from bridge.errors import ExternalBadInput, ExternalRateLimit, ProviderError, RenderFailed

_KEYS = Rule(ProviderError, "Kling does not accept our keys. Please tell the operator.")
_BILL = Rule(ProviderError, "Kling's account has a problem with its bill. Please tell the operator.")
_SETTINGS = Rule(ProviderError, "Kling refuses what our settings ask for. Please tell the operator.")
_PICTURES = Rule(ExternalBadInput, "Kling can't work with these pictures. Please use others.")
_POLICY = Rule(ExternalBadInput, "Kling refuses these pictures by its content rules. Please use others.")
_FULL = Rule(ExternalRateLimit, "Kling has no room now. Please try again in a moment.", 2.0)
_BROKEN = Rule(RenderFailed, "Kling has a fault. Please try again in a moment.", 5.0)
_MAINTENANCE = Rule(RenderFailed, "Kling is under maintenance. Please try again later.", OUTAGE_SECONDS)

RULES = {
    1000: _KEYS,  # authentication failed
    1001: _KEYS,  # no header
    1002: _KEYS,  # invalid token
    1003: _KEYS,  # not yet valid, even after it was made anew
    1004: _KEYS,  # expired, even after it was made anew
    1100: _BILL,  # account exception
    1101: _BILL,  # arrears
    1102: _BILL,  # pack used up or expired
    1103: _SETTINGS,  # no permission for the model
    1200: _PICTURES,  # bad parameters
    1201: _PICTURES,  # bad key or value: also a picture that it can't read
    1202: _SETTINGS,  # invalid method
    1203: _SETTINGS,  # no such resource or model
    1300: _POLICY,  # platform policy
    1301: _POLICY,  # content security
    1302: _FULL,  # too fast
    1303: _FULL,  # more parallel tasks than the pack allows
    1304: _SETTINGS,  # our address is not on the account's list
    5000: _BROKEN,  # internal error
    5001: _MAINTENANCE,
    5002: _BROKEN,  # backlog
}
"""Service code to what it means."""

STALE = frozenset({1003, 1004})
"""A new token helps."""
ABSENT = frozenset({1200, 1201, 1203})
"""What a query says of an id that it does not know."""


def meaning(status: int, code: int) -> ProviderError:
    """Return the error of an answer that is no success.

    Args:
        status: of HTTP; looked at only when the answer carries no code that we know.
        code: Kling's own, or -1 when there is none.
    """
    if rule := RULES.get(code):
        return rule.made("Kling", str(code))
    unknown = _BROKEN if status >= 500 else _KEYS if status == 401 else _SETTINGS
    return unknown.made("Kling", f"{code}, HTTP {status}")
