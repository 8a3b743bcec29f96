"""A garment's photo as sewing panels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from bridge.contracts import Category, GarmentPoint, Panel, Part
from bridge.garment.drawing.wardrobe import Kind
from bridge.garment.drawn import KINDS
from bridge.garment.mesh.depth import Depth
from bridge.garment.mesh.mesher import GarmentMesher
from bridge.garment.mesh.sewn import merged, openings
from bridge.triton.local import LocalModels
from tests.garment.panels import HEIGHT, KNIT, WIDTH, asked, box
from tests.garment.scenes import drawn

OPENINGS = {"trousers": 3, "shorts": 3, "skirt": 2}
"""Waist and hems; every top has a neckline, a hem and two cuffs or armholes."""


def doubled_areas(vertices: Any, faces: Any) -> Any:
    """Twice the signed area of each triangle [px²]; below 0: anticlockwise as one looks at the photo."""
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    return (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_becomes_a_sewn_surface(kind: Kind) -> None:
    """About 4,000 vertices, no inverted and no flat triangle, open where the garment is open and nowhere else."""
    mesh = GarmentMesher()(**asked(kind))
    vertices, faces, panels = (mesh[f"garment_{name}"] for name in ("vertices", "faces", "panels"))
    assert len(vertices) == pytest.approx(4000, rel=0.05)
    front = panels[faces] == Panel.FRONT
    assert (front.all(axis=1) | ~front.any(axis=1)).all()
    areas = doubled_areas(vertices, faces) * np.where(front[:, 0], -1, 1)
    assert areas.min() > 0.2 * np.median(areas)
    assert openings(merged(faces, mesh["garment_seams"], len(vertices))) == OPENINGS.get(kind, 4)
    assert len(np.unique(faces)) == len(vertices)


@pytest.mark.parametrize("kind", KINDS)
def test_seams_join_the_same_place_of_both_panels(kind: Kind) -> None:
    """Each vertex is sewn at most once, a front's with the back's at the same place of the photo."""
    mesh = GarmentMesher()(**asked(kind))
    seams, vertices = mesh["garment_seams"], mesh["garment_vertices"]
    assert (mesh["garment_panels"][seams] == (Panel.FRONT, Panel.BACK)).all()
    assert len(np.unique(seams)) == seams.size > 0
    np.testing.assert_array_equal(vertices[seams[:, 0]], vertices[seams[:, 1]])


@pytest.mark.parametrize("kind", KINDS)
def test_the_panels_cover_the_garment(kind: Kind) -> None:
    """The front covers what is seen of the outer side, the back the whole outline, to within a pixel's seam."""
    given = asked(kind)
    mesh = GarmentMesher()(**given)
    whole = given["garment_mask"] >= 128
    for panel, wanted in ((Panel.FRONT, whole & (given["garment_inside"] < 128)), (Panel.BACK, whole)):
        drawn = np.zeros(whole.shape, np.uint8)
        for corners in mesh["garment_faces"][mesh["garment_panels"][mesh["garment_faces"][:, 0]] == panel]:
            cv2.fillConvexPoly(
                drawn, np.rint((mesh["garment_vertices"][corners] - 0.5) * 16).astype(int), 1, shift=4
            )
        both, either = (drawn > 0) & wanted, (drawn > 0) | wanted
        assert both.sum() / either.sum() > 0.98


def test_regions_are_the_pieces() -> None:
    """Sleeves lie beyond the armholes, on their own side; legs to both sides of the crotch; a skirt is one."""
    tee = GarmentMesher()(**asked("tee"))
    points = asked("tee")["garment_points"]
    for part, armpit, sign in (
        (Part.LEFT_SLEEVE, GarmentPoint.ARMPIT_LEFT, 1),
        (Part.RIGHT_SLEEVE, GarmentPoint.ARMPIT_RIGHT, -1),
    ):
        x = tee["garment_vertices"][tee["garment_regions"] == part, 0]
        assert len(x) > 100
        assert (sign * (x - points[armpit, 0]) > -30).all()
    trousers = GarmentMesher()(**asked("trousers"))["garment_regions"]
    assert set(np.unique(trousers)) == {Part.LEFT_LEG, Part.RIGHT_LEG}
    assert set(np.unique(GarmentMesher()(**asked("skirt"))["garment_regions"])) == {Part.SKIRT}


def test_a_sleeve_that_lies_on_the_trunk_ends_at_its_armhole() -> None:
    """Sleeves that hang down join the trunk in the photo; a flared skirt below them is none of theirs."""
    trunk = [(130, 60), (170, 60), (205, 70), (200, 210), (250, 380), (50, 380), (100, 210), (95, 70)]
    sleeve = np.array([(205, 70), (240, 90), (240, 210), (195, 210), (195, 120)])
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for corners in (np.array(trunk), sleeve, sleeve * (-1, 1) + (300, 0)):
        cv2.fillPoly(mask, [corners], 255)
    points = np.zeros((len(GarmentPoint), 3), np.float32)
    for name, at in {
        "COLLAR": (170, 60),
        "SHOULDER": (205, 70),
        "ARMPIT": (190, 120),
        "CUFF_OUTER": (240, 210),
        "CUFF_INNER": (202, 212),
        "HEM": (250, 380),
    }.items():
        points[GarmentPoint[f"{name}_LEFT"]] = (*at, 1)
        points[GarmentPoint[f"{name}_RIGHT"]] = (300 - at[0], at[1], 1)
    category = np.array([Category.DRESS.value.encode()], np.object_)
    mesh = GarmentMesher()(
        garment_image=np.zeros((HEIGHT, WIDTH, 3), np.uint8),
        garment_category=category,
        garment_mask=mask,
        garment_inside=0 * mask,
        garment_points=points,
        fabric=KNIT,
    )
    x, y = (mesh["garment_vertices"] - (150, 0)).T
    parts = mesh["garment_regions"]
    assert (parts[(x > 56) & (y < 200)] == Part.LEFT_SLEEVE).all()
    assert (parts[(x < -56) & (y < 200)] == Part.RIGHT_SLEEVE).all()
    assert (parts[(np.abs(x) < 38) | (y > 220)] == Part.TORSO).all()


def test_the_depth_is_that_of_the_polygon() -> None:
    """The map tells what measuring each point against the outline and the line inside tells, as nearly as needed."""
    outline = np.array([(20, 20), (220, 40), (180, 150), (240, 280), (30, 260)], np.float32)
    line = np.array([(20, 20), (100, 120), (220, 40)], np.float32)
    points = np.random.default_rng(0).uniform(0, 300, (40_000, 2)).astype(np.float32)
    depth = Depth(outline, [line], 16.0).at(points)
    for number in range(0, len(points), 40):
        to_outline = cv2.pointPolygonTest(outline, points[number].tolist(), measureDist=True)
        inside = np.concatenate([line, line[::-1]])
        to_line = abs(cv2.pointPolygonTest(inside, points[number].tolist(), measureDist=True))
        true = max(0, min(to_outline, to_line))
        assert abs(depth[number] - true) < 1.4 + 0.025 * true


@pytest.mark.parametrize("vertices", [500, 12_000, 40_000])
def test_the_number_of_vertices_is_chosen(vertices: int) -> None:
    """Coarse for a quick look, fine for a closer one."""
    mesh = GarmentMesher(vertices)(**asked("tee"))
    assert len(mesh["garment_vertices"]) == pytest.approx(vertices, rel=0.15)
    with pytest.raises(ValueError, match="between 1 and"):
        GarmentMesher(50_000)


def test_a_symmetric_garment_gives_a_symmetric_lattice() -> None:
    """What lies inside mirrors itself about the middle; so symmetric cloth falls symmetrically."""
    vertices = GarmentMesher(1000)(**box())["garment_vertices"]
    inner = vertices[(np.abs(vertices - (150, 200)) < (45, 95)).all(axis=1)]
    mirrored = inner * (-1, 1) + (300, 0)
    apart = np.linalg.norm(inner[:, None] - mirrored[None], axis=2).min(axis=1)
    assert apart.max() < 0.1


@pytest.mark.parametrize(("seed", "vertices"), [(3, 1500), (3, 4000), (6, 1500), (6, 4000)])
def test_straps_narrower_than_a_triangle_are_sewn(seed: int, vertices: int) -> None:
    """Where collar and shoulder fall on one vertex, and where the inner side of a strap is seen."""
    image, truth = drawn("camisole", seed)
    given = {"garment_mask": truth.mask, "garment_inside": truth.inside, "garment_points": truth.points}
    mesh = GarmentMesher(vertices)(**asked("camisole") | given | {"garment_image": image})
    assert openings(merged(mesh["garment_faces"], mesh["garment_seams"], len(mesh["garment_vertices"]))) == 4


def test_a_thread_between_the_legs_is_no_cloth() -> None:
    """An outline that runs to and fro along one row of pixels could not be triangulated."""
    given = asked("trousers")
    bridged = given["garment_mask"].copy()
    bridged[given["garment_mask"].shape[0] * 2 // 3, 300:460] = 255
    assert (bridged != given["garment_mask"]).any()
    with_thread = GarmentMesher()(**given | {"garment_mask": bridged})
    without = GarmentMesher()(**given)
    np.testing.assert_array_equal(with_thread["garment_faces"], without["garment_faces"])


@pytest.mark.parametrize(
    ("wish", "found", "why"), [(b"auto", "printed", "pattern"), (b"satin", "satin", "asked for")]
)
def test_the_fabric_is_told_or_given(wish: bytes, found: str, why: str) -> None:
    """The flowers of the blouse are seen, unless the caller knows better; the report says which."""
    mesh = GarmentMesher()(**asked("blouse") | {"fabric": np.array([wish], np.object_)})
    report = json.loads(mesh["mesh_report"][0])
    assert mesh["garment_fabric"][0] == found.encode()
    assert report["fabric"] == found
    assert why in report["fabric_why"]


@pytest.mark.photos
def test_photographed_garments_become_surfaces(photos: Path) -> None:
    """The studio's garments: whatever the garment model saw of them can be sewn."""
    models = LocalModels()
    for path in sorted((photos / "garments").iterdir()):
        image = models["decode"](photo=np.array([path.read_bytes()], np.object_))["image"]
        seen = models["garment"](garment_image=image)
        mesh = models["garment_mesh"](garment_image=image, **seen)
        faces, seams = mesh["garment_faces"], mesh["garment_seams"]
        assert openings(merged(faces, seams, len(mesh["garment_vertices"]))) in {2, 3, 4}, path.name
