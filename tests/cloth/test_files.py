"""The files of a draped garment, read back."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from bridge.cloth.files import ARRAYS, MATERIAL, MESH, TEXTURE, drape_files
from bridge.errors import WrongTensor

DRAPE = {
    "garment_vertices": np.array([[0, 0], [20, 0], [0, 10], [20, 10]], np.float32),
    "garment_faces": np.array([[0, 2, 1], [1, 2, 3]], np.int32),
    "draped": np.array([[0, 1, -2], [0.5, 1, -2], [0, 0.5, -2], [0.5, 0.5, -2.25]], np.float32),
    "strain": np.array([0.1, 0.2], np.float32),
    "clearance": np.array([5.5, 6, -0.5, 100], np.float32),
    "nearest_skin": np.array([7, 8, 9, -1], np.int32),
    "drape_report": np.array([b'{"converged": true}'], np.object_),
}


def test_the_mesh_has_every_vertex_with_its_place_in_the_photo() -> None:
    """Metres as they were, the photo's upper left corner at (0, 1), triangles counted from one."""
    files = drape_files(DRAPE, (10, 40, 3))
    lines = [line.split() for line in files[MESH].decode().splitlines()]
    vertices, places = (
        np.array([line[1:] for line in lines if line[0] == kind], float) for kind in ("v", "vt")
    )
    np.testing.assert_allclose(vertices, DRAPE["draped"], atol=1e-6)
    np.testing.assert_allclose(places, [[0, 1], [0.5, 1], [0, 0], [0.5, 0]], atol=1e-6)
    assert [line[1:] for line in lines if line[0] == "f"] == [["1/1", "3/3", "2/2"], ["2/2", "3/3", "4/4"]]
    assert ["mtllib", MATERIAL] in lines
    assert f"map_Kd {TEXTURE}" in files[MATERIAL].decode()


def test_the_maps_are_kept_as_they_are() -> None:
    """Clearance, skin and strain come back to the bit, without unpickling."""
    with np.load(io.BytesIO(drape_files(DRAPE, (10, 40))[ARRAYS]), allow_pickle=False) as kept:
        for name in ("strain", "clearance", "nearest_skin"):
            np.testing.assert_array_equal(kept[name], DRAPE[name])
        np.testing.assert_array_equal(kept["vertices"], DRAPE["draped"])
        assert json.loads(str(kept["report"])) == {"converged": True}


def test_what_was_not_draped_is_not_kept() -> None:
    """Warp's answer has an empty mesh: a sentence says what to ask for."""
    with pytest.raises(WrongTensor, match="expert"):
        drape_files({**DRAPE, "draped": np.zeros((0, 3), np.float32)}, (10, 40))
