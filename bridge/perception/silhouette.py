"""The person's matte: two networks say roughly where, the colours nearby say exactly where.

The networks' masks are 256 pixels wide. Around their edge each pixel's colour is compared with what the sure
person and the sure background look like *there* (a Gaussian per place, after the local colour models of
"Snap Cut", Bai et al. 2009). Evidence and prior add up as log odds; the guided filter draws the soft edge.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from bridge.geometry.crop import Crop
from bridge.perception import guided
from bridge.perception.local_colours import unlikeliness
from bridge.perception.nets import Arrays, Bool, Float32, Net, UInt8, sigmoid

_NET_SIDE = 256
_WORK = 512  # long side of the picture on which the decision is made [px]
_EDGE = 9  # how far the networks' outline may be wrong [px of the working picture]
_SOFT = 5.0  # how far from the outline anything may be half transparent [px of the working picture]
_REACH = 0.12  # what is worn or held lies within this share of the person's height


class Silhouette:
    """Fulfils the contract ``silhouette``."""

    def __init__(self, segment: Net) -> None:
        """Take the network ``selfie_segmentation``."""
        self._segment = segment

    def __call__(self, image: UInt8, keypoints: Float32, box: Float32, pose_mask: UInt8) -> Arrays:
        """Cut a person out.

        Args:
            image: RGB ``[h, w, 3]``.
            keypoints: ``[33, 4]`` as the contract ``pose`` returns them.
            box: ``[4]``: the person's x0, y0, x1, y1 [px].
            pose_mask: ``[h, w]``: the landmark network's mask of this person.
        """
        height, width = image.shape[:2]
        scale = min(1.0, _WORK / max(height, width))
        small = _shrunk(image.astype(np.float32) / 255, scale)
        person = _shrunk(pose_mask.astype(np.float32) / 255, scale)
        reach = _REACH * float(box[3] - box[1]) * scale
        prior = _prior(_shrunk(self._people(image, box), scale), person, reach)
        share = _decide(np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.float32), prior)
        share = _connected(_firm(share), _seen(keypoints, scale, share.shape))
        model = guided.Guide(small, radius=3, epsilon=1e-4).model(share)
        alpha = guided.apply(image.astype(np.float32) / 255, model)
        # the filter's skirts reach far: 0.1 and 0.9 count as nothing and all
        return {"matte": np.round(np.clip((alpha - 0.1) / 0.8, 0, 1) * 255).astype(np.uint8)}

    def _people(self, image: UInt8, box: Float32) -> Float32:
        """Return the probability of anybody [h, w]; somebody small is looked at again from close up."""
        height, width = image.shape[:2]
        pictures = [cv2.resize(image, (_NET_SIDE, _NET_SIDE), interpolation=cv2.INTER_AREA)]
        close = _window(box)
        small = close.size < 0.9 * max(height, width)
        if small:
            pictures.append(close.take(image, _NET_SIDE))
        found = self._segment(crop=np.stack(pictures).astype(np.float32) / 255)["person"][..., 0]
        whole = np.asarray(cv2.resize(found[0], (width, height)), np.float32)
        if not small:
            return whole
        inside = close.paste(np.ones_like(found[1]), height, width)
        return whole + inside * (close.paste(found[1], height, width) - whole)


def _window(box: Float32) -> Crop:
    """Return the square around a box with room for what is held."""
    centre = (box[:2] + box[2:]) / 2
    return Crop(float(centre[0]), float(centre[1]), 1.3 * float((box[2:] - box[:2]).max()))


def _shrunk(picture: Float32, scale: float) -> Float32:
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def _prior(people: Float32, person: Float32, reach: float) -> Float32:
    """Return the probability of this person: what the two masks agree on, other people left out.

    Args:
        people: ``[h, w]``: the segmentation network's mask of everybody and what they hold.
        person: ``[h, w]``: the landmark network's mask of this person, blind to most of what is held.
        reach: how far something held may lie from the body [px].
    """
    both = np.float32(0.6) * people + np.float32(0.4) * person
    near = _grown(person > 0.5, reach)
    strange = (people > 0.5) & (person < 0.15)
    limit = 0.2 * np.count_nonzero(person > 0.5)  # a bag is smaller, somebody else is not
    strange = _components(strange, limit) | ~near
    return np.where(strange, np.minimum(both, person), both)


def _logit(probability: Float32) -> Float32:
    p = np.clip(probability, 0.01, 0.99)
    return np.asarray(np.log(p / (1 - p)), np.float32)


def _grown(mask: Bool, radius: float) -> Bool:
    """Return where the mask is at most ``radius`` px away."""
    outside = (~mask).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, 3) <= radius)


def _components(mask: Bool, least: float) -> Bool:
    """Return the connected parts of a mask that have at least ``least`` pixels."""
    _count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    keep = stats[:, cv2.CC_STAT_AREA] >= least
    keep[0] = False
    return np.asarray(keep[labels], np.bool_)


def _decide(lab: Float32, prior: Float32) -> Float32:
    """Return the person's share per pixel, from the prior and the colours around each place."""
    inside = prior > 0.5
    depth = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 3)
    depth = depth - cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 3)
    person, _ = unlikeliness(lab, _seeds(prior > 0.85))
    background, variance = unlikeliness(lab, _seeds(prior < 0.15))
    certain = np.abs(prior - 0.5) > 0.43
    limit = 3 + 9 * np.exp(-variance / 30)  # a plain wall is known better than a flag
    limit = np.where(certain, np.minimum(limit, 6), limit)
    evidence = np.clip(background - person, -limit, limit)
    # where both networks agree and their outline is far, they are right, whatever the colours say
    far = np.clip(depth / _EDGE, -1, 1)
    firm = np.where(certain, far * np.abs(far), 0)
    odds = 0.8 * evidence + 1.5 * _logit(prior) + 4 * firm
    return sigmoid(odds)


def _seeds(mask: Bool) -> Float32:
    kernel = np.ones((_EDGE, _EDGE), np.uint8)
    eroded = cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE)
    return eroded.astype(np.float32)


def _firm(share: Float32) -> Float32:
    """Make up its mind wherever the outline is far: only an edge, or hair, can be half the person's."""
    inside = share > 0.5
    away = ~(_grown(inside, _SOFT) & _grown(~inside, _SOFT))
    return np.where(away, inside, share).astype(np.float32)


def _connected(share: Float32, points: npt.NDArray[np.intp]) -> Float32:
    """Drop all parts but the largest and those that hold a landmark [n, 2] that is seen."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((share > 0.5).astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    if count <= 2:
        return share
    keep = np.zeros(count, bool)
    keep[1 + int(areas.argmax())] = True
    keep[[labels[y, x] for x, y in points]] = True
    drop = ~keep[labels] & (labels > 0)
    return np.where(_grown(drop, 2), 0, share).astype(np.float32) if drop.any() else share


def _seen(keypoints: Float32, scale: float, shape: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """Return the landmarks [n, 2] that are seen, as pixels of the working picture."""
    seen = keypoints[keypoints[:, 3] > 0.5, :2] * scale
    return np.clip(seen.astype(np.intp), 0, (shape[1] - 1, shape[0] - 1))
