"""Light from far away as nine numbers, and how bright it makes a surface that faces some way.

Ramamoorthi and Hanrahan 2001, "An efficient representation for irradiance environment maps": a matt surface sees so
little of the light's detail that spherical harmonics up to order 2 are within 1 % of the truth.
"""

from __future__ import annotations

import numpy as np

from bridge.splat.surface import Floats

_SHARES = np.array((np.pi, *3 * (2 * np.pi / 3,), *5 * (np.pi / 4,)), np.float32)
"""How much of each harmonic a matt surface keeps, by order: their equation 8."""
_AMBIENT = 0.87
"""The share of the light that comes evenly from everywhere. Much, for the garment's photo has its own shading."""
_FROM = (0.15, 0.75, 1.0)
"""Where the rest comes from, in the camera frame: above and before the person, as a studio's softbox."""


def harmonics(directions: Floats) -> Floats:
    """Return the nine real spherical harmonics [n, 9] of unit directions [n, 3]: their equation 3."""
    x, y, z = directions.T
    one = np.ones_like(x)
    return np.stack([
        0.282095 * one,
        0.488603 * y, 0.488603 * z, 0.488603 * x,
        1.092548 * x * y, 1.092548 * y * z, 0.315392 * (3 * z * z - 1), 1.092548 * x * z,
        0.546274 * (x * x - y * y),
    ], axis=1).astype(np.float32)  # fmt: skip


def lamp(direction: tuple[float, float, float] = _FROM, ambient: float = _AMBIENT) -> Floats:
    """Return the coefficients [9] of a far lamp in ``direction`` beside light that comes from everywhere.

    Args:
        direction: where the lamp is seen from the garment, camera frame; its length doesn't matter.
        ambient: the share of a surface's brightness that is even, when the surface faces the lamp; 0 to 1.
    """
    towards = np.array([direction]) / np.linalg.norm(direction)
    even = np.zeros(9, np.float32)
    even[0] = ambient / (np.pi * 0.282095)
    return even + (1 - ambient) * harmonics(towards.astype(np.float32))[0]


def irradiance(normals: Floats, coefficients: Floats) -> Floats:
    """Return the light [n] that surfaces with unit normals [n, 3] receive, at least 0; their equation 5."""
    return np.maximum(harmonics(normals) @ (_SHARES * coefficients), 0).astype(np.float32)
