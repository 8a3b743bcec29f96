"""The paired protocol's measures, on pictures whose answer is known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from benchmarks import metrics
from benchmarks.metrics import Metrics
from benchmarks.prints import print_place
from bridge.imaging.decode import decode_image, decode_mask

Pixels = npt.NDArray[np.uint8]
Region = npt.NDArray[np.bool_]

FILLED_WITH_MEDIAN = {
    "00055_00": (0.890, 0.723),
    "00057_00": (0.758, 0.430),
    "00069_00": (0.841, 0.404),
}
"""SSIM whole and under the mask that the photos' README states for the mask filled with the garment's
median."""


def scene() -> Pixels:
    """A photo of blobs of all sizes: it has structure everywhere, which SIFT and SSIM need."""
    rng = np.random.default_rng(3)
    noise = [cv2.GaussianBlur(rng.normal(0, 1, (360, 300, 3)), (0, 0), sigma) * sigma for sigma in (1, 3, 9)]
    return np.asarray(cv2.normalize(sum(noise), None, 20, 235, cv2.NORM_MINMAX), np.uint8)


def square() -> Region:
    """The middle of the scene."""
    region = np.zeros((360, 300), np.bool_)
    region[80:300, 60:240] = True
    return region


def shifted(picture: Pixels, dx: float, dy: float, scale: float = 1.0) -> Pixels:
    """The picture, enlarged around its middle and moved."""
    turn = cv2.getRotationMatrix2D((150, 180), 0, scale)
    turn[:, 2] += (dx, dy)
    return np.asarray(cv2.warpAffine(picture, turn, (300, 360), borderMode=cv2.BORDER_REFLECT), np.uint8)


def test_the_truth_itself_is_perfect() -> None:
    """Equal pictures: similarity 1, no colour error, all of the detail, nothing changed outside."""
    truth, hidden = scene(), square()
    assert metrics.ssim(truth, truth, hidden) == pytest.approx((1.0, 1.0))
    assert metrics.colour_error(truth, truth, hidden) == pytest.approx(0.0, abs=1e-6)
    assert metrics.detail(truth, truth, hidden) == pytest.approx(1.0)
    assert metrics.outside_change(truth, truth, hidden) == 0


def test_similarity_falls_with_the_shift() -> None:
    """A picture that moves loses similarity, more so the farther it moves."""
    truth, hidden = scene(), square()
    found = [metrics.ssim(truth, shifted(truth, dx, 0), hidden)[1] for dx in (0, 1, 4)]
    assert found[0] > found[1] > found[2]


def test_similarity_under_the_mask_sees_only_the_mask() -> None:
    """A fault far outside the mask lowers the whole picture's figure and leaves the other alone."""
    truth, hidden = scene(), square()
    result = truth.copy()
    result[:40] = 128
    whole, masked = metrics.ssim(truth, result, hidden)
    assert whole < 0.95
    assert masked == pytest.approx(1.0)


@pytest.mark.parametrize(("change", "largest"), [(0, 0), (1, 1), (200, 200)])
def test_one_pixel_outside_the_mask_is_seen(change: int, largest: int) -> None:
    """The largest change outside the mask is found, also where bytes would wrap around."""
    truth = np.full((360, 300, 3), 30, np.uint8)
    result = truth.copy()
    result[square()] = 255
    result[5, 7, 2] += change
    assert metrics.outside_change(truth, result, square()) == largest


def test_flat_paint_has_the_garments_outline_and_median() -> None:
    """The control paints where the garment is seen, in the product's median colour, and nothing else."""
    result, worn = scene(), square()
    product = np.full((50, 40, 3), (10, 20, 30), np.uint8)
    product[:10] = 255
    flat = metrics.flat_paint(result, worn, product, np.ones((50, 40), np.bool_))
    assert (flat[worn] == (10, 20, 30)).all()
    np.testing.assert_array_equal(flat[~worn], result[~worn])


def test_detail_sees_blur_and_paint() -> None:
    """Flat paint has none of the truth's detail, blur less than half, and noise too much."""
    truth, worn = scene(), square()
    noise = np.random.default_rng(0).normal(0, 40, truth.shape)
    ratios = [
        metrics.detail(truth, np.asarray(result, np.uint8), worn)
        for result in (
            np.full_like(truth, 90),
            cv2.GaussianBlur(truth, (0, 0), 3.0),
            (truth + noise).clip(0, 255),
        )
    ]
    assert all(ratio is not None for ratio in ratios)
    flat, blurred, noisy = (float(ratio or 0.0) for ratio in ratios)
    assert flat == pytest.approx(0.0, abs=1e-3)
    assert blurred < 0.5
    assert noisy > 1.5


def test_colour_error_is_in_just_noticeable_units() -> None:
    """Two greys 10 L apart differ by about 10 of CIEDE2000's units, in the middle of the scale."""
    truth = np.full((40, 40, 3), 119, np.uint8)  # L* 50
    result = np.full((40, 40, 3), 145, np.uint8)  # L* 60
    assert metrics.colour_error(truth, result, np.ones((40, 40), np.bool_)) == pytest.approx(9.3, abs=0.5)


@pytest.mark.parametrize(("dx", "scale"), [(0, 1.0), (20, 1.0), (0, 1.1)])
def test_print_error_is_the_known_displacement(dx: float, scale: float) -> None:
    """A print that is moved by a tenth of the shoulders' width is found a tenth off, and its size is told."""
    truth, everywhere = scene(), np.ones((360, 300), np.bool_)
    place = print_place(
        truth,
        square(),
        truth=truth,
        hidden=everywhere,
        result=shifted(truth, dx, 0, scale),
        worn=everywhere,
        shoulders=100.0,
    )
    assert place is not None
    assert place.scale == pytest.approx(scale, abs=0.02)
    if scale == 1.0:
        assert place.error == pytest.approx(dx / 100, abs=0.005)


def test_plain_cloth_and_another_print_have_no_place() -> None:
    """Where the product's print is not found in both pictures there is no figure, rather than a wrong one."""
    truth, everywhere = scene(), np.ones((360, 300), np.bool_)
    plain = np.full_like(truth, 120)
    other = np.ascontiguousarray(truth[::-1, :, ::-1])
    for product, result in ((plain, truth), (truth, plain), (truth, other)):
        place = print_place(
            product, square(), truth=truth, hidden=everywhere, result=result, worn=everywhere, shoulders=100.0
        )
        assert place is None


def test_the_mean_leaves_out_what_was_not_measured() -> None:
    """A plain garment's missing print error does not count; the change outside is the worst, not the mean."""
    one = Metrics(0.9, 0.7, 0.9, 0.7, 5.0, 1.0, None, 0, 1.0)
    two = Metrics(0.8, 0.5, 0.8, 0.5, 7.0, 0.8, 0.04, 3, 2.0)
    assert metrics.mean([one, two]) == Metrics(
        pytest.approx(0.85),  # type: ignore[arg-type]
        pytest.approx(0.6),  # type: ignore[arg-type]
        pytest.approx(0.85),  # type: ignore[arg-type]
        pytest.approx(0.6),  # type: ignore[arg-type]
        6.0,
        pytest.approx(0.9),  # type: ignore[arg-type]
        0.04,
        3,
        1.5,
    )
    assert metrics.mean([]).ssim is None


@pytest.mark.photos
@pytest.mark.parametrize("name", FILLED_WITH_MEDIAN)
def test_the_published_control_is_reproduced(name: str, photos: Path) -> None:
    """The mask filled with the garment's median colour scores what the photos' README states."""
    folder = photos / "pairs" / name
    truth, product = (decode_image((folder / f"{n}.jpg").read_bytes()) for n in ("person", "garment"))
    hidden = decode_mask((folder / "mask.png").read_bytes(), (truth.shape[0], truth.shape[1])) > 0
    shown = np.abs(product.astype(int) - product[3, 3]).max(axis=2) > 20
    filled = metrics.flat_paint(truth, hidden, product, shown)
    assert metrics.ssim(truth, filled, hidden) == pytest.approx(FILLED_WITH_MEDIAN[name], abs=0.001)
