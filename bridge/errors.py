"""Everything that can go wrong and that somebody is told about: one tree.

::

    VfrError                        code                  HTTP   gRPC
    ├── BadInput                    bad_input             422    INVALID_ARGUMENT
    │   ├── ImageError              bad_image             422    INVALID_ARGUMENT
    │   │   ├── NotAnImage          not_an_image          415    INVALID_ARGUMENT
    │   │   ├── ImageTooLarge       image_too_large       413    INVALID_ARGUMENT
    │   │   ├── ImageTooSmall       image_too_small       422    INVALID_ARGUMENT
    │   │   └── AnimatedImage       animated_image        415    INVALID_ARGUMENT
    │   ├── NoPerson                no_person             422    INVALID_ARGUMENT
    │   ├── BodyNotFitted           body_not_fitted       422    INVALID_ARGUMENT
    │   ├── NoGarment               no_garment            422    INVALID_ARGUMENT
    │   ├── GarmentNotMeshed        garment_not_meshed    422    INVALID_ARGUMENT
    │   ├── DrapeFailed             drape_failed          422    INVALID_ARGUMENT
    │   ├── CategoryMismatch        category_mismatch     422    INVALID_ARGUMENT
    │   ├── BodyOutOfFrame          body_out_of_frame     422    INVALID_ARGUMENT
    │   ├── WrongTensor             wrong_tensor          422    INVALID_ARGUMENT
    │   ├── UrlRefused              url_refused           422    INVALID_ARGUMENT
    │   ├── Bystanders              bystanders            422    INVALID_ARGUMENT
    │   ├── KeyReused               key_reused            422    INVALID_ARGUMENT
    │   └── WebhookRefused          webhook_refused       400    INVALID_ARGUMENT
    ├── Refused                     refused               403    PERMISSION_DENIED
    │   ├── Unauthenticated         unauthenticated       401    UNAUTHENTICATED
    │   ├── NotFound                not_found             404    NOT_FOUND
    │   ├── LinkExpired             link_expired          410    NOT_FOUND
    │   ├── Conflict                conflict              409    ABORTED
    │   ├── RateLimited             rate_limited          429    RESOURCE_EXHAUSTED
    │   └── QuotaSpent              quota_spent           429    RESOURCE_EXHAUSTED
    ├── JobFailed                   job_failed            500    INTERNAL
    │   ├── JobCancelled            job_cancelled         409    CANCELLED
    │   ├── DeadlineMissed          deadline_missed       504    DEADLINE_EXCEEDED
    │   ├── NotFinite               not_finite            500    INTERNAL
    │   └── QualityMissed           quality_missed        422    FAILED_PRECONDITION
    ├── ProviderError               provider_error        502    UNAVAILABLE
    │   ├── ExternalRateLimit       external_rate_limit   503    RESOURCE_EXHAUSTED
    │   ├── ExternalBadInput        external_bad_input    422    INVALID_ARGUMENT
    │   └── RenderFailed            render_failed         502    UNAVAILABLE
    ├── ServerUnavailable           server_unavailable    503    UNAVAILABLE
    │   ├── OutOfMemory             out_of_memory         503    RESOURCE_EXHAUSTED
    │   └── StorageUnavailable      storage_unavailable   503    UNAVAILABLE
    ├── ArtifactError               artifact_error        503    UNAVAILABLE
    │   ├── ArtifactMissing         artifact_missing      503    UNAVAILABLE
    │   ├── ArtifactCorrupt         artifact_corrupt      503    UNAVAILABLE
    │   ├── LicenceForbids          licence_forbids       503    UNAVAILABLE
    │   └── ConversionFailed        conversion_failed     503    UNAVAILABLE
    ├── ConfigError                 config_error          500    INTERNAL
    └── InternalError               internal              500    INTERNAL

The message of every error is a sentence that a stranger understands and that says what to do.
Over gRPC an error travels as ``code: sentence``; :func:`from_wire` turns it back into its class.
"""

from __future__ import annotations

from typing import ClassVar


class VfrError(Exception):
    """The root. ``code`` is stable and meant for programs; ``str(error)`` is meant for people."""

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500
    grpc_status: ClassVar[str] = "INTERNAL"

    retry_after: float | None = None
    """When the same request may succeed [s], where that is known."""

    def to_wire(self) -> str:
        """Return the one line that carries this error through Triton: ``code: sentence``."""
        return f"{self.code}: {self}"


class BadInput(VfrError):
    """What was sent can't be used; sending the same again can't help."""

    code = "bad_input"
    http_status = 422
    grpc_status = "INVALID_ARGUMENT"


class ImageError(BadInput):
    """The bytes are an image's, but not one that can be used."""

    code = "bad_image"


class NotAnImage(ImageError):
    """The bytes are no JPEG, PNG or WebP picture, or a picture that breaks off."""

    code = "not_an_image"
    http_status = 415


class ImageTooLarge(ImageError):
    """More bytes or more pixels than is accepted; found before anything is decoded."""

    code = "image_too_large"
    http_status = 413


class ImageTooSmall(ImageError):
    """Too few pixels to see a person or a garment."""

    code = "image_too_small"


class AnimatedImage(ImageError):
    """More than one frame."""

    code = "animated_image"
    http_status = 415


class NoPerson(BadInput):
    """Nobody was found in the person's photo, or not the one that ``person_index`` names."""

    code = "no_person"


class BodyNotFitted(BadInput):
    """No body could be brought into the pose of the person in the photo."""

    code = "body_not_fitted"


class NoGarment(BadInput):
    """No garment was found in the garment's photo."""

    code = "no_garment"


class GarmentNotMeshed(BadInput):
    """The garment's photo can't be cut into panels of cloth."""

    code = "garment_not_meshed"


class DrapeFailed(BadInput):
    """The garment can't be simulated on this body, or the simulation came apart."""

    code = "drape_failed"


class CategoryMismatch(BadInput):
    """The garment's shape contradicts the category that was claimed."""

    code = "category_mismatch"


class BodyOutOfFrame(BadInput):
    """The part of the body that the garment covers lies outside the person's photo."""

    code = "body_out_of_frame"


class WrongTensor(BadInput):
    """A tensor's name, dtype or shape differs from the contract."""

    code = "wrong_tensor"


class UrlRefused(BadInput):
    """An address from which nothing is fetched, or that gave nothing of use."""

    code = "url_refused"


class Bystanders(BadInput):
    """The photo shows other people, and the tenant wants no such photos."""

    code = "bystanders"


class KeyReused(BadInput):
    """An ``Idempotency-Key`` came again with another request."""

    code = "key_reused"


class WebhookRefused(BadInput):
    """A webhook that nobody we know has signed, or that is too old."""

    code = "webhook_refused"
    http_status = 400


class Refused(VfrError):
    """The caller may not have what was asked for."""

    code = "refused"
    http_status = 403
    grpc_status = "PERMISSION_DENIED"


class Unauthenticated(Refused):
    """No key or token came along, or one that is not known, not valid any more, or not yet."""

    code = "unauthenticated"
    http_status = 401
    grpc_status = "UNAUTHENTICATED"


class NotFound(Refused):
    """There is nothing of that name, or it is somebody else's."""

    code = "not_found"
    http_status = 404
    grpc_status = "NOT_FOUND"


class LinkExpired(Refused):
    """A link to a picture is over its time."""

    code = "link_expired"
    http_status = 410
    grpc_status = "NOT_FOUND"


class Conflict(Refused):
    """What was asked for does not fit what is going on."""

    code = "conflict"
    http_status = 409
    grpc_status = "ABORTED"


class RateLimited(Refused):
    """Too many requests in a short time."""

    code = "rate_limited"
    http_status = 429
    grpc_status = "RESOURCE_EXHAUSTED"


class QuotaSpent(Refused):
    """The tenant's quota or budget for this period is spent."""

    code = "quota_spent"
    http_status = 429
    grpc_status = "RESOURCE_EXHAUSTED"


class JobFailed(VfrError):
    """A job ended without a picture."""

    code = "job_failed"


class JobCancelled(JobFailed):
    """The job was cancelled before it ended."""

    code = "job_cancelled"
    http_status = 409
    grpc_status = "CANCELLED"


class DeadlineMissed(JobFailed):
    """The job's time was over before it ended."""

    code = "deadline_missed"
    http_status = 504
    grpc_status = "DEADLINE_EXCEEDED"


class NotFinite(JobFailed):
    """A network computed something that is not a number."""

    code = "not_finite"


class QualityMissed(JobFailed):
    """No attempt was good enough to be shown."""

    code = "quality_missed"
    http_status = 422
    grpc_status = "FAILED_PRECONDITION"


class ProviderError(VfrError):
    """A provider outside of this system can't be used: its account or its settings."""

    code = "provider_error"
    http_status = 502
    grpc_status = "UNAVAILABLE"


class ExternalRateLimit(ProviderError):
    """A provider has no room now."""

    code = "external_rate_limit"
    http_status = 503
    grpc_status = "RESOURCE_EXHAUSTED"


class ExternalBadInput(ProviderError):
    """A provider refuses the pictures."""

    code = "external_bad_input"
    http_status = 422
    grpc_status = "INVALID_ARGUMENT"


class RenderFailed(ProviderError):
    """A provider took the job and could not finish it."""

    code = "render_failed"


class ServerUnavailable(VfrError):
    """The inference server is down, starting, or full."""

    code = "server_unavailable"
    http_status = 503
    grpc_status = "UNAVAILABLE"


class OutOfMemory(ServerUnavailable):
    """A network needs more memory than is free now."""

    code = "out_of_memory"
    grpc_status = "RESOURCE_EXHAUSTED"


class StorageUnavailable(ServerUnavailable):
    """The database or the store of pictures is down, or full."""

    code = "storage_unavailable"


class ArtifactError(VfrError):
    """A weight or another file of the registry can't be used."""

    code = "artifact_error"
    http_status = 503
    grpc_status = "UNAVAILABLE"


class ArtifactMissing(ArtifactError):
    """A file of the registry is not on this machine."""

    code = "artifact_missing"


class ArtifactCorrupt(ArtifactError):
    """A file is not the one that the registry names, or not what its name says."""

    code = "artifact_corrupt"


class LicenceForbids(ArtifactError):
    """The tier may not use these weights."""

    code = "licence_forbids"


class ConversionFailed(ArtifactError):
    """Weights could not be translated, or what came out computes something else than its source."""

    code = "conversion_failed"


class ConfigError(VfrError):
    """A file in ``configs/`` or a variable of the environment says something that can't be done."""

    code = "config_error"


class InternalError(VfrError):
    """A fault of ours; the details are in the server's log, not in the reply."""

    code = "internal"


def _tree(root: type[VfrError]) -> dict[str, type[VfrError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


BY_CODE = _tree(VfrError)
"""Every error class by its code."""


def from_wire(line: str) -> VfrError | None:
    """Turn a message that travelled through Triton back into its error.

    Args:
        line: a message that holds ``code: sentence``, perhaps behind a prefix that Triton added.

    Returns:
        The error, or None when the message is not one of ours.
    """
    code, found, sentence = line.partition(": ")
    while found:
        word = code.rpartition(" ")[2]
        if word in BY_CODE and word != VfrError.code:  # "error: " is what anybody may say
            return BY_CODE[word](sentence.strip())
        code, found, sentence = sentence.partition(": ")
    return None
