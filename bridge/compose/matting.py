"""Hair over the old garment: which share of each pixel is hair, and which colour that hair has.

Only used without a user's mask, where the photo's own strands may be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from bridge.compose.fill import local_mean
from bridge.compose.pixels import Bits, Floats, blur, dilate, erode, mix, soft, to_unit
from bridge.compose.scene import OLD, Scene
from bridge.contracts import Label

CONTRAST = 0.06
"""Hair and cloth whose colours lie closer than this (RGB, [0, 1]) can't be told apart: the labels decide."""


@dataclass(frozen=True)
class Cutout:
    """Something lifted off the photo: pure colour and coverage."""

    colour: Floats  # [h, w, 3]
    alpha: Floats  # [h, w]

    def below(self, other: Cutout) -> Cutout:
        """Both together, the other one above this one."""
        return Cutout(mix(self.colour, other.colour, other.alpha), np.maximum(self.alpha, other.alpha))


def lift_hair(scene: Scene, band: Bits) -> Cutout:
    """Lift the hair off the old garment.

    Inside the band each pixel is explained as a mixture of the hair's and the garment's colours near by:
    alpha is its place on the line between them (the compositing equation of Porter and Duff 1984, solved as
    by Chuang et al., "A Bayesian Approach to Digital Matting", 2001, with the means alone).

    Args:
        scene: the photo and its labels.
        band: bool [h, w], see :func:`bridge.compose.hidden.strands`.

    Returns:
        The hair: alpha 1 inside the hair, between 0 and 1 in the band, 0 elsewhere.
    """
    picture = to_unit(scene.image)
    hair = scene.labels == Label.HAIR
    labelled = soft(hair, 0.8)
    if not band.any():
        return Cutout(picture, labelled)
    sigma = max(3.0, 0.04 * scene.unit)
    inside = erode(hair, 2).astype(np.float32)
    old = erode(scene.is_any(OLD[scene.category]), 2).astype(np.float32)
    strand, cloth = local_mean(picture, inside, sigma), local_mean(picture, old, sigma)
    seen_both = np.minimum(blur(inside, sigma), blur(old, sigma)) > 1e-3
    difference = strand - cloth
    spread = np.sum(difference * difference, 2)
    share = np.sum((picture - cloth) * difference, 2) / np.maximum(spread, 1e-6)
    trust = np.clip(spread / CONTRAST**2 - 1, 0, 1) * (band & seen_both)
    # Small shares are the cloth's own folds and print.
    alpha = labelled + (np.clip((share - 0.15) / 0.7, 0, 1) - labelled) * trust
    alpha *= dilate(hair, max(2.0, 0.03 * scene.unit))
    return Cutout(_unmixed(picture, cloth, strand, alpha, trust), alpha.astype(np.float32))


def _unmixed(picture: Floats, cloth: Floats, strand: Floats, alpha: Floats, trust: Floats) -> Floats:
    """The hair's own colour: the cloth's share taken away where enough hair is left to tell."""
    share = np.maximum(alpha, 0.3)[..., None]
    own = np.clip((picture - (1 - share) * cloth) / share, 0, 1)
    sure = np.clip((alpha - 0.2) / 0.5, 0, 1)[..., None]
    pure = strand + (own - strand) * sure
    return cast(Floats, picture + (pure - picture) * trust[..., None])
