"""What to answer with: HTTP's ``Accept`` header (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from starlette.exceptions import HTTPException

from bridge.imaging.encode import Format

JSON = "application/json"
PICTURES: dict[str, Format] = {form.media_type: form for form in Format}
"""The formats of pictures by media type."""


def choose(accept: str | None, offers: Sequence[str]) -> str:
    """Return the offer that the caller prefers; the first of equals.

    Args:
        accept: the header, such as ``image/webp, image/*;q=0.8``; None or empty: anything.
        offers: media types, the service's own preference first.

    Raises:
        HTTPException: 406, the caller accepts none of the offers.
    """
    ranges = list(_ranges(accept or "*/*"))
    best = max(offers, key=lambda offer: _quality(offer, ranges))  # max keeps the first of equals
    if _quality(best, ranges) == 0:
        raise HTTPException(406, f"This can be answered as {', '.join(offers)}; please accept one of them.")
    return best


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            yield name, float(quality)
        except ValueError:
            yield name, 0.0


def _quality(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The most specific range that names the offer decides."""
    for pattern in (offer, offer.partition("/")[0] + "/*", "*/*"):
        for name, quality in ranges:
            if name == pattern:
                return quality
    return 0.0
