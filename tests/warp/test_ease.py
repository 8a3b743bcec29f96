"""Ease: how cloth sits on a body."""

import numpy as np
import pytest

from bridge.warp.body import RIGHT
from bridge.warp.ease import LIMB_GIRTH, TORSO_GIRTH, blur, fill_unknown, snap, worn_half_width
from bridge.warp.limb import Limb

F = np.float32


@pytest.mark.parametrize("girth", [TORSO_GIRTH, LIMB_GIRTH])
def test_tight_cloth_takes_the_bodys_width(girth: float) -> None:
    """Cloth no wider than the body's girth is seen exactly as wide as the body."""
    body = F([40, 50, 60])
    assert np.allclose(worn_half_width(body * F(girth), body, girth), body)
    assert np.allclose(worn_half_width(body * F(0.8 * girth), body, girth), body)


def test_loose_cloth_is_seen_wider_but_never_wholly() -> None:
    """Ease shows, but part of it hangs in folds."""
    body, flat = F([50]), F([100])
    worn = worn_half_width(flat, body, TORSO_GIRTH)
    assert body[0] < worn[0] < flat[0]


@pytest.mark.parametrize(
    ("wanted", "seen", "known", "expected"),
    [
        (105, 100, True, 100),  # close: the silhouette's
        (80, 100, True, 100),
        (130, 100, True, 116),  # looser: between the two
        (160, 100, True, 160),  # much looser: its own
        (50, 100, True, 50),
        (140, 100, False, 140),  # nothing seen: its own
    ],
)
def test_snap(wanted: float, seen: float, known: bool, expected: float) -> None:
    """Edges near the silhouette move onto it, others keep their distance less the band."""
    assert snap(F([wanted]), F([seen]), np.array([known]), 0.22)[0] == pytest.approx(expected)


def test_fill_unknown_follows_its_neighbours() -> None:
    """What isn't seen is the fallback, scaled as where it is seen."""
    values, known = F([20, 0, 0, 20]), np.array([True, False, False, True])
    assert np.allclose(fill_unknown(values, known, F([10, 10, 12, 10])), [20, 20, 24, 20])
    assert np.allclose(fill_unknown(values, np.zeros(4, bool), F([1, 2, 3, 4])), [1, 2, 3, 4])


def test_blur_keeps_a_constant_and_the_ends() -> None:
    """A constant row stays, whatever the width of the blur."""
    assert np.allclose(blur(np.full(9, 3.0), 2.0), 3.0)


@pytest.mark.parametrize("outward", [-1.0, 1.0])
def test_limb_knows_its_outer_side(outward: float) -> None:
    """Beside a hanging arm, a positive distance lies away from the body, for either arm."""
    joints = F([[100, 100], [100, 200], [100, 300]])
    limb = Limb.through(joints, F([outward, 0]))
    assert limb.end == pytest.approx(200)
    assert np.allclose(
        limb.beside(F([50, 150]), F([10, 10])),
        [[100 + 10 * outward, 150], [100 + 10 * outward, 250]],
        atol=0.5,
    )


def test_limb_bends_with_its_outer_side_outside() -> None:
    """At a bent elbow the outer edge stays outside the bend."""
    joints = F([[100, 100], [80, 200], [160, 260]])  # a right arm, its forearm across the belly
    limb = Limb.through(joints, F([-1.0, 0.0]))
    elbow = limb.beside(F([np.hypot(20, 100)]), F([20.0]))[0]
    assert elbow[0] < 80
    assert RIGHT == 1
