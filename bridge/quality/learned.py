"""Scores by networks that learned what people see, each where its network is installed.

A network is asked at most once per picture. Embeddings of faces are compared and dropped: nobody keeps them, and no
log or report holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import AESTHETIC, CLIP_IMAGE, FACE_EMBED, LPIPS, Contract
from bridge.errors import NotFinite
from bridge.imaging.clip import clip_pixels, squared
from bridge.quality.faces import aligned
from bridge.quality.fitting import Fitting
from bridge.quality.measures import Floats, Pixels, Region
from bridge.quality.report import LearnedScores, rounded

Network = Callable[..., Mapping[str, npt.NDArray[Any]]]
"""Arrays by input name in, arrays by output name out, as the contract says, with a first axis for the batch."""

Networks = Mapping[str, Network]
"""Those that are installed, by their contract's name."""

GROUND = 127
"""The grey that garments are cut out on. No shop photographs on it, so that a white shirt keeps its outline; it is
about 0 for either network, once they have normalised it."""

CRUMB = 0.01
"""Share of a garment below which a piece of it that lies apart is none of its look."""

BEST_RATING = 10.0
"""Of the predictor of aesthetics; its score is a share of it."""


def learned_scores(fitting: Fitting, worn: Region, networks: Networks) -> LearnedScores:
    """Return what the installed networks say of a try-on.

    Args:
        fitting: the try-on.
        worn: where its garment is seen, of :func:`bridge.quality.measures.visible_garment`.
        networks: may hold others too.

    Returns:
        A score for each that can be measured here; None where this picture has nothing to measure it on.

    Raises:
        NotFinite: a network computed something that is no number.
    """
    scores = LearnedScores()
    if CLIP_IMAGE.name in networks:
        scores |= by_clip(fitting, worn, networks)
    if LPIPS.name in networks:
        scores["lpips"] = rounded(perceptual_distance(fitting, worn, networks))
    if FACE_EMBED.name in networks:
        scores["face_identity"] = rounded(face_identity(fitting, networks))
    return scores


def by_clip(fitting: Fitting, worn: Region, networks: Networks) -> LearnedScores:
    """Return what follows from CLIP's embeddings, which are one batch (Radford et al. 2021).

    ``clip_similarity`` is the cosine of two: of the garment as it is worn and of the garment in its own photo, both cut
    out on grey and padded to a square. ``aesthetic`` is what LAION's predictor says of the whole picture's, over 10; as
    in its own script, CLIP sees the square in the picture's middle.
    """
    shown, rated = fitting.garment_shown, AESTHETIC.name in networks
    seen = bool(worn.any() and shown.any())
    looks = [cut_out(fitting.result, worn), cut_out(fitting.garment_image, shown)] if seen else []
    looks += [fitting.result] if rated else []
    if not looks:
        return LearnedScores(clip_similarity=None)
    side = CLIP_IMAGE.inputs[0].shape[-1]
    embeddings = _asked(networks, CLIP_IMAGE, np.stack([clip_pixels(look, side) for look in looks]))
    scores = LearnedScores(clip_similarity=rounded(cosine(*embeddings[:2]) if seen else None))
    if rated:
        scores["aesthetic"] = rounded(float(_asked(networks, AESTHETIC, embeddings[-1:])[0, 0]) / BEST_RATING)
    return scores


def perceptual_distance(fitting: Fitting, worn: Region, networks: Networks) -> float | None:
    """Return LPIPS between the garment as it is worn and as it was laid, both cut out by the same mask; 0 is the same.

    It says how far light, blending and the finisher took the garment's look from its own photo's pixels (Zhang et al.
    2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric"). It says nothing of how well it was
    laid: both hang alike. The grey around them is equal and counts, so that a slim garment's distance is smaller.
    """
    if not worn.any():
        return None
    sides = LPIPS.inputs[0].shape[:0:-1]
    pair = (cut_out(picture, worn) for picture in (fitting.result, fitting.layer[..., :3]))
    first, second = (_signed(cv2.resize(cut, sides, interpolation=cv2.INTER_AREA)) for cut in pair)
    return float(_asked(networks, LPIPS, first[None], second[None])[0, 0])


def face_identity(fitting: Fitting, networks: Networks) -> float | None:
    """Return the cosine of the embeddings of the face in the photo and in the result, which lies in the same place.

    None when no face is seen, or the photo cuts it off.
    """
    faces = [aligned(picture, fitting.face_mesh) for picture in (fitting.image, fitting.result)]
    seen = [_signed(face) for face in faces if face is not None and fitting.face_score > 0]
    return cosine(*_asked(networks, FACE_EMBED, np.stack(seen))) if seen else None


def cut_out(image: Pixels, region: Region) -> Pixels:
    """Return what a region, which is not empty, holds of a picture, on grey, in the smallest square."""
    whole = without_crumbs(region)
    x, y, width, height = cv2.boundingRect(whole.astype(np.uint8))
    window = np.s_[y : y + height, x : x + width]
    return squared(np.where(whole[window][..., None], image[window], np.uint8(GROUND)), GROUND)


def without_crumbs(region: Region) -> Region:
    """Return the region without its pieces smaller than ``CRUMB``, so that one far away makes no garment small."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8))
    large = stats[:, cv2.CC_STAT_AREA] >= min(CRUMB * region.sum(), stats[1:, cv2.CC_STAT_AREA].max())
    return region & large[pieces]


def cosine(first: Floats, second: Floats) -> float:
    """Return the cosine of the angle between two vectors, [-1, 1]."""
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def _signed(image: npt.NDArray[Any]) -> Floats:
    """Return ``uint8 [h, w, 3]`` as ``float32 [3, h, w]`` in [-1, 1]."""
    return np.ascontiguousarray(image.transpose(2, 0, 1), np.float32) / np.float32(127.5) - np.float32(1)


def _asked(networks: Networks, contract: Contract, *batches: Floats) -> Floats:
    """Return a network's only output."""
    inputs = {tensor.name: batch for tensor, batch in zip(contract.inputs, batches, strict=True)}
    output: Floats = networks[contract.name](**inputs)[contract.outputs[0].name]
    if not np.isfinite(output).all():
        raise NotFinite(f"{contract.name} computed something that is no number; please install it again.")
    return output
