"""What is kept of a garment, read back by other means than it was written."""

from __future__ import annotations

import io
import json
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh

from bridge.contracts import Part
from bridge.errors import WrongTensor
from bridge.garment.drawing.wardrobe import Kind
from bridge.garment.mesh.asset import Shown, garment_files, laid_over
from bridge.garment.mesh.mesher import GarmentMesher
from tests.garment.panels import asked
from tests.garment.scenes import drawn

OPENINGS = {"trousers": 3, "skirt": 2}
SIZE = 512


def front(kind: Kind) -> Shown:
    """The drawn garment's photo, without what it shows of the inner side."""
    image, truth = drawn(kind)
    return Shown(image, np.where(truth.inside >= 128, 0, truth.mask).astype(np.uint8))


def meshed(kind: Kind) -> dict[str, Any]:
    """The drawn garment's panels, coarse, and its landmarks."""
    given = asked(kind) | {"fabric": np.array([b"auto"], np.object_)}
    return {"garment_points": given["garment_points"], **GarmentMesher(1000)(**given)}


def picture(data: bytes) -> Any:
    """A PNG as RGB."""
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def parsed(text: str) -> dict[str, list[tuple[str, ...]]]:
    """The lines of an OBJ or MTL file by their first word."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for line in text.splitlines():
        word, *rest = line.split()
        found.setdefault(word, []).append(tuple(rest))
    return found


def test_the_pattern_is_read_back() -> None:
    """Vertices, triangles and texture coordinates are the mesh's; both panels name a material that there is."""
    mesh = meshed("tee")
    files = garment_files(mesh, front("tee"), thickness=0.0055, size=SIZE)
    lines = parsed(files["garment.obj"].decode())
    places = np.array(lines["v"], float)
    height, width = drawn("tee")[1].mask.shape
    np.testing.assert_allclose(places[:, 0], mesh["garment_vertices"][:, 0], atol=1e-3)
    np.testing.assert_allclose(height - places[:, 1], mesh["garment_vertices"][:, 1], atol=1e-3)
    np.testing.assert_allclose(np.array(lines["vt"], float) * (width, height), places[:, :2], atol=2e-3)
    corners = np.array([[corner.split("/") for corner in face] for face in lines["f"]], int) - 1
    assert (corners[..., 0] == corners[..., 1]).all()
    assert sorted(map(tuple, corners[..., 0])) == sorted(map(tuple, mesh["garment_faces"]))
    materials = parsed(files["garment.mtl"].decode())
    assert lines["usemtl"] == materials["newmtl"] == [("front",), ("back",)]
    assert {name for (name,) in materials["map_Kd"]} < files.keys()


@pytest.mark.parametrize("kind", ["tee", "hoodie", "trousers", "skirt"])
def test_the_sewn_garment_is_open_where_it_is_worn_and_nowhere_else(kind: Kind) -> None:
    """As trimesh reads it: joined in the seams it is one surface, wound one way, whose rings are its openings."""
    files = garment_files(meshed(kind), front(kind), thickness=0.0055, size=SIZE)
    read = trimesh.load(io.BytesIO(files["garment.obj"]), file_type="obj", process=False, force="mesh")
    sewn = trimesh.Trimesh(read.vertices, read.faces, process=False)
    sewn.merge_vertices(merge_tex=True, merge_norm=True)
    assert sewn.is_winding_consistent
    assert sewn.body_count == 1
    rims = trimesh.grouping.group_rows(sewn.edges_sorted, require_count=1)
    rings = trimesh.graph.connected_components(sewn.edges_sorted[rims])
    assert len(rings) == OPENINGS.get(kind, 4) == json.loads(files["garment.json"])["openings"]
    areas = np.cross(*(read.triangles[:, k] - read.triangles[:, 0] for k in (1, 2)))
    front_facing = (areas[:, 2] > 0).mean()
    assert 0.4 < front_facing < 0.6


def test_the_sewing_is_told() -> None:
    """Seams join a front's vertex and a back's at one place of the OBJ; counts, parts and fabric are there."""
    files = garment_files(meshed("blouse"), front("blouse"), thickness=0.0055, size=SIZE)
    told = json.loads(files["garment.json"])
    places = np.array(parsed(files["garment.obj"].decode())["v"], float)
    fronts, backs = (set(told["panels"][name]["vertices"]) for name in ("front", "back"))
    assert fronts | backs == set(range(told["vertices"])) == set(range(len(places)))
    seams = np.array(told["seams"])
    assert set(seams[:, 0]) < fronts
    assert set(seams[:, 1]) < backs
    np.testing.assert_array_equal(places[seams[:, 0]], places[seams[:, 1]])
    assert told["faces"] == sum(told["panels"][name]["faces"] for name in ("front", "back"))
    assert told["regions"].keys() == {
        p.name.lower() for p in (Part.TORSO, Part.LEFT_SLEEVE, Part.RIGHT_SLEEVE)
    }
    assert (told["fabric"], told["thickness_m"]) == ("printed", 0.0055)
    assert told["points_px"]["hem_left"] == pytest.approx(drawn("blouse")[1].points[15, :2], abs=0.01)


def test_the_texture_is_the_photo_and_has_no_wall() -> None:
    """On the garment its colours are the photo's; beyond its outline the garment's own go on."""
    shown = front("skirt")
    texture = picture(garment_files(meshed("skirt"), shown, thickness=0.005)["garment_front.png"])
    assert texture.shape == (2048, 2048, 3)
    small = cv2.resize(texture, shown.mask.shape[::-1], interpolation=cv2.INTER_AREA).astype(int)
    inside = cv2.erode(shown.mask, np.ones((9, 9))) == 255
    assert np.abs(small - shown.image)[inside].mean() < 1
    assert small[shown.mask == 0].max() < 240
    assert np.median(shown.image[shown.mask == 0]) > 240


def test_a_photo_from_behind_is_the_backs_texture() -> None:
    """Turned over and laid on the front's outline, wherever and however large the garment is in its photo."""
    shown = front("tank")
    turn = np.array([[-0.5, 0, 500], [0, 0.6, 90]])
    behind = Shown(
        *(cv2.warpAffine(p, turn, (600, 800)) for p in (255 - shown.image, shown.mask))  # type: ignore[arg-type]
    )
    laid = laid_over(behind, shown)
    both = (laid.mask >= 128) & (shown.mask >= 128)
    assert both.sum() / ((laid.mask >= 128) | (shown.mask >= 128)).sum() > 0.98
    files = garment_files(meshed("tank"), shown, behind, thickness=0.005, size=SIZE)
    assert parsed(files["garment.mtl"].decode())["map_Kd"] == [("garment_front.png",), ("garment_back.png",)]
    one, other = (picture(files[f"garment_{name}.png"]).astype(int) for name in ("front", "back"))
    inside = cv2.resize(cv2.erode(shown.mask, np.ones((25, 25))), (SIZE, SIZE)) == 255
    assert np.abs(255 - one - other)[inside].mean() < 6


@pytest.mark.parametrize(
    ("mask", "sentence"), [(np.zeros((4, 4), np.uint8), "empty"), (np.full((4, 5), 255, np.uint8), "size")]
)
def test_what_shows_nothing_is_refused(mask: Any, sentence: str) -> None:
    """An empty mask, and the mask of another photo."""
    with pytest.raises(WrongTensor, match=sentence):
        Shown(np.zeros((4, 4, 3), np.uint8), mask)
