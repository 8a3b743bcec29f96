"""The report that travels with every picture: its JSON, stated once."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from types import MappingProxyType
from typing import TypedDict

from bridge.contracts import AESTHETIC, CLIP_IMAGE, FACE_EMBED, LPIPS
from bridge.registry.learned import remedy


class WeightFree(TypedDict):
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


class LearnedScores(TypedDict, total=False):
    """The scores by networks, of those that are installed; None where this picture has nothing to measure it on."""

    clip_similarity: float | None
    """Likeness of the worn garment to the product photo's, in CLIP's eyes, [-1, 1]; 1 is the same."""

    aesthetic: float | None
    """How much people would like the picture, over 10: about 0.1 to 1."""

    lpips: float | None
    """How far apart people see the worn garment and the one that was laid, >= 0; 0 is best."""

    face_identity: float | None
    """Likeness of the result's face to the photo's, [-1, 1]; 1 is the same."""


class Scores(WeightFree, LearnedScores):
    """Every score of one picture."""


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
    """Learned scores whose networks are not installed here, each with what installs them."""


NETWORKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "clip_similarity": (CLIP_IMAGE.name,),
        "aesthetic": (CLIP_IMAGE.name, AESTHETIC.name),
        "lpips": (LPIPS.name,),
        "face_identity": (FACE_EMBED.name,),
    }
)
"""The networks that each learned score needs."""

_REMARKS = {
    "lpips": "; garment_print compares structure without any",
    "face_identity": "; protected_identity says that the face's pixels are the photo's own",
}


def not_measured(installed: Container[str]) -> dict[str, str]:
    """Return the scores that can't be measured, and why, by what to do about it.

    Args:
        installed: the names of the networks that can be called.
    """
    lacking = {
        metric: [name for name in needed if name not in installed] for metric, needed in NETWORKS.items()
    }
    return {
        metric: f"needs {' and '.join(names)}, which nobody installed here: {remedy(names)}{_REMARKS.get(metric, '')}"
        for metric, names in lacking.items()
        if names
    }


def rounded(score: float | None) -> float | None:
    """Return a score with the digits that mean something."""
    return None if score is None else round(score, 4)


def encode_report(report: Report) -> bytes:
    """Return the report as UTF-8 JSON, keys in the order of :class:`Report`."""
    return json.dumps(report, ensure_ascii=False).encode()
