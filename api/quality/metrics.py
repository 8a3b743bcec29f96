"""The scores that thresholds may be set for; ``bridge.quality.report`` says what each measures."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType

METRICS: Mapping[str, str] = MappingProxyType(
    {
        "clip_similarity": "The garment's likeness to its photo (CLIP)",
        "lpips": "The garment's perceptual distance from what was laid of its photo (LPIPS)",
        "face_identity": "The face's likeness to the photo's",
        "aesthetic": "The picture's beauty, as a share of ten",
        "protected_identity": "The share of protected pixels that are the photo's own",
        "garment_colour": "The likeness of the garment's colours to its photo's",
        "garment_detail": "The garment's fine detail",
        "garment_print": "The garment's print",
        "leak_iou": "The overlap of the garment with its place",
        "old_garment_left": "The share of the old garment that still shows",
        "coverage": "The share of the garment that is seen",
        "hem_visible": "The share of the hem that is seen",
        "collar_visible": "The share of the neckline that is seen",
        "hem_line": "The hem's line",
        "collar_line": "The neckline",
    }
)
"""What thresholds may be set for, in words."""


def known(name: str) -> str:
    """Return a score's name.

    Raises:
        ValueError: there is no such score; names the nearest.
    """
    if name not in METRICS:
        near = difflib.get_close_matches(name, METRICS, n=1, cutoff=0)[0]
        raise ValueError(f"there is no score {name!r}; did you mean {near!r}?")
    return name
