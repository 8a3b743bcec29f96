"""What no painter may see, and what should be seen there instead.

Two ways lead to one mechanism. Without a user's mask the old garment is hidden, with the rim where its colour
mixes with its neighbours'. With a mask everything under it is hidden and nothing else may change. Either way
the painters get a :class:`Canvas`, whose hidden pixels hold nothing of the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bridge.compose.body import Body, bare
from bridge.compose.pixels import Bits, Bytes, Floats, Window, dilate, erode, to_unit
from bridge.compose.scene import OLD, Scene, one_of
from bridge.contracts import Label

HALO = 0.012
"""Width of the rim around the old garment that shows a mixture of colours, over the distance of the shoulder
joints: 3 to 4 px at 768x1024, what lens, demosaicing and JPEG blur together."""
SHADOW = 0.03
"""Width of the old garment's contact shadow on skin, over the same distance."""
STRANDS = 0.03
"""Width of the band in which hair and the old garment may be seen through each other, over the same distance."""

FAINT = 6
"""A matte below this says that nothing of the person is seen."""


@dataclass(frozen=True)
class Canvas:
    """The photo with everything hidden blanked: all that a painter gets to see of it."""

    picture: Floats  # [h, w, 3]; 0 where hidden
    hidden: Bits  # [h, w]
    targets: Bytes  # [h, w] of Label: what is seen, and under the hidden pixels what should be
    empty: Bits  # [h, w], where the photo shows nothing of the person, not even a share of a pixel

    def crop(self, window: Window) -> Canvas:
        """The same canvas within a window."""
        return Canvas(self.picture[window], self.hidden[window], self.targets[window], self.empty[window])

    def known(self, *labels: Label) -> Bits:
        """Where the photo shows one of these labels, unhidden."""
        return one_of(self.targets, labels) & ~self.hidden

    def wanted(self, *labels: Label) -> Bits:
        """Where one of these labels has to be painted."""
        return one_of(self.targets, labels) & self.hidden


def blank(scene: Scene, body: Body, band: Bits) -> Canvas:
    """Hide what has to be hidden, and plan what to paint there.

    Args:
        scene: the photo and its labels.
        body: the limbs, for the plan.
        band: bool [h, w], see :func:`strands`.
    """
    old = scene.is_any(OLD[scene.category])
    hidden = _covered(scene, old) | band if scene.region is None else scene.region
    picture = to_unit(scene.image)
    picture[hidden] = 0
    # Hair in front of the old garment is planned away like the garment, and laid on later (see `matting`).
    gone = hidden & (old | band)
    targets = np.where(gone, bare(body, scene.matte, scene.category), scene.labels).astype(np.uint8)
    return Canvas(picture, hidden, targets, scene.matte < FAINT)


def strands(scene: Scene) -> Bits:
    """The band in which hair and the old garment mix, bool [h, w]; empty when the user gave a mask."""
    hair = scene.labels == Label.HAIR
    if scene.region is not None or not hair.any():
        return np.zeros_like(hair)
    old = scene.is_any(OLD[scene.category])
    radius = STRANDS * scene.unit
    return dilate(old, radius) & dilate(hair, radius) & (hair | old)


def _covered(scene: Scene, old: Bits) -> Bits:
    """What the old garment covers, with its rim; never the face, nor the inside of a hand."""
    halo = max(2.0, HALO * scene.unit)
    kept = (scene.labels == Label.FACE) | erode(scene.labels == Label.HANDS, 2)
    kept |= erode(scene.is_any((Label.HAIR, Label.ACCESSORY)), 1)
    # On skin the old garment leaves its shadow, which is wider than the mixture of colours.
    shaded = dilate(old, SHADOW * scene.unit) & scene.is_any((Label.NECK, Label.ARMS, Label.LEGS))
    return (dilate(old, halo) & ~kept) | shaded
