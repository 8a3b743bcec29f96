"""The canvas: a photo into a bucket and back, and the pixels that nobody may touch."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import BadInput
from bridge.finish.canvas import choose, fit, protect
from tests.finish.studio import difference, picture

PORTRAIT, LANDSCAPE, ULTRA = (1024, 1344), (1344, 1024), (1056, 1408)


@pytest.mark.parametrize(
    ("size", "long_side", "bucket"),
    [
        ((768, 1024), 1344, PORTRAIT),
        ((3000, 4000), 1408, ULTRA),
        ((4000, 3000), 1344, LANDSCAPE),
        ((1000, 1000), 1344, PORTRAIT),
        ((10, 900), 1344, PORTRAIT),
    ],
)
def test_the_bucket_that_a_picture_fills_best(
    size: tuple[int, int], long_side: int, bucket: tuple[int, int]
) -> None:
    """Of the long side asked for, the one of the nearest form."""
    assert choose(size, (PORTRAIT, LANDSCAPE, ULTRA), long_side) == bucket


def test_a_long_side_that_no_bucket_has_is_refused() -> None:
    """The sentence names the buckets that there are."""
    with pytest.raises(BadInput, match="1024x1344, 1056x1408"):
        choose((768, 1024), (PORTRAIT, ULTRA), 1000)


@pytest.mark.parametrize(
    "size", [(64, 96), (48, 72), (128, 192), (60, 96), (64, 40), (33, 97), (8, 300), (1, 1)]
)
def test_there_and_back(size: tuple[int, int]) -> None:
    """A picture fills the canvas in one direction, in the middle, without distortion, and comes back as it was."""
    image, canvas = picture(1, size), fit(size, (64, 96))
    laid = canvas.lay(image)
    assert laid.shape == (96, 64, 3)
    assert canvas.take(laid).shape == image.shape
    assert canvas.inner[0] == 64 or canvas.inner[1] == 96
    margins = [b - i - c for b, i, c in zip((64, 96), canvas.inner, canvas.corner, strict=True)]
    assert all(0 <= margin - corner <= 1 for margin, corner in zip(margins, canvas.corner, strict=True))
    if min(size) > 30:
        assert abs(canvas.inner[0] / canvas.inner[1] - size[0] / size[1]) < 0.03
        assert np.abs(canvas.take(laid).astype(int) - image).mean() < 3
    if size == (64, 96):
        assert (laid == image).all()


def test_the_canvas_beyond_the_picture_is_its_edge() -> None:
    """Nothing black and nothing new lies beside the picture."""
    laid = fit((32, 96), (64, 96)).lay(picture(2, (32, 96)))
    assert (laid[:, :16] == laid[:, 16:17]).all()
    assert (laid[:, 48:] == laid[:, 47:48]).all()


@pytest.mark.parametrize("feather", [0, 6])
def test_protected_pixels_stay_bit_for_bit(feather: int) -> None:
    """Outside of the mask every pixel is the photo's; inside, the finished picture's, which begins as the prior."""
    finished, prior, photo = (picture(seed) for seed in (1, 2, 3))
    mask = np.zeros((96, 64), np.uint8)
    mask[20:70, 10:50] = 255
    result = protect(finished, prior, photo, mask, feather)
    assert (result[mask == 0] == photo[mask == 0]).all()
    assert (result[35:55, 25:35] == finished[35:55, 25:35]).all()
    rim = result[20, 10:50].astype(int)
    assert np.abs(rim - (prior if feather else finished)[20, 10:50]).mean() < (20 if feather else 0.5)


def test_a_mask_without_a_rim_needs_none() -> None:
    """Where everything may be edited the picture is the finished one; where nothing may, the photo."""
    finished, prior, photo = (picture(seed) for seed in (1, 2, 3))
    full = np.full((96, 64), 255, np.uint8)
    assert difference(protect(finished, prior, photo, full, 6), finished) == 0
    assert difference(protect(finished, prior, photo, 0 * full, 6), photo) == 0
