"""The report that travels with every picture: its JSON, stated once."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TypedDict


class Scores(TypedDict):
    """Every score that needs no weights; None where this picture has nothing to measure it on."""

    protected_identity: float
    """Share of the pixels outside the edit mask that equal the photo bit for bit, [0, 1]; must be 1."""

    garment_colour: float | None
    """Likeness of the worn garment's colours to the product photo's, [0, 1]; 1 is the same distribution."""

    garment_detail: float | None
    """Fine detail of the worn garment relative to the product photo's at that size, >= 0; 1 equal, 0 flat."""

    old_garment_left: float | None
    """Share of the old garment that is still seen, unchanged, beside the new one, [0, 1]; 0 is best."""

    coverage: float | None
    """Share of the laid garment that is seen, not hidden by hair, hands or bags, [0, 1]."""

    hem_visible: float | None
    """Share of the hem that is seen and lies inside the photo, [0, 1]."""

    collar_visible: float | None
    """Share of the neckline that is seen, [0, 1]; None for lower garments, which have none."""


class Sizes(TypedDict):
    """``[width, height]`` of each picture as it was worked on [px]."""

    photo: list[int]
    garment: list[int]


class Report(TypedDict):
    """What the contract ``score`` says of one picture."""

    scores: Scores
    warnings: list[str]
    """Sentences for people; empty when there is nothing to say."""

    category: str
    """The garment's category: upper, lower or dress."""

    expert: str
    """What put the garment on the person."""

    route: dict[str, object]
    """Why it did, and what the models of ``drape`` report (see the contract ``route``)."""

    seed: int
    """The seed that was used, also when the caller left the choice to the system."""

    people: int
    """How many people the photo shows."""

    person_index: int
    """Which of them was dressed, counted from the largest (0)."""

    sizes: Sizes
    not_measured: dict[str, str]
    """Scores that need weights which this tier does not load, and why each is missing."""


_NO_WEIGHTS = "needs {weights}, which the basic tier does not load"
NOT_MEASURED = MappingProxyType(
    {
        "clip_similarity": _NO_WEIGHTS.format(weights="CLIP's image encoder (Radford et al. 2021)"),
        "lpips": _NO_WEIGHTS.format(weights="LPIPS's network (Zhang et al. 2018) and a photo of the truth"),
        "face_identity": _NO_WEIGHTS.format(weights="a face recognition network")
        + "; protected_identity says that the face's pixels are the photo's own",
    }
)
"""The scores that need weights, by name, each with the reason why it is missing."""


def encode_report(report: Report) -> bytes:
    """Return the report as UTF-8 JSON, keys in the order of :class:`Report`."""
    return json.dumps(report, ensure_ascii=False).encode()
