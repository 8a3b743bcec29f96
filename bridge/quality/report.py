"""The report that travels with every picture: its JSON, stated once."""

from __future__ import annotations

import json
from collections.abc import Mapping
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

    garment_print: float | None
    """How much of the print and weave that was laid is seen in the result, [0, 1]; None for flat cloth."""

    leak_iou: float | None
    """Overlap of where the garment is painted with where it should be, [0, 1]; skin, hair or background that it
    covers and old clothes that still show make it fall."""

    old_garment_left: float | None
    """Share of the old garment that is still seen, unchanged, beside the new one, [0, 1]; 0 is best."""

    coverage: float | None
    """Share of the laid garment that is seen, not hidden by hair, hands or bags, [0, 1]."""

    hem_visible: float | None
    """Share of the hem that is seen and lies inside the photo, [0, 1]."""

    collar_visible: float | None
    """Share of the neckline that is seen, [0, 1]; None for lower garments, which have none."""

    hem_line: float | None
    """How good a line the hem is: unbroken, even and where a hem may lie, [0, 1]; None where it is not seen."""

    collar_line: float | None
    """The same of the neckline; None for lower garments."""


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


WEIGHTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "clip_similarity": ("clip_vit_large_patch14",),
        "lpips": ("lpips_alex", "alexnet"),
        "aesthetic": ("clip_vit_large_patch14", "aesthetic_predictor"),
        "face_identity": ("auraface",),
    }
)
"""The scores that need weights, and the registry's ids of these."""

_REMARKS = {
    "lpips": "; garment_print compares structure without any",
    "face_identity": "; protected_identity says that the face's pixels are the photo's own",
}


def _missing(metric: str) -> str:
    ids = " ".join(WEIGHTS[metric])
    return (
        f"needs {ids.replace(' ', ' and ')} of configs/registry.yaml (`python -m export fetch {ids}`) and a model that "
        f"runs them, which the basic tier has not{_REMARKS.get(metric, '')}"
    )


NOT_MEASURED = MappingProxyType({metric: _missing(metric) for metric in WEIGHTS})
"""The scores that need weights, by name, each with what is missing and how to get it."""


def encode_report(report: Report) -> bytes:
    """Return the report as UTF-8 JSON, keys in the order of :class:`Report`."""
    return json.dumps(report, ensure_ascii=False).encode()
