"""What installs the learned scores' networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from bridge.contracts import AESTHETIC, CLIP_IMAGE, FACE_EMBED, LEARNED, LPIPS

WORDS: Mapping[str, str] = MappingProxyType(
    {CLIP_IMAGE.name: "clip", AESTHETIC.name: "aesthetic", LPIPS.name: "lpips", FACE_EMBED.name: "face"}
)
"""What `python -m export scores --only` calls each network."""


def remedy(networks: Iterable[str]) -> str:
    """Return what to do for these networks, as the end of a sentence."""
    names = list(networks)
    ids = " ".join(artifact for name in names for artifact in LEARNED[name].artifacts)
    words = " ".join(f"--only {WORDS[name]}" for name in names)
    return f"run `python -m export fetch {ids}` and `python -m export scores {words}`, then start the server again"
