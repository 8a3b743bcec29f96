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
    │   └── WrongTensor             wrong_tensor          422    INVALID_ARGUMENT
    ├── ServerUnavailable           server_unavailable    503    UNAVAILABLE
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


class ServerUnavailable(VfrError):
    """The inference server is down, starting, or full."""

    code = "server_unavailable"
    http_status = 503
    grpc_status = "UNAVAILABLE"


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
