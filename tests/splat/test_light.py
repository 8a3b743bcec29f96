"""Light as nine numbers."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.splat.light import harmonics, irradiance, lamp
from bridge.splat.surface import Floats


def directions(count: int = 20000) -> Floats:
    """Unit vectors spread evenly over the sphere: a spiral of the golden angle."""
    height = 1 - (2 * np.arange(count) + 1) / count
    turn = np.arange(count) * np.pi * (3 - 5**0.5)
    across = np.sqrt(1 - height**2)
    return np.column_stack([across * np.cos(turn), height, across * np.sin(turn)]).astype(np.float32)


def test_the_harmonics_are_orthonormal() -> None:
    """Their products' integrals over the sphere are 1 and 0."""
    basis = harmonics(directions()).astype(np.float64)
    np.testing.assert_allclose(4 * np.pi * basis.T @ basis / len(basis), np.eye(9), atol=2e-3)


def test_irradiance_is_the_integral_of_the_light() -> None:
    """Nine numbers give what the sum over all directions of a soft sky gives, within the paper's few percent."""
    ways = directions()
    sky = 1 + 0.5 * ways[:, 1] + 0.3 * ways[:, 2] ** 2
    coefficients = (4 * np.pi * (harmonics(ways) * sky[:, None]).mean(axis=0)).astype(np.float32)
    normals = directions(50)
    summed = 4 * np.pi * (np.maximum(normals @ ways.T, 0) * sky).mean(axis=1)
    np.testing.assert_allclose(irradiance(normals, coefficients), summed, rtol=0.01)


@pytest.mark.parametrize(("ambient", "shadow"), [(1.0, 1.0), (0.8, 0.8)])
def test_a_lamp_lights_what_faces_it(ambient: float, shadow: float) -> None:
    """Full brightness towards the lamp, the ambient share away from it."""
    coefficients = lamp((0, 0, 2), ambient)
    towards, away = irradiance(np.array([(0, 0, 1), (0, 0, -1)], np.float32), coefficients)
    assert towards == pytest.approx(1, abs=0.02)
    assert away == pytest.approx(shadow, abs=0.02)
