"""What refining makes small: every gradient against finite differences, and what each term wants."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from bridge.cloth.minimise import minimised
from bridge.cloth.pattern import cloth_of, sew
from bridge.cloth.terms import Bend, Contact, Guide, Stay, Stretch, Term
from bridge.cloth.wearer import Floats
from tests.cloth.sheets import MATERIAL, UNSEWN, grid


@cache
def crumpled() -> tuple[Floats, Floats]:
    """A flat sheet in the plane z = 0 [m], and the same crumpled: no triangle at rest, none without area."""
    flat, _ = grid(0.12, 0.12, 0.02)
    rng = np.random.default_rng(4)
    there = np.column_stack([1.1 * flat[:, 0], 0.9 * flat[:, 1], 0 * flat[:, 0]])
    return np.column_stack([flat, 0 * flat[:, 0]]), there + rng.normal(0, 0.003, there.shape)


def terms() -> dict[str, Term]:
    """One of each kind, over the sheet."""
    flat, faces = grid(0.12, 0.12, 0.02)
    rng, count = np.random.default_rng(5), len(flat)
    cloth = cloth_of(flat[faces], faces, sew(count, UNSEWN), MATERIAL)
    normals = rng.normal(size=(len(cloth.edges), 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    some = rng.choice(count, 12, replace=False).astype(np.int32)
    return {
        "stretch": Stretch.of(flat[faces], faces, np.full(len(faces), 0.3), 4.0),
        "bend": Bend(cloth.hinges, cloth.hinge_weights.astype(float), rng.uniform(1, 2, len(cloth.hinges))),
        "vertices off the skin": Contact(
            np.arange(count, dtype=np.int32)[:, None],
            normals[:count],
            rng.normal(0, 0.02, count),
            np.ones(count),
        ),
        "edges off the skin": Contact(
            cloth.edges, normals, rng.normal(0, 0.02, len(normals)), rng.uniform(1, 2, len(normals))
        ),
        "guide": Guide(some, normals[: len(some)], rng.normal(0, 0.02, 12), rng.uniform(1, 2, 12)),
        "stay": Stay(crumpled()[0], rng.uniform(1, 2, count)),
    }


@pytest.mark.parametrize("name", terms())
def test_the_gradient_is_that_of_the_value(name: str) -> None:
    """Central differences of the value along random ways give the gradient's part along them."""
    term, x = terms()[name], crumpled()[1]
    value, gradient = term(x)
    assert value > 0
    rng, step = np.random.default_rng(6), 1e-7
    for _ in range(20):
        way = rng.normal(size=x.shape)
        slope = (term(x + step * way)[0] - term(x - step * way)[0]) / (2 * step)
        assert (gradient * way).sum() == pytest.approx(slope, rel=1e-5, abs=1e-8 * np.linalg.norm(gradient))


def test_stretch_is_none_in_the_panels_shape_however_it_lies() -> None:
    """A turned and moved sheet costs nothing; one drawn out costs the square of that and more, one pressed less."""
    flat = crumpled()[0]
    stretch = terms()["stretch"]
    turn = np.array([[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]])
    assert stretch(flat @ turn.T + 1)[0] == pytest.approx(0, abs=1e-12)
    assert stretch(flat * (1.1, 1, 1))[0] == pytest.approx(0.1**2 + 4 * 0.1**4, rel=1e-6)
    assert stretch(flat * (0.9, 1, 1))[0] == pytest.approx(0.3 * 0.1**2, rel=1e-6)


def test_bending_is_none_where_the_sheet_is_flat() -> None:
    """A fold costs, the flat sheet doesn't."""
    flat, bend = crumpled()[0], terms()["bend"]
    folded = np.column_stack([flat[:, :2], np.abs(flat[:, 0] - 0.06)])
    assert bend(flat)[0] < 1e-9 * bend(folded)[0]


def test_the_least_sum_is_found() -> None:
    """Of a sum whose least place is known: every vertex between its two homes, nearer to the one that weighs more."""
    one, other = crumpled()
    weights = np.linspace(1, 3, len(one))
    pulls = [Stay(one, weights), Stay(other, 2 * weights)]
    found = minimised(pulls, one + 0.01, np.full((len(one), 1), 0.1), 12)
    np.testing.assert_allclose(found, (one + 2 * other) / 3, atol=1e-6)
