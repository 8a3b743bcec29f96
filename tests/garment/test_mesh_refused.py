"""What the mesher refuses, and in which words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bridge.contracts import GarmentPoint
from bridge.errors import GarmentNotMeshed, WrongTensor
from bridge.garment.mesh.mesher import GarmentMesher
from bridge.garment.mesh.sewn import merged, openings
from tests.garment.panels import box


@pytest.mark.parametrize(
    ("spoilt", "sentence"),
    [
        ({"fabric": np.array([b"chain mail"], np.object_)}, "none of auto, denim"),
        ({"garment_image": np.zeros((9, 9, 3), np.uint8)}, "differ in size"),
    ],
)
def test_what_contradicts_is_refused(spoilt: dict[str, Any], sentence: str) -> None:
    """A fabric that nobody weaves, and the photo of another garment."""
    with pytest.raises(WrongTensor, match=sentence):
        GarmentMesher()(**box() | spoilt)


def with_hole(given: dict[str, Any]) -> None:
    """A hole of a twelfth of it."""
    given["garment_mask"][180:220, 130:170] = 0


def with_second_piece(given: dict[str, Any]) -> None:
    """Another garment beside it."""
    given["garment_mask"][100:300, 230:280] = 255


def with_nan(given: dict[str, Any]) -> None:
    """A landmark that is no number."""
    given["garment_points"][GarmentPoint.WAIST_LEFT, 0] = np.nan


def without_waist(given: dict[str, Any]) -> None:
    """A landmark that was not found."""
    given["garment_points"][GarmentPoint.WAIST_LEFT, 2] = 0


def as_a_thread(given: dict[str, Any]) -> None:
    """A line of three pixels."""
    given["garment_mask"][:] = 0
    given["garment_mask"][100:300, 149:152] = 255


def without_anything(given: dict[str, Any]) -> None:
    """An empty mask."""
    given["garment_mask"][:] = 0


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (with_hole, "has a hole"),
        (with_second_piece, "several pieces"),
        (with_nan, "no numbers"),
        (without_waist, "Not found on the garment: waist left"),
        (as_a_thread, "too thin"),
        (without_anything, "No garment is left"),
    ],
)
def test_what_cannot_be_cut_is_refused_in_words(spoil: Any, sentence: str) -> None:
    """Each fault has a sentence of its own."""
    given = box()
    spoil(given)
    with pytest.raises(GarmentNotMeshed, match=sentence):
        GarmentMesher()(**given)


def test_a_small_flaw_of_the_mask_is_no_hole() -> None:
    """A few lost pixels are filled."""
    given = box()
    given["garment_mask"][200:208, 150:158] = 0
    mesh = GarmentMesher(1000)(**given)
    assert openings(merged(mesh["garment_faces"], mesh["garment_seams"], len(mesh["garment_vertices"]))) == 2


@pytest.mark.parametrize(
    "faces",
    [
        [[0, 1, 2], [0, 1, 3]],  # two triangles that face opposite ways
        [[0, 1, 2], [1, 0, 3], [0, 1, 4]],  # three at one edge
        [[0, 1, 2], [0, 3, 4]],  # two that touch in a point
    ],
)
def test_what_is_no_surface_is_refused(faces: list[list[int]]) -> None:
    """The check itself finds the three ways of not being one."""
    with pytest.raises(GarmentNotMeshed, match="could not be sewn"):
        openings(np.array(faces, np.int32))
