"""Hair over the old garment: which share of each pixel is hair, and which colour that hair has.

Only used without a user's mask, where the photo's own strands may be kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bridge.compose.fill import local_mean
from bridge.compose.pixels import LUMA, Bits, Floats, blur, distance, erode, mix, smoothstep, soft, to_unit
from bridge.compose.scene import OLD, Scene
from bridge.contracts import Label

TONES = 3
"""Hair, and each cloth, is known by this many colours: its dark, middle and bright parts."""
SAMPLE = 4096
"""So many pixels tell a region's tones."""
LABELS_SAY = 0.01
"""How much it costs (RGB distance squared) to contradict the labels altogether."""
CONTRAST = 0.2
"""Where hair and cloth come nearer than this (RGB), colours tell less and labels more."""
UNSURE = (0.025, 0.012)
"""So deep inside hair, and inside cloth, over the distance of the shoulder joints, labels are unsure."""
UNEXPLAINED = 0.03
"""A pixel whose colour is off by more than this (RGB distance squared) shows something else, such as the wall:
there the labels decide."""
MIXTURE_COSTS = 0.001
"""How much it costs to explain a pixel as a mixture, where one thing alone would do almost as well."""


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

    Each pixel of the band is explained as a mixture of one of the hair's colours and one of the garment's: the
    compositing equation of Porter and Duff (1984), solved for the pair of colours that explains it best, as in
    Wang and Cohen, "Optimized color sampling for robust matting" (2007).

    Args:
        scene: the photo and its labels.
        band: bool [h, w], see :func:`bridge.compose.hidden.strands`.

    Returns:
        The hair: alpha 1 inside the hair, between 0 and 1 in the band, 0 elsewhere.
    """
    picture = to_unit(scene.image)
    hair = scene.labels == Label.HAIR
    alpha = soft(hair, 0.8)
    inside, old = erode(hair, 2), erode(scene.is_any(OLD[scene.category]), 2)
    if not band.any() or inside.sum() < 64 or old.sum() < 64:
        return Cutout(picture, alpha)
    near = local_mean(picture, old.astype(np.float32), max(3.0, 0.03 * scene.unit))[band]
    hairs, tones = _tones(picture, inside), _tones(picture, old)
    cloths = [near, *(np.broadcast_to(tone, near.shape) for tone in tones)]
    calm = blur(picture, 0.8)
    # The deeper inside hair or cloth a pixel lies, the surer its label.
    depth = (distance(hair) / UNSURE[0] + distance(~hair) / UNSURE[1])[band] / np.float32(scene.unit)
    apart = min(float(np.sum((hairs - tone) ** 2, 1).min()) for tone in tones)
    say = LABELS_SAY * (1 + depth * depth) * max(1.0, CONTRAST**2 / max(apart, 1e-6))
    share, strand = _explained(calm[band], hairs, cloths, alpha[band], say)
    alpha[band] = share
    colour = picture.copy()
    # The finest detail is the hair's own where hair is most of what is seen.
    colour[band] = strand + (picture[band] - strand) * smoothstep(0.6, 1, share)[:, None]
    return Cutout(colour, blur(alpha, 0.6))


def _tones(picture: Floats, bits: Bits) -> Floats:
    """The mean colours [TONES, 3] of the dark, the middle and the bright part of a region."""
    every = max(1, int(bits.sum()) // SAMPLE)
    colours = picture.reshape(-1, 3)[np.flatnonzero(bits)[::every]]
    ordered = colours[np.argsort(colours @ LUMA)]
    return np.stack([part.mean(0) for part in np.array_split(ordered, TONES)])


def _explained(
    pixels: Floats, hairs: Floats, cloths: list[Floats], labelled: Floats, say: Floats
) -> tuple[Floats, Floats]:
    """Explain pixels [n, 3] as mixtures.

    Args:
        pixels: FP32 [n, 3].
        hairs: FP32 [TONES, 3], the hair's colours.
        cloths: the garment's colours at each pixel, FP32 [n, 3] each.
        labelled: FP32 [n], the share of hair by the labels.
        say: FP32 [n], what it costs to contradict them.

    Returns:
        The hair's share [n] and the colour of that hair [n, 3].
    """
    best, error = np.full(len(pixels), np.inf, np.float32), np.zeros(len(pixels), np.float32)
    share, strand = np.zeros(len(pixels), np.float32), np.zeros_like(pixels)
    for hair in hairs:
        for cloth in cloths:
            way = hair - cloth
            length = np.einsum("nc,nc->n", way, way)
            # The share that costs least, by the colours and the labels together.
            part = (np.einsum("nc,nc->n", pixels - cloth, way) + say * labelled) / (length + say)
            part = np.clip(part, 0, 1)
            rest = pixels - cloth - part[:, None] * way
            unlike = np.einsum("nc,nc->n", rest, rest)
            cost = unlike + MIXTURE_COSTS * 4 * part * (1 - part) + say * (part - labelled) ** 2
            better = cost < best
            best[better], error[better], share[better] = cost[better], unlike[better], part[better]
            # What the mixture does not explain is the hair's own shade.
            strand[better] = np.clip(hair + rest, 0, 1)[better]
    # A trace of hair is more often a fold of the cloth.
    share *= smoothstep(0.1, 0.45, share)
    foreign = error > UNEXPLAINED
    share[foreign], strand[foreign] = labelled[foreign], pixels[foreign]
    return share, strand
