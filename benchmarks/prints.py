"""Where a print ends up: features of the product photo, found again in the truth and in the result."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bridge.quality.measures import Pixels, Region

Points = npt.NDArray[np.float32]

LEAST_INLIERS = 12
"""Matches that must agree on one affine map. On real pairs the worn garment reaches 21 to 68, and another
garment not even 3 that make a sane map."""

TOLERANCE = 0.05
"""How far a match may lie from the affine map, as a share of the shoulders' width: folds move a print about
so much, and prints that are wrong by more are still found, since the map itself is free."""

RATIO = 0.8
"""Lowe's ratio test (2004, "Distinctive image features from scale-invariant keypoints", section 7.1)."""


@dataclass(frozen=True)
class PrintPlace:
    """How far the result's print is from the truth's."""

    error: float
    """Median distance of the print's points from their true place, as a share of the shoulders' width."""

    scale: float
    """Size of the print relative to the truth's; 1 is right."""


def print_place(
    product: Pixels,
    shown: Region,
    *,
    truth: Pixels,
    hidden: Region,
    result: Pixels,
    worn: Region,
    shoulders: float,
) -> PrintPlace | None:
    """Measure where the garment's print lies.

    SIFT features of the product photo are matched to the truth and to the result, each by an affine map that
    RANSAC finds (Fischler, Bolles 1981). Both maps are applied to the print's points that the truth shows.

    Args:
        product: ``uint8 [H, W, 3]``, the garment's photo.
        shown: ``bool [H, W]``, the garment in it.
        truth: ``uint8 [h, w, 3]``, the photo of the person who wears this garment.
        hidden: ``bool [h, w]``, where the garment is looked for in the truth.
        result: ``uint8 [h, w, 3]``.
        worn: ``bool [h, w]``, where the garment is seen in the result.
        shoulders: the distance of the person's shoulders [px].

    Returns:
        The print's place; None where a print can't be found in both pictures, as on plain garments.
    """
    matcher = _Matcher(product, shown, TOLERANCE * shoulders)
    in_truth, in_result = matcher.find(truth, hidden), matcher.find(result, worn)
    if in_truth is None or in_result is None:
        return None
    here = _apply(in_result.affine, in_truth.points)
    there = _apply(in_truth.affine, in_truth.points)
    distance = float(np.median(np.linalg.norm(here - there, axis=1)))
    return PrintPlace(distance / shoulders, in_result.scale / in_truth.scale)


@dataclass(frozen=True)
class _Found:
    affine: npt.NDArray[np.float64]  # [2, 3], product px -> picture px
    points: Points  # [N, 2], the product's points that agree with it

    @property
    def scale(self) -> float:
        return float(np.sqrt(abs(np.linalg.det(self.affine[:, :2]))))


class _Matcher:
    """Finds one product's features in other pictures."""

    def __init__(self, product: Pixels, shown: Region, tolerance: float) -> None:
        self._tolerance = tolerance
        self._points, self._features = _sift(product, shown)

    def find(self, picture: Pixels, region: Region) -> _Found | None:
        points, features = _sift(picture, region)
        if min(len(points), len(self._points)) < LEAST_INLIERS:
            return None
        pairs = cv2.BFMatcher().knnMatch(self._features, features, k=2)
        good = [best for best, second in pairs if best.distance < RATIO * second.distance]
        if len(good) < LEAST_INLIERS:
            return None
        ours = self._points[[match.queryIdx for match in good]]
        theirs = points[[match.trainIdx for match in good]]
        return self._agree(ours, theirs)

    def _agree(self, ours: Points, theirs: Points) -> _Found | None:
        affine, inliers = cv2.estimateAffine2D(
            ours, theirs, method=cv2.RANSAC, ransacReprojThreshold=self._tolerance, maxIters=5000
        )
        if affine is None or inliers.sum() < LEAST_INLIERS:
            return None
        stretch = np.linalg.svd(affine[:, :2], compute_uv=False)
        # A garment on a body is neither mirrored nor squeezed to a line; a chance agreement often is.
        if np.linalg.det(affine[:, :2]) <= 0 or stretch[0] > 2 * stretch[1]:
            return None
        return _Found(np.asarray(affine, np.float64), ours[inliers[:, 0] > 0])


def _sift(picture: Pixels, region: Region) -> tuple[Points, npt.NDArray[np.float32]]:
    """Return the places ``[N, 2]`` and the descriptors ``[N, 128]`` of a picture's features in the region."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    sift = cv2.SIFT.create(contrastThreshold=0.02)
    found, features = sift.detectAndCompute(grey, region.astype(np.uint8))
    places = np.array([point.pt for point in found], np.float32).reshape(-1, 2)
    return places, np.zeros((0, 128), np.float32) if features is None else np.asarray(features, np.float32)


def _apply(affine: npt.NDArray[np.float64], points: Points) -> npt.NDArray[np.float64]:
    return np.asarray(points @ affine[:, :2].T + affine[:, 2])
