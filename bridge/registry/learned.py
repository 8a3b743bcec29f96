"""The learned scores' networks: of which weights each is made, and what installs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

ARTIFACTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "clip_image": ("clip_vit_large_patch14",),
        "aesthetic": ("aesthetic_predictor",),
        "lpips": ("alexnet", "lpips_alex"),
        "face_embed": ("auraface",),
    }
)
"""The registry's ids of each network's weights."""

WORDS: Mapping[str, str] = MappingProxyType(
    {"clip_image": "clip", "aesthetic": "aesthetic", "lpips": "lpips", "face_embed": "face"}
)
"""What `python -m export scores --only` calls each network."""


def remedy(networks: Iterable[str]) -> str:
    """Return what to do for these networks, as the end of a sentence."""
    names = list(networks)
    ids = " ".join(artifact for name in names for artifact in ARTIFACTS[name])
    words = " ".join(f"--only {WORDS[name]}" for name in names)
    return f"run `python -m export fetch {ids}` and `python -m export scores {words}`, then start the server again"
