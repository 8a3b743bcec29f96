"""Faces under the veil."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.imaging.veil import veil_faces

FACE = np.array([80, 60, 140, 130], np.float32)  # x0, y0, x1, y1
CHANCE = np.random.default_rng(3)
NOISE = CHANCE.integers(0, 256, (200, 240, 3)).astype(np.uint8)


def one(*box: float) -> np.ndarray:
    """Return a list of one face."""
    return np.array([box], np.float32)


def test_only_the_face_and_its_rim_are_touched() -> None:
    """Outside of an ellipse twice as wide and as high as the box no pixel changes, and the input never does."""
    before = NOISE.copy()
    veiled = veil_faces(NOISE, FACE[None])
    np.testing.assert_array_equal(NOISE, before)
    rows, columns = np.nonzero((veiled != NOISE).any(axis=2))
    assert 80 - 35 < columns.min() < 80 - 15
    assert 140 + 15 < columns.max() < 140 + 35
    assert rows.min() < 60 - 30
    assert 130 + 20 < rows.max() < 130 + 50


def test_nothing_shines_through() -> None:
    """Two photos that differ in the face alone, but not in its colours' averages, look the same under the veil."""
    fine = NOISE.copy()
    swapped = fine.copy()
    swapped[62:128, 82:138] = fine[62:128, 82:138][:, ::-1]
    a, b = veil_faces(fine, FACE[None]).astype(int), veil_faces(swapped, FACE[None]).astype(int)
    inside = np.abs(a - b)[60:130, 80:140]
    assert np.abs(fine.astype(int) - swapped)[60:130, 80:140].mean() > 50
    assert inside.mean() < 8


def test_no_more_than_a_few_colours_are_left() -> None:
    """The veil over a face is spanned by its handful of cells: a smooth surface without any detail."""
    inside = veil_faces(NOISE, FACE[None])[70:120, 90:130].astype(float)
    assert np.abs(np.diff(inside, axis=0)).max() < 12
    assert np.abs(np.diff(inside, axis=1)).max() < 12


@pytest.mark.parametrize("twin", [160, 100])
def test_a_neighbouring_face_that_is_kept_stays_whole(twin: int) -> None:
    """Cheek to cheek, and even one before the other, the kept face keeps every pixel."""
    kept = np.array([twin, 60, twin + 60, 130], np.float32)
    veiled = veil_faces(NOISE, FACE[None], kept)
    np.testing.assert_array_equal(veiled[65:125, twin + 5 : twin + 55], NOISE[65:125, twin + 5 : twin + 55])
    assert (veiled[70:120, 82:95] != NOISE[70:120, 82:95]).any(axis=2).mean() > 0.9


@pytest.mark.parametrize(
    "faces",
    [
        one(-30, -20, 20, 40),
        one(220, 180, 240, 200),
        one(50, 50, 50, 50),
        one(0, 0, 240, 200),
        one(900, 900, 950, 950),
        np.zeros((0, 4), np.float32),
    ],
)
def test_faces_at_the_edge_or_of_no_size_do_no_harm(faces: np.ndarray) -> None:
    """Cut, empty, as large as the photo, beyond it, none at all: a picture of the same size comes out."""
    veiled = veil_faces(NOISE, faces)
    assert veiled.shape == NOISE.shape
    assert veiled.dtype == np.uint8
