"""What a thing's colours are: small Gaussian mixtures in Lab, learnt from samples of one photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bridge.perception.nets import Float32

_FLOOR = np.array([9.0, 3.0, 3.0], np.float32)  # least variance in Lab: grain, compression, soft shading


@dataclass(frozen=True)
class Colours:
    """A mixture of Gaussians with diagonal covariance."""

    means: Float32  # [k, 3] Lab
    variances: Float32  # [k, 3]
    weights: Float32  # [k], sum 1

    @classmethod
    def learn(cls, samples: Float32, components: int = 4, floor: Float32 = _FLOOR) -> Colours:
        """Learn from samples [n, 3] in Lab, at least one; components with hardly a sample are left out."""
        chosen = samples[:: max(1, len(samples) // 1500)].astype(np.float32)
        k = min(components, len(chosen))
        criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 0.5)
        # farthest-point seeding is deterministic, where k-means++ would draw from OpenCV's global generator
        _, labels, means = cv2.kmeans(
            chosen, k, _spread_labels(chosen, k), criteria, 1, cv2.KMEANS_USE_INITIAL_LABELS
        )
        weights = np.bincount(labels[:, 0], minlength=k).astype(np.float32) / len(chosen)
        kept = [i for i in range(k) if weights[i] >= 0.02]
        variances = [chosen[labels[:, 0] == i].var(axis=0) + floor for i in kept]
        total = weights[kept].sum()
        return cls(means[kept].astype(np.float32), np.array(variances, np.float32), weights[kept] / total)

    @classmethod
    def join(cls, *parts: Colours, shares: Sequence[float] | None = None) -> Colours:
        """Return the mixture of mixtures; ``shares``, one per part, sum to 1 and are equal by default."""
        shares = shares or [1 / len(parts)] * len(parts)
        return cls(
            np.concatenate([p.means for p in parts]),
            np.concatenate([p.variances for p in parts]),
            np.concatenate([p.weights * np.float32(s) for p, s in zip(parts, shares, strict=True)]),
        )

    def lit(self, lightness: float, chroma: float, variance: Float32) -> Colours:
        """Return the same colours in more light: lightness added, chroma multiplied, spread by ``variance`` [3]."""
        means = self.means * np.array([1, chroma, chroma], np.float32) + np.array(
            [lightness, 0, 0], np.float32
        )
        return Colours(means.astype(np.float32), self.variances + variance, self.weights)

    def log_likelihood(self, lab: Float32) -> Float32:
        """Return the log density [n] of colours [n, 3]."""
        # the exponents of all components at once: a quadratic form is linear in the colours and their squares
        precision = 1 / self.variances
        constant = np.log(self.weights) - 0.5 * (np.log(self.variances) + self.means**2 * precision).sum(
            axis=1
        )
        powers = np.concatenate([lab.T, (lab * lab).T])
        terms = np.hstack([self.means * precision, -0.5 * precision]) @ powers + constant[:, None]
        top = terms.max(axis=0)
        return np.asarray(top + np.log(np.exp(terms - top).sum(axis=0)), np.float32)


def _spread_labels(samples: Float32, k: int) -> npt.NDArray[np.int32]:
    """Assign samples to k of them that lie far from each other (Gonzalez 1985)."""
    centres = [np.median(samples, axis=0)]
    distance = ((samples - centres[0]) ** 2).sum(axis=1)
    for _ in range(k - 1):
        centres.append(samples[int(distance.argmax())])
        distance = np.minimum(distance, ((samples - centres[-1]) ** 2).sum(axis=1))
    apart = ((samples[:, None] - np.stack(centres)) ** 2).sum(axis=2)
    return np.asarray(apart.argmin(axis=1)[:, None], np.int32)
