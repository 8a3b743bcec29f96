"""The whole drape, on a mannequin whose arms sink."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from bridge.cloth.draper import Draper, resampled
from bridge.cloth.fit import deepest
from bridge.cloth.solver import Surface
from bridge.cloth.wearer import Flat
from bridge.contracts import DRAPE, Fabric, Panel
from bridge.errors import DrapeFailed, WrongTensor
from bridge.garment.drawing.wardrobe import Kind
from bridge.triton.tensors import checked
from tests.cloth.garments import flat
from tests.cloth.mannequin import OFFSET, lowered, mannequin
from tests.cloth.sheets import MATERIAL, cloth, grid, sphere
from tests.cloth.twin import closest

Arrays = Mapping[str, npt.NDArray[np.generic]]


@pytest.fixture(scope="module")
def draper() -> Draper:
    """A draper, its kernels compiled."""
    return Draper()


def inputs(garment: Flat, fabric: bytes = b"", angle: float = 0.5) -> dict[str, npt.NDArray[np.generic]]:
    """What the contract asks for."""
    motion, marks = lowered(angle)
    _, faces, parts, _ = mannequin()
    return {
        "body_motion": motion,
        "body_faces": faces,
        "body_parts": parts,
        "body_landmarks": marks,
        "garment_category": np.array([garment.category.value.encode()], np.object_),
        "garment_points": garment.points.astype(np.float32),
        "garment_vertices": garment.vertices.astype(np.float32),
        "garment_faces": garment.faces,
        "garment_panels": np.where(garment.back, Panel.BACK, Panel.FRONT).astype(np.uint8),
        "garment_regions": garment.regions,
        "garment_seams": garment.seams,
        "garment_fabric": np.array([fabric], np.object_),
    }


def report(outputs: Arrays) -> dict[str, float]:
    """The JSON that goes with the drape."""
    return json.loads(outputs["drape_report"][0])


@pytest.mark.parametrize("kind", ["tee", "sweater", "tank", "dress", "trousers", "skirt"])
def test_every_garment_comes_to_rest_outside_the_body(draper: Draper, kind: Kind) -> None:
    """Its outputs are the contract's, it lies still, stretches little, and no part of it is in the skin."""
    garment = flat(kind)
    outputs = checked(DRAPE, draper(**inputs(garment)))
    told = report(outputs)
    assert told["converged"]
    assert told["deepest_penetration_mm"] <= 1
    assert told["mean_strain"] < (0.15 if kind == "sweater" else 0.08)  # its sleeves are tight for these arms
    assert outputs["strain"].shape == (len(garment.faces),)
    assert float(outputs["strain"].max()) == pytest.approx(told["largest_strain"], abs=1e-3)
    sewn = outputs["draped"][garment.seams]
    np.testing.assert_array_equal(sewn[:, 0], sewn[:, 1])


@pytest.mark.parametrize("kind", ["tee", "trousers"])
def test_no_vertex_has_the_body_around_it(draper: Draper, kind: Kind) -> None:
    """The winding number of the trunk and the legs, which knows nothing of normals, is 0 at every vertex."""
    garment = flat(kind, 400)
    worn = draper(**inputs(garment))["draped"][::2]
    motion, _ = lowered(0.5)
    _, faces, _, _ = mannequin()
    corners = motion[-1][faces].astype(np.float64)[None] - worn[:, None, None]
    a, b, c = corners[:, :, 0], corners[:, :, 1], corners[:, :, 2]
    la, lb, lc = (np.linalg.norm(side, axis=-1) for side in (a, b, c))
    dots = [np.einsum("ijk,ijk->ij", p, q) for p, q in ((a, b), (b, c), (c, a))]
    above = np.einsum("ijk,ijk->ij", a, np.cross(b, c))
    below = la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb
    winding = 2 * np.arctan2(above, below).sum(axis=1) / (4 * np.pi)  # Van Oosterom and Strackee, 1983
    heights = worn[:, 1] - OFFSET[1]
    armpits = (np.abs(worn[:, 0]) > 0.12) & (heights > 0.28) & (heights < 0.42)
    assert (winding[~armpits] > 0.5).mean() < 0.002  # in the armpits, the mannequin's own limbs overlap


@pytest.mark.parametrize("kind", ["trousers", "skirt"])
def test_a_waistband_stays_up(draper: Draper, kind: Kind) -> None:
    """The upper edge of what hangs from the waist is still there when the arms are down."""
    garment = flat(kind)
    outputs = draper(**inputs(garment))
    heights = outputs["draped"][:, 1] - OFFSET[1]
    top = garment.vertices[:, 1] < garment.vertices[:, 1].min() + 2
    assert np.abs(heights[top] - 0.12).max() < 0.03


def test_sleeves_follow_the_arms(draper: Draper) -> None:
    """The long sleeves' cuffs end up at the lowered wrists, far from where they began."""
    garment = flat("sweater")
    outputs = draper(**inputs(garment))
    _, marks = lowered(0.5)
    wrists = marks[1, 15:17]
    apart = np.linalg.norm(outputs["draped"][None] - wrists[:, None], axis=2).min(axis=1)
    assert apart.max() < 0.1


def test_the_same_request_gives_the_same_bits(draper: Draper) -> None:
    """Two drapes of one garment are equal to the last bit."""
    wanted = inputs(flat("tee", 700))
    one, two = draper(**wanted), draper(**wanted)
    assert np.array_equal(one["draped"], two["draped"])
    assert one["drape_report"][0] == two["drape_report"][0]


def test_a_stiff_fabric_falls_otherwise_than_a_limp_one(draper: Draper) -> None:
    """The fabric's name reaches the cloth: leather and satin lie differently."""
    skirt = flat("skirt", 700)
    stiff, limp = (
        draper(**inputs(skirt, fabric.value.encode())) for fabric in (Fabric.LEATHER, Fabric.SATIN)
    )
    assert np.linalg.norm(stiff["draped"] - limp["draped"], axis=1).max() > 0.01


def broken(name: str) -> dict[str, npt.NDArray[np.generic]]:
    """A request with one thing wrong."""
    good = inputs(flat("tee", 300))
    spoilt: dict[str, dict[str, npt.NDArray[np.generic]]] = {
        "too large": {"garment_vertices": np.zeros((20_001, 2), np.float32)},
        "body too large": {"body_faces": np.zeros((60_001, 3), np.int32)},
        "not a number": {"body_motion": np.full_like(good["body_motion"], np.nan)},
        "no triangles": {"garment_faces": np.zeros((0, 3), np.int32)},
        "no such vertex": {"garment_faces": good["garment_faces"] + 10_000},
        "no trunk": {"body_landmarks": np.zeros_like(good["body_landmarks"])},
        "no landmarks": {"garment_points": np.zeros_like(good["garment_points"])},
    }
    return good | spoilt[name]


@pytest.mark.parametrize(
    "name", ["too large", "body too large", "not a number", "no triangles", "no such vertex"]
)
def test_what_cannot_be_draped_is_refused(draper: Draper, name: str) -> None:
    """A broken mesh gives a sentence."""
    with pytest.raises(DrapeFailed, match=r"[.]$"):
        draper(**broken(name))


def test_a_body_without_motion_is_dressed(draper: Draper) -> None:
    """One pose alone is enough."""
    wanted = inputs(flat("tee", 700))
    outputs = draper(**(wanted | {"body_motion": wanted["body_motion"][:1]}))
    assert report(outputs)["converged"]


@pytest.mark.parametrize("fabric", [b"chain mail", b"auto"])
def test_an_unknown_fabric_is_refused(draper: Draper, fabric: bytes) -> None:
    """The sentence names the fabrics there are; which one `auto` means is the garment's mesher to say."""
    with pytest.raises(WrongTensor, match="none of denim"):
        draper(**inputs(flat("tee", 300), fabric))


def test_a_motion_is_divided_by_how_far_it_goes() -> None:
    """Steps become even and short, the ends stay, and a body that stands still needs one step."""
    path = np.zeros((3, 2, 3), np.float32)
    path[1, 0, 0], path[2, 0, 0] = 0.01, 0.1
    finer = resampled(path)
    strides = np.diff(finer[:, 0, 0])
    assert len(finer) in (5, 6)
    np.testing.assert_allclose(strides, strides.mean(), atol=1e-6)
    np.testing.assert_array_equal(finer[[0, -1]], path[[0, 2]])
    assert len(resampled(path[[0, 0]])) == 2


def test_only_sleeves_are_held_off_by_arms() -> None:
    """A sheet in an arm is in the skin where it is a sleeve's, and passes where it is a hem."""
    body, faces = sphere(0.1)
    flat_sheet, triangles = grid(0.06, 0.06, 0.02)
    sheet = cloth(flat_sheet, triangles, MATERIAL)
    inside = np.column_stack(
        [flat_sheet[:, 0] - 0.03, np.full(len(flat_sheet), 0.08), 0.03 - flat_sheet[:, 1]]
    )
    x = np.ascontiguousarray(inside, np.float32)
    arm = Surface.of(faces, len(body), np.ones(len(body), np.bool_))
    hem = replace(sheet, sleeves=np.zeros(len(x), np.bool_))
    assert deepest(x, sheet, body, arm)[0] > 0.01
    assert deepest(x, hem, body, arm)[0] == 0
    assert deepest(x, hem, body, Surface.of(faces, len(body)))[0] > 0.01


@pytest.mark.parametrize("angle", [-0.3, 0.0, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("kind", ["tee", "dress", "trousers"])
def test_refining_makes_it_better_in_every_pose(draper: Draper, kind: Kind, angle: float) -> None:
    """Less strain, on the whole and at the worst, and nothing 1 mm in the skin, however high the arms are held."""
    told = report(draper(**inputs(flat(kind), angle=angle)))
    assert told["refined"]
    assert told["deepest_penetration_mm"] <= 1
    assert told["mean_strain"] < told["coarse_mean_strain"]
    assert told["largest_strain"] <= told["coarse_largest_strain"]


def test_the_collision_map_is_the_distance_from_the_body(draper: Draper) -> None:
    """Away from the arms, each clearance is that of a body of triangles, searched in another way, and the nearest."""
    given = inputs(flat("dress", 400))
    out = draper(**given)
    corners = lowered(0.5)[0][-1][given["body_faces"].astype(int)]
    near = out["nearest_skin"] >= 0
    assert near.mean() > 0.7
    assert (out["clearance"][~near] == 100).all()
    assert out["clearance"].min() > 1
    for vertex in np.flatnonzero(near)[::7]:
        at = closest(out["draped"][vertex], corners[out["nearest_skin"][vertex]])
        away = np.linalg.norm(out["draped"][vertex] - at @ corners[out["nearest_skin"][vertex]])
        assert out["clearance"][vertex] == pytest.approx(1e3 * away, rel=0.05, abs=0.3)
