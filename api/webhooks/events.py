"""What our webhooks say. Pictures are never in them, only links: a body stays below 20 kB."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

_WORDS = 1000
"""The most characters of a sentence."""

Link = Annotated[str, Field(max_length=4096)]


def _told(words: str) -> str:
    """Cut, and free of halves of characters, which no JSON can hold: it may quote what strangers sent."""
    return words[:_WORDS].encode(errors="replace").decode()


Sentence = Annotated[str, BeforeValidator(_told)]


class Body(BaseModel):
    """The base of all: no field that is not named here."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Done(Body):
    """A job that ended with a picture."""

    job: str = Field(max_length=64)
    url: Link = Field(
        description="where the job can be asked for, with a key; brings a new link to the picture"
    )
    image: Link = Field(description="the picture; whoever holds the link may look until it expires")
    image_expires: AwareDatetime
    media_type: str = Field(max_length=64, examples=["image/png"])
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the picture's bytes")


class Failed(Body):
    """A job that ended without a picture."""

    job: str = Field(max_length=64)
    url: Link = Field(description="where the job can be asked for, with a key")
    code: str = Field(max_length=64, description="as in `GET /problems`", examples=["no_person"])
    detail: Sentence = Field(description="what went wrong and what to do")


class JobDone(Body):
    """The webhook ``job.done``."""

    type: Literal["job.done"] = "job.done"
    timestamp: AwareDatetime = Field(description="when the job ended")
    data: Done


class JobFailed(Body):
    """The webhook ``job.failed``."""

    type: Literal["job.failed"] = "job.failed"
    timestamp: AwareDatetime = Field(description="when the job ended")
    data: Failed


Event = JobDone | JobFailed


def encoded(event: Event) -> bytes:
    """Return the body that is signed and sent: JSON in UTF-8."""
    return event.model_dump_json().encode()
