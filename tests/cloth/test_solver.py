"""The solver against physics, and against a slow twin of itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bridge.cloth.pattern import Cloth
from bridge.cloth.solver import GRAVITY, Steps, Surface, nearest, normals_of, simulate
from bridge.cloth.wearer import Floats
from bridge.errors import DrapeFailed
from tests.cloth.sheets import MATERIAL, cloth, disc, fall, grid, plane, sphere
from tests.cloth.twin import substep


def level(flat: Floats, height: float = 0.0) -> Floats:
    """A sheet laid level, its outer side up."""
    middle = flat.mean(axis=0)
    return np.column_stack([flat[:, 0] - middle[0], np.full(len(flat), height), middle[1] - flat[:, 1]])


def energy(sheet: Cloth, x: Floats, v: Floats) -> float:
    """Kinetic, gravitational and elastic energy [J]."""
    mass = np.where(sheet.inverse_masses > 0, 1 / np.maximum(sheet.inverse_masses, 1e-9), 0)
    apart = np.linalg.norm(x[sheet.edges[:, 0]] - x[sheet.edges[:, 1]], axis=1) - sheet.rest
    bent = (sheet.hinge_weights[..., None] * x[sheet.hinges]).sum(axis=1)
    elastic = (apart**2 / sheet.edge_compliance).sum() + (
        (bent**2).sum(axis=1) / sheet.hinge_compliance
    ).sum()
    return float(mass @ (v**2).sum(axis=1) / 2 + GRAVITY * mass @ x[:, 1] + elastic / 2)


def test_one_step_is_the_twins() -> None:
    """A step with every kind of constraint, on a moving body, gives what plain numpy gives."""
    flat, faces = grid(0.12, 0.12, 0.02)
    sheet = cloth(flat, faces, replace(MATERIAL, limit=0.02), flat[:, 0] > 0.115)
    rng = np.random.default_rng(1)
    ball, triangles = sphere(0.1, 12)
    moved = ball + np.float32([0.0005, 0.001, 0])
    x = (level(flat, 0.103) * (1.05, 1, 0.95) + rng.normal(0, 0.002, (len(flat), 3))).astype(np.float32)
    v = rng.normal(0, 0.3, x.shape).astype(np.float32)
    steps, surface = Steps(substeps=1), Surface.of(triangles, len(ball))
    contact = nearest(x, normals_of(x, sheet.faces), ball, surface, 0.05)
    got = simulate(sheet, x, v, np.stack([ball, moved]), surface, steps)
    body = (ball.astype(float), moved.astype(float), triangles, normals_of(moved, triangles).astype(float))
    want = substep(sheet, x.astype(float), v.astype(float), body, contact.triangles, steps)
    assert (contact.triangles >= 0).sum() > 20
    np.testing.assert_allclose(got[0], want[0], atol=2e-6)
    np.testing.assert_allclose(got[1], want[1], atol=2e-3)


def test_a_hanging_strip_is_a_catenary() -> None:
    """A strip between two nails hangs as the analytic curve of its length does."""
    length, span = 1.0, 0.7
    flat, faces = grid(length, 0.04, 0.02)
    sheet = cloth(
        flat, faces, replace(MATERIAL, bending=1e-9), (flat[:, 0] < 1e-6) | (flat[:, 0] > length - 1e-6)
    )
    start = level(flat) * (span / length, 1, 1)
    start[:, 1] = -0.3 * np.sin(np.pi * flat[:, 0] / length)
    x, v = fall(sheet, start, 160, Steps(drag=3.0, step=5e-4, pressed=1.0))
    tried = np.linspace(0.15, 2, 100_000)
    a = tried[np.abs(2 * tried * np.sinh(span / (2 * tried)) - length).argmin()]
    curve = a * (np.cosh(x[:, 0] / a) - np.cosh(span / (2 * a)))
    assert np.abs(v).max() < 0.05
    assert curve.min() == pytest.approx(x[:, 1].min(), rel=0.03)
    np.testing.assert_allclose(x[:, 1], curve, atol=0.01)


@pytest.mark.parametrize("edge", [0.01, 0.00667, 0.005])
def test_a_clamped_strip_bends_as_a_beam(edge: float) -> None:
    """Its tip sinks by w L^4 / 8 B (Peirce's cantilever, small deflection), whatever the mesh."""
    clamp, free = 0.02, 0.04
    material = replace(MATERIAL, bending=5e-5, warp=20_000, weft=20_000, shear=8000)
    flat, faces = grid(clamp + free, 0.12, edge)
    sheet = cloth(flat, faces, material, flat[:, 0] < clamp + 1e-6)
    x, _ = fall(sheet, level(flat), 50, Steps(drag=20.0, substeps=40, step=2.5e-4))
    sunk = -x[flat[:, 0] > clamp + free - 1e-6, 1].mean()
    bending = free + edge / 4  # every other row of vertices is clamped half an edge before the clamp's end
    assert sunk == pytest.approx(material.density * GRAVITY * bending**4 / (8 * material.bending), rel=0.1)


def test_energy_never_grows() -> None:
    """A sheet that swings from two corners without drag only ever loses energy."""
    flat, faces = grid(0.3, 0.3, 0.03)
    pinned = (np.abs(flat[:, 0] - 0.15) > 0.149) & (flat[:, 1] < 1e-6)
    sheet = cloth(flat, faces, replace(MATERIAL, warp=50, weft=50, shear=25), pinned)
    x, v = level(flat).astype(np.float32), np.zeros((len(flat), 3), np.float32)
    history = [energy(sheet, x, v)]
    for _ in range(30):
        x, v = fall(sheet, x, 1, Steps(drag=0.0, substeps=40, step=5e-4, pressed=1.0), velocity=v)
        history.append(energy(sheet, x, v))
    scale = np.ptp(history)
    assert scale > 0.005
    assert np.diff(history).max() < 0.01 * scale


@pytest.mark.parametrize(("friction", "tilt"), [(0.5, 0.35), (0.2, 0.35), (0.0, 0.35)])
def test_cloth_on_an_incline_obeys_coulomb(friction: float, tilt: float) -> None:
    """It stays where tan(tilt) is below the coefficient, and slides with g (sin - friction cos) where it is not."""
    flat, faces = grid(0.1, 0.1, 0.02)
    steps = Steps(friction=friction, drag=0.0, thickness=0.005)
    lying = level(flat) @ np.array(
        [[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]]
    )
    start = lying + 0.005 * np.array([np.sin(tilt), np.cos(tilt), 0])
    x, _ = fall(cloth(flat, faces, MATERIAL), start, 15, steps, plane(0.5, tilt))
    slid = (x - start) @ (np.cos(tilt), -np.sin(tilt), 0)
    seconds = 15 * steps.substeps * steps.step
    expected = max(0.0, GRAVITY * (np.sin(tilt) - friction * np.cos(tilt))) * seconds**2 / 2
    np.testing.assert_allclose(slid, expected, atol=0.002 + 0.04 * expected)


def test_cloth_over_a_ball_stays_outside() -> None:
    """No vertex and no middle of a triangle lies in the ball, and the cloth hangs down around it."""
    flat, faces = disc(0.25, 20)
    x, _ = fall(cloth(flat, faces, MATERIAL), level(flat, 0.13), 40, Steps(drag=4.0), sphere(0.12))
    assert np.linalg.norm(x, axis=1).min() > 0.12 - 1e-4
    assert np.linalg.norm(x[faces].mean(axis=1), axis=1).min() > 0.12 - 1e-4
    assert x[:, 1].min() < -0.02


def test_a_symmetric_sheet_drapes_symmetrically() -> None:
    """A strip over a ball is its own mirror image."""
    flat, faces = grid(0.4, 0.06, 0.02)
    x, _ = fall(
        cloth(flat, faces, MATERIAL), level(flat, 0.11), 50, Steps(drag=6.0, friction=0.8), sphere(0.1)
    )
    mirrored = x * (-1, 1, 1)
    apart = np.linalg.norm(x[:, None] - mirrored[None], axis=2).min(axis=1)
    assert x[:, 1].min() < -0.02
    assert apart.mean() < 0.004


def test_the_same_fall_gives_the_same_bits() -> None:
    """Twice the same input, twice the same output, to the last bit."""
    flat, faces = disc(0.2, 12)
    runs = [fall(cloth(flat, faces, MATERIAL), level(flat, 0.11), 10, Steps(), sphere(0.1)) for _ in range(2)]
    assert np.array_equal(runs[0][0], runs[1][0])
    assert np.array_equal(runs[0][1], runs[1][1])


def test_what_breaks_down_is_said() -> None:
    """Positions that are no numbers give a sentence instead of a drape."""
    flat, faces = disc(0.1, 3)
    with pytest.raises(DrapeFailed, match="broke down"):
        fall(cloth(flat, faces, MATERIAL), np.full((len(flat), 3), np.nan), 2, Steps(), sphere(0.1))


def test_cloth_is_held_off_by_the_skin_that_it_faces() -> None:
    """Between two skins, a point belongs to the one that its cloth's inner side looks at, not to the nearer one."""
    lower, faces = plane(0.2, 0.0)
    upper = lower + np.float32([0, 0.02, 0])
    body = np.concatenate([lower, upper])
    surface = Surface.of(np.concatenate([faces, faces[:, ::-1] + len(lower)]), len(body))
    points, up = np.float32([[0.01, 0.015, 0.02]] * 2), np.float32([[0, 1, 0], [0, -1, 0]])
    contact = nearest(points, up, body, surface, 0.05)
    np.testing.assert_allclose(contact.depths, [0.015, 0.005], atol=1e-6)
    np.testing.assert_allclose(contact.normals, up, atol=1e-5)
