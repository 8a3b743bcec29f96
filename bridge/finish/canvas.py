"""A photo on the denoiser's canvas and back: scaled into a bucket, padded by its edge, and cut out again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from bridge.errors import BadInput
from bridge.finish.job import Bytes
from bridge.finish.layout import Bucket, bucket_name


@dataclass(frozen=True)
class Canvas:
    """Where a picture lies in a bucket: ``size`` and ``inner`` are (width, height), ``corner`` (left, top) [px]."""

    bucket: Bucket
    size: Bucket
    inner: Bucket
    corner: Bucket

    def lay(self, image: Bytes, enlarge: int = cv2.INTER_LANCZOS4) -> Bytes:
        """Return a picture uint8 [H, W, 3] of ``size``, or a mask [H, W], on the canvas: [h, w, 3] or [h, w]."""
        left, top = self.corner
        right, bottom = (b - i - c for b, i, c in zip(self.bucket, self.inner, self.corner, strict=True))
        laid = resized(image, self.inner, enlarge)
        return cast(
            Bytes,
            cv2.copyMakeBorder(laid, top, bottom, left, right, cv2.BORDER_REPLICATE),
        )

    def take(self, image: Bytes) -> Bytes:
        """Return what :meth:`lay` laid there, uint8 [H, W, 3], at its own size."""
        (left, top), (width, height) = self.corner, self.inner
        return resized(np.ascontiguousarray(image[top : top + height, left : left + width]), self.size)


def fit(size: Bucket, bucket: Bucket) -> Canvas:
    """Return the largest place for a picture of a size (width, height) in the middle of a bucket."""
    scale = min(b / s for b, s in zip(bucket, size, strict=True))
    width, height = (min(b, max(1, round(s * scale))) for b, s in zip(bucket, size, strict=True))
    return Canvas(bucket, size, (width, height), ((bucket[0] - width) // 2, (bucket[1] - height) // 2))


def choose(size: Bucket, buckets: Sequence[Bucket], long_side: int) -> Bucket:
    """Return the bucket of a long side that a picture fills best.

    Raises:
        BadInput: there is none of that long side.
    """
    fitting = [bucket for bucket in buckets if max(bucket) == long_side]
    if not fitting:
        raise BadInput(
            f"This checkpoint was not exported for a long side of {long_side} px; "
            f"please choose that of one of its buckets: {', '.join(map(bucket_name, buckets))}."
        )
    return best(size, fitting)


def best(size: Bucket, buckets: Sequence[Bucket]) -> Bucket:
    """Return the bucket of which a picture of a size covers the largest share."""

    def covered(bucket: Bucket) -> float:
        place = fit(size, bucket)
        return place.inner[0] * place.inner[1] / (bucket[0] * bucket[1])

    return max(buckets, key=covered)


def resized(image: Bytes, size: Bucket, enlarge: int = cv2.INTER_LANCZOS4) -> Bytes:
    """Return a picture at another size (width, height): by area down, by a filter of cv2 up; the same one as it is."""
    if (image.shape[1], image.shape[0]) == size:
        return image
    down = size[0] < image.shape[1]
    return cast(Bytes, cv2.resize(image, size, interpolation=cv2.INTER_AREA if down else enlarge))


def protect(finished: Bytes, prior: Bytes, photo: Bytes, edit_mask: Bytes, feather: int) -> Bytes:
    """Return the finished picture where it may be, and the photo elsewhere, bit for bit.

    Args:
        finished: uint8 [H, W, 3].
        prior: what was finished, which passes into the photo without a seam.
        photo: uint8 [H, W, 3].
        edit_mask: uint8 [H, W], 0 where the photo stays.
        feather: over how many pixels within the mask the finished picture takes over from the prior.
    """
    inside = edit_mask > 0
    if feather and not inside.all():
        depth = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        weight = np.clip(depth / (feather + 1), 0, 1, dtype=np.float32)[..., None]
        finished = np.rint(prior + weight * (finished.astype(np.float32) - prior)).astype(np.uint8)
    return np.where(inside[..., None], finished, photo)
