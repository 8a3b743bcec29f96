"""Pictures of labels and landmarks."""

from __future__ import annotations

import numpy as np

from bridge.contracts import BodyPoint, Label
from bridge.imaging.overlay import PALETTE, draw_overlay

GREY = np.full((120, 100, 3), 128, np.uint8)


def test_every_label_has_a_colour_of_its_own() -> None:
    """No two labels look alike, not even to somebody who sees no red (lightness and blue-yellow differ)."""
    assert set(PALETTE) == set(Label)
    colours = np.array(list(PALETTE.values()), float)
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=2)
    assert apart[~np.eye(len(Label), dtype=bool)].min() > 60


def test_the_photo_shines_through() -> None:
    """The tint is a mixture; the background is darkened only; the input is left alone."""
    labels = np.zeros((120, 100), np.uint8)
    labels[60:] = Label.UPPER
    picture = draw_overlay(GREY, labels, np.zeros((33, 4), np.float32))
    assert picture.shape == GREY.shape
    assert (picture[0, 0] == picture[0, 0, 0]).all()
    assert picture[0, 0, 0] < 128
    assert picture[100, 50].argmax() == 1, "green, as UPPER is"
    assert (GREY == 128).all()


def test_only_landmarks_that_are_seen_are_drawn() -> None:
    """A white dot where the nose is; none for a wrist of visibility 0."""
    points = np.zeros((33, 4), np.float32)
    points[BodyPoint.NOSE] = (30.5, 40.5, 0, 1)
    points[BodyPoint.LEFT_WRIST] = (70.5, 90.5, 0, 0)
    picture = draw_overlay(GREY, np.zeros((120, 100), np.uint8), points)
    assert picture[40, 30].tolist() == [255, 255, 255]
    assert picture[90, 70].tolist() == picture[0, 0].tolist()
