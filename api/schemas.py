"""What the REST service answers, as types; OpenAPI is made from them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """The base of all: no field that is not named here."""

    model_config = ConfigDict(extra="forbid")


class Report(BaseModel):
    """What was measured of a picture; ``bridge.quality`` writes it, a test keeps the two alike."""

    scores: dict[str, float | None] = Field(
        description="every score by name, null where the picture has nothing to measure it on",
        examples=[{"protected_identity": 1.0, "garment_colour": 0.94, "coverage": 0.91}],
    )
    warnings: list[str] = Field(description="sentences for people; empty when there is nothing to say")
    category: str = Field(description="upper, lower or dress", examples=["upper"])
    expert: str = Field(description="what put the garment on the person", examples=["warp"])
    route: dict[str, Any] = Field(
        description="why that expert, and what the models of drape report: mesh, body, drape, or null",
        examples=[{"expert": "warp", "why": "It was asked for.", "mesh": None, "body": None, "drape": None}],
    )
    seed: int = Field(description="the seed that was used", examples=[6313245])
    people: int = Field(description="how many people the photo shows", examples=[1])
    person_index: int = Field(description="who was dressed, counted from the largest (0)", examples=[0])
    sizes: dict[str, tuple[int, int]] = Field(
        description="[width, height] of each picture as it was worked on [px]",
        examples=[{"photo": [768, 1024], "garment": [768, 1024]}],
    )
    not_measured: dict[str, str] = Field(
        description="scores whose networks are not installed here, each with what installs them"
    )
    finish: dict[str, Any] | None = Field(
        default=None,
        description="of the tiers above basic what the finisher did, and with what: executed_steps, bucket, all of its "
        "settings, controls, seconds of each stage; source, sha256 and licence of its weights",
        examples=[
            {"executed_steps": 7, "bucket": "1024x1344", "source": "sdxl_base", "licence": "OpenRAIL++-M"}
        ],
    )


class Picture(Answer):
    """An encoded picture."""

    media_type: str = Field(examples=["image/png"])
    base64: str = Field(description="the encoded bytes, in base64", examples=["iVBORw0KGgo…"])


class Quality(Answer):
    """What the checks say of a picture."""

    passed: bool = Field(description="whether every threshold of the profile was reached")
    failures: list[dict[str, Any]] = Field(
        description="metric, value, threshold and a sentence, for each threshold that was missed"
    )
    not_measured: dict[str, str] = Field(
        description="metrics that could not be measured, and why; never counted as passed"
    )


class TryonAnswer(Answer):
    """The person wearing the garment."""

    request_id: str
    job: str = Field(description="the job that made it", examples=["0b9c7a4e5d3f4c0e8f2a1b6d7c8e9f00"])
    image: Picture
    report: Report | None = Field(description="null for a picture that was made outside of this system")
    quality: Quality
    attempts: list[dict[str, Any]] = Field(
        description="every picture that was made: verdict, changes, provider"
    )
    provider: dict[str, Any] | None = Field(description="who made it, when we did not")
    cached: bool = Field(description="whether an earlier request had asked for the same")
    seconds: float = Field(description="from the call of Triton to its answer [s]", examples=[0.93])
    stages: dict[str, float] = Field(
        description="seconds in each model; under load the mean of the try-ons that ended meanwhile",
        examples=[{"perception": 0.31, "warp": 0.2}],
    )


class Keypoint(Answer):
    """One named point."""

    name: str = Field(examples=["left_shoulder"])
    x: float = Field(description="pixels to the right in the decoded photo", examples=[301.5])
    y: float = Field(description="pixels down", examples=[220.1])
    score: Annotated[float, Field(ge=0, le=1)] = Field(description="how surely it is seen", examples=[0.99])


class ParseAnswer(Answer):
    """What is seen in a person's photo."""

    request_id: str
    size: tuple[int, int] = Field(
        description="[width, height] of the decoded photo [px]", examples=[[768, 1024]]
    )
    people: int = Field(description="how many people the photo shows", examples=[1])
    box: tuple[float, float, float, float] = Field(description="the person's box: x0, y0, x1, y1 [px]")
    coco17: list[Keypoint] = Field(description="the 17 points of COCO")
    body25: list[Keypoint] = Field(description="the 25 points of OpenPose's BODY-25")
    blazepose33: list[Keypoint] = Field(description="the 33 points of BlazePose")
    face_score: float = Field(description="confidence of the face; 0 when none is seen", examples=[0.97])
    masks: dict[str, Picture] = Field(
        description="for each label that occurs a PNG of the photo's size, white where it is seen; matte is "
        "the whole person with a soft edge"
    )


class Health(Answer):
    """The service's own pulse."""

    status: str = Field(examples=["ok"])


class Readiness(Answer):
    """Whether a try-on would succeed now."""

    ready: bool
    parts: dict[str, str] = Field(
        description="what a try-on needs, and the providers beyond, each in words",
        examples=[{"triton": "ready", "database": "ready", "pictures": "ready", "workers": "2 are alive"}],
    )
    models: dict[str, str] = Field(
        description='"ready", or what is wrong, for each model', examples=[{"tryon_basic": "ready"}]
    )
    tiers: dict[str, str] = Field(
        description='"ready", or what is missing, for each tier; one that has no weights is no reason for a 503',
        examples=[{"basic": "ready", "pro": "The finisher has no checkpoint. …", "ultra": "…"}],
    )


class Problem(BaseModel):
    """What went wrong, by RFC 9457 (application/problem+json)."""

    type: str = Field(description="where this kind of problem is explained", examples=["/problems/no_person"])
    title: str = Field(examples=["Nobody was found in the person's photo."])
    status: int = Field(examples=[422])
    detail: str = Field(
        description="a sentence that says what to do", examples=["Nobody is seen in the photo."]
    )
    code: str = Field(description="stable, for programs", examples=["no_person"])
    request_id: str = Field(examples=["8c1f0f5f0e1b4b0b9b6f4f0f6a1f3c55"])


class ProblemKind(Answer):
    """One kind of problem."""

    code: str = Field(examples=["no_person"])
    meaning: str = Field(examples=["Nobody was found in the person's photo."])
    http: int = Field(description="the HTTP status", examples=[422])
    grpc: str = Field(description="the gRPC status of the same error", examples=["INVALID_ARGUMENT"])


class JobAnswer(Answer):
    """A try-on that was handed in. Times are Unix seconds."""

    id: str = Field(examples=["0b9c7a4e5d3f4c0e8f2a1b6d7c8e9f00"])
    state: str = Field(description="queued, running, done, failed or cancelled", examples=["running"])
    stage: str = Field(description="what is being done", examples=["render"])
    progress: Annotated[float, Field(ge=0, le=1)]
    queue_position: int | None = Field(description="how many jobs are before it; null once it runs")
    created: float
    started: float | None
    ended: float | None
    deadline: float = Field(description="after this the job fails")
    image: str | None = Field(description="a link to the picture that expires; each answer brings a new one")
    media_type: str | None = Field(examples=["image/png"])
    sha256: str | None = Field(description="of the picture's bytes")
    report: Report | None = Field(description="null too for a picture that was made outside of this system")
    quality: Quality | None
    attempts: list[dict[str, Any]] = Field(
        description="every picture that was made: verdict, changes, provider"
    )
    provider: dict[str, Any] | None = Field(description="who made it, when we did not")
    cached: bool = Field(description="whether an earlier job had asked for the same")
    problem: dict[str, str | float] | None = Field(
        description="code and detail, when it failed; retry_after [s] where it is known when the same may succeed"
    )


class ProviderJob(Answer):
    """A job that another provider renders."""

    job: str = Field(description="our id: GET /v1/jobs/{job} tells how it goes on")
    provider: str = Field(
        description="who renders: Kling, or another one while that is out of order", examples=["kling"]
    )
    external_job_id: str | None = Field(description="the provider's id; null while it has no room")


class Erasure(Answer):
    """Somebody is forgotten. Times are Unix seconds."""

    id: str
    asked: float
    done: float | None = Field(description="null while it goes on")
    pictures: int | None = Field(description="how many were deleted")
