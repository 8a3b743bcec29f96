"""Gemini's requests and answers as types, and what its refusals mean for us."""

from __future__ import annotations

import base64
import binascii
import re

from pydantic import BaseModel, Field, ValidationError

from api.providers.base import Rule
from bridge.errors import ExternalBadInput, ExternalRateLimit, ProviderError, RenderFailed

_KEYS = Rule(ProviderError, "Gemini does not accept our key or our settings. Please tell the operator.")
_BILL = Rule(ProviderError, "Gemini's account has a problem with its bill. Please tell the operator.")
_PICTURES = Rule(ExternalBadInput, "Gemini can't work with these pictures. Please use others.")
_POLICY = Rule(ExternalBadInput, "Gemini refuses these pictures by its content rules. Please use others.")
_FULL = Rule(ExternalRateLimit, "Gemini has no room now. Please try again in a moment.", 30.0)
_BROKEN = Rule(RenderFailed, "Gemini has a fault. Please try again in a moment.", 10.0)
_NOTHING = Rule(RenderFailed, "Gemini answered without a picture.")

RULES = {
    "INVALID_ARGUMENT": _PICTURES,
    "FAILED_PRECONDITION": _BILL,  # no free tier here, or billing is off
    "UNAUTHENTICATED": _KEYS,
    "PERMISSION_DENIED": _KEYS,
    "NOT_FOUND": _KEYS,  # no such model: they are switched off after a year
    "RESOURCE_EXHAUSTED": _FULL,
    "INTERNAL": _BROKEN,
    "UNAVAILABLE": _BROKEN,
    "DEADLINE_EXCEEDED": _BROKEN,
}
"""Status of google.rpc to what it means."""
PAYMENT_REQUIRED = 402
"""HTTP's status of a prepaid account that is used up; its google.rpc status is RESOURCE_EXHAUSTED too."""
BAD_KEY = "API_KEY_INVALID"
"""The reason in the details of an INVALID_ARGUMENT that is about the key."""
BLOCKED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    }
)
"""Reasons to finish, or to block the request, that are about content."""

_DELAY = re.compile(r"(\d{1,5}(?:\.\d{1,9})?)s", re.ASCII)


class Inline(BaseModel):
    """A picture within the JSON."""

    mimeType: str = ""  # noqa: N815 - Google's spelling
    data: str


class Part(BaseModel):
    """A text or a picture."""

    text: str | None = None
    inlineData: Inline | None = None  # noqa: N815 - Google's spelling


class Content(BaseModel):
    """One turn of the conversation."""

    parts: list[Part] = []


class Generation(BaseModel):
    """What is to be made."""

    responseModalities: list[str] = ["IMAGE"]  # noqa: N815 - Google's spelling


class Request(BaseModel):
    """The body of generateContent."""

    contents: list[Content]
    generationConfig: Generation  # noqa: N815 - Google's spelling


class Candidate(BaseModel):
    """One answer."""

    content: Content = Field(default_factory=Content)
    finishReason: str = ""  # noqa: N815 - Google's spelling


class Feedback(BaseModel):
    """What Gemini thinks of the request."""

    blockReason: str = ""  # noqa: N815 - Google's spelling


class Detail(BaseModel):
    """One of google.rpc's details: ErrorInfo has a reason, RetryInfo a delay such as ``22s``."""

    reason: str = ""
    retryDelay: str = ""  # noqa: N815 - Google's spelling


class Fault(BaseModel):
    """google.rpc.Status."""

    status: str = ""
    message: str = ""
    details: list[Detail] = []


class Reply(BaseModel):
    """Whatever Gemini answered."""

    status: int = Field(default=0, exclude=True)  # of HTTP
    candidates: list[Candidate] = []
    promptFeedback: Feedback = Field(default_factory=Feedback)  # noqa: N815 - Google's spelling
    error: Fault | None = None

    @classmethod
    def read(cls, status: int, body: bytes) -> Reply:
        """Read an answer; one that is not understood is empty."""
        try:
            reply = cls.model_validate_json(body)
        except ValidationError:
            reply = cls()
        return reply.model_copy(update={"status": status})

    def picture(self) -> bytes | None:
        """Return the bytes of the last picture: earlier ones are drafts."""
        parts = [part for candidate in self.candidates for part in candidate.content.parts]
        encoded = [part.inlineData.data for part in parts if part.inlineData and part.inlineData.data]
        if self.error or not encoded:
            return None
        try:
            return base64.b64decode(encoded[-1], validate=True)
        except binascii.Error:
            return None

    def reason(self) -> str:
        """Return why there is no picture, in Gemini's word."""
        if self.error:
            return self.error.status
        finished = [candidate.finishReason for candidate in self.candidates if candidate.finishReason]
        return self.promptFeedback.blockReason or next(iter(finished), "")

    def words(self) -> str:
        """Return what Gemini says in words, for the log."""
        return f"{self.reason()} {self.error.message if self.error else ''}"


def refusal(reply: Reply) -> ProviderError:
    """Return the error of an answer without a picture."""
    error = _rule(reply).made("Gemini", f"{reply.reason() or 'no reason'}, HTTP {reply.status}")
    delays = [_DELAY.fullmatch(detail.retryDelay) for detail in reply.error.details] if reply.error else []
    if error.retry_after is not None and (asked := [float(delay[1]) for delay in delays if delay]):
        error.retry_after = max(asked)
    return error


def _rule(reply: Reply) -> Rule:
    if reply.error is None and reply.status < 400:
        blocked = reply.reason() in BLOCKED or bool(reply.promptFeedback.blockReason)
        return _POLICY if blocked else _NOTHING
    if reply.status == PAYMENT_REQUIRED:
        return _BILL
    if reply.error and any(detail.reason == BAD_KEY for detail in reply.error.details):
        return _KEYS
    return RULES.get(reply.reason(), _BROKEN if reply.status >= 500 else _KEYS)
