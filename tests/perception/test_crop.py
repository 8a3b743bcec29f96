"""Crops: the way into the window and the way back are inverse, for points and for pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.geometry.crop import Crop

_CROPS = st.builds(
    Crop,
    x=st.floats(-500, 1500),
    y=st.floats(-500, 1500),
    size=st.floats(10, 3000),
    angle=st.floats(-np.pi, np.pi),
)


@given(_CROPS, st.integers(16, 512))
def test_points_come_back(crop: Crop, side: int) -> None:
    """Into the crop and back is where they were, depth included."""
    points = np.array([[0, 0, 1], [crop.x, crop.y, -2], [300, 700, 50]], np.float32)
    inside = crop.to_crop(points, side)
    assert np.allclose(crop.to_photo(inside, side), points, atol=0.01 * max(1, crop.size / side))
    assert inside[1, :2] == pytest.approx([side / 2, side / 2], abs=0.01)


@given(_CROPS)
def test_up_in_the_crop_is_where_it_points(crop: Crop) -> None:
    """The crop's top lies in the direction of its angle, clockwise from the photo's up."""
    top = crop.to_photo(np.array([[50, 0]], np.float32), 100)[0] - (crop.x, crop.y)
    expected = np.array([np.sin(crop.angle), -np.cos(crop.angle)]) * crop.size / 2
    assert np.allclose(top, expected, atol=0.01 * crop.size)


def test_pointing_makes_its_direction_upright() -> None:
    """A person lying to the right stands in the crop."""
    crop = Crop.pointing(np.array([100.0, 50.0]), np.array([1.0, 0.0]), 200)
    head = crop.to_crop(np.array([[180, 50]], np.float32), 100)[0]
    assert head == pytest.approx([50, 10], abs=1e-4)


def test_a_picture_is_cut_where_its_points_are() -> None:
    """A bright spot is found at the place that to_crop says, turned, scaled and averaged."""
    image = np.zeros((400, 300), np.uint8)
    image[196:205, 96:105] = 255
    crop = Crop(140, 210, 240, 0.6)
    for side in (60, 240):
        picture = crop.take(image, side)
        row, column = np.unravel_index(int(picture.argmax()), picture.shape)
        spot = crop.to_crop(np.array([[100.5, 200.5]], np.float32), side)[0]
        assert np.hypot(column + 0.5 - spot[0], row + 0.5 - spot[1]) <= 0.05 * side


def test_pasting_undoes_taking() -> None:
    """What was cut out lies where it was; outside the window is nothing."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (10, 8)).repeat(20, axis=0).repeat(20, axis=1).astype(np.uint8)
    crop = Crop(80, 100, 100, 0.0)
    back = crop.paste(crop.take(coarse, 100).astype(np.float32), *coarse.shape)
    assert np.abs(back[60:140, 40:120] - coarse[60:140, 40:120]).max() <= 1
    assert not back[:45].any()


def test_shifting_follows_the_crops_own_axes() -> None:
    """Half a side up, seen from a crop that lies on its right side, is to the right in the photo."""
    moved = Crop(0, 0, 100, np.pi / 2).shifted(0, -0.5, 2)
    assert (moved.x, moved.y, moved.size) == pytest.approx((50, 0, 200), abs=1e-9)
