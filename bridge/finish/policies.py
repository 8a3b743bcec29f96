"""What is changed when a picture failed in a known way: rules with names, for a retry to choose from.

A rule adds to numbers of :class:`bridge.finish.settings.FinishSettings`; :meth:`Finishing.clamped` keeps them within
the product's bounds, so that rules can be combined and repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bridge.finish.settings import Finishing, FinishSettings


@dataclass(frozen=True)
class Rule:
    """One way to fail: how it looks, what is added to which settings, and why that helps.

    ``scores`` are those of ``configs/pipeline.yaml`` whose miss suggests it.
    """

    name: str
    looks: str
    why: str
    changes: Mapping[str, float]
    scores: tuple[str, ...]


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            Rule(
                "face_drift",
                "the face is somebody else's",
                "more of the person's own embedding, and less noise from which another face could come",
                {"face_adapter": 0.10, "identity_adapter": 0.10, "denoise": -0.03, "refiner_denoise": -0.04},
                ("face_identity",),
            ),
            Rule(
                "print_smear",
                "a print's or a logo's letters are smeared",
                "less noise over all, and the garment's own picture says more; edges hold the strokes; "
                "the print's own pass takes more and smaller steps",
                {"denoise": -0.04, "garment_adapter": 0.10, "controls.edge": 0.15, "tile_steps": 8},
                ("garment_print", "garment_detail", "lpips", "clip_similarity"),
            ),
            Rule(
                "hem_melt",
                "hem, collar or cuffs melt into skin or into the other clothes",
                "outlines are held by what knows where cloth ends: segmentation and edges, and depth for folds",
                {
                    "controls.segmentation": 0.10,
                    "controls.edge": 0.15,
                    "controls.depth": 0.05,
                    "denoise": -0.02,
                },
                ("hem_line", "collar_line", "leak_iou", "coverage"),
            ),
            Rule(
                "light_mismatch",
                "the garment is lit otherwise than the photo",
                "shading is painted anew: more noise, more of the normals it falls on, "
                "less of the shop's light that the garment's picture brings along",
                {"denoise": 0.03, "controls.normal": 0.10, "garment_adapter": -0.15, "guidance": -0.7},
                ("garment_colour", "aesthetic"),
            ),
        )
    }
)
"""By name. They are the product's failure modes; their numbers wait for real weights to be measured on."""


def changed(finishing: Finishing, settings: FinishSettings, rules: Iterable[str]) -> FinishSettings:
    """Return settings after the named rules, one after the other, each within the bounds.

    Raises:
        KeyError: a rule that nobody knows.
    """
    for name in rules:
        settings = finishing.clamped(settings, RULES[name].changes)
    return settings


def suggested(missed: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the rules that missed scores suggest, in the order of :data:`RULES`."""
    scores = set(missed)
    return tuple(rule.name for rule in RULES.values() if scores.intersection(rule.scores))
