"""Rotations as vectors and matrices, [.., 3] and [.., 3, 3] in torch.

The formulas are those of Solà, Deray, Atchuthan, *A micro Lie theory for state estimation in robotics*, 2018,
equations 132 to 146.
"""

from __future__ import annotations

import torch

_SMALL = 1e-6
"""Below this angle [rad] a series replaces a quotient of two zeros."""


def cross_matrix(vector: torch.Tensor) -> torch.Tensor:
    """Return the matrices [.., 3, 3] that multiply as the cross product with ``vector`` [.., 3] does."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    rows = (zero, -z, y, z, zero, -x, -y, x, zero)
    return torch.stack(rows, -1).reshape(*vector.shape, 3)


def exp(vector: torch.Tensor) -> torch.Tensor:
    """Return the rotations [.., 3, 3] by the vectors' lengths [rad] about their directions (Rodrigues)."""
    angle = vector.norm(dim=-1)[..., None, None]
    cross = cross_matrix(vector)
    small = angle < _SMALL
    safe = torch.where(small, torch.ones_like(angle), angle)
    first = torch.where(small, 1 - angle**2 / 6, torch.sin(safe) / safe)
    second = torch.where(small, 0.5 - angle**2 / 24, (1 - torch.cos(safe)) / safe**2)
    return torch.eye(3, dtype=vector.dtype) + first * cross + second * (cross @ cross)


def log(rotation: torch.Tensor) -> torch.Tensor:
    """Return the rotation vectors [.., 3] of rotations; the angle is in [0, pi], exact to 1e-3 rad near pi."""
    trace = rotation.diagonal(dim1=-2, dim2=-1).sum(-1)
    axis = torch.stack(
        [
            rotation[..., 2, 1] - rotation[..., 1, 2],
            rotation[..., 0, 2] - rotation[..., 2, 0],
            rotation[..., 1, 0] - rotation[..., 0, 1],
        ],
        -1,
    )
    sine = axis.norm(dim=-1) / 2
    angle = torch.atan2(sine, (trace - 1) / 2)
    scale = torch.where(sine < _SMALL, torch.full_like(sine, 0.5), angle / (2 * sine.clamp_min(_SMALL)))
    return scale[..., None] * axis


def log_slope(vector: torch.Tensor) -> torch.Tensor:
    """Return how ``log(exp(d) R)`` changes with a small ``d``, [.., 3, 3]; ``vector`` is log R.

    It is the inverse of SO(3)'s left Jacobian.
    """
    angle = vector.norm(dim=-1)[..., None, None]
    cross = cross_matrix(vector)
    small = angle < 1e-3
    safe = torch.where(small, torch.ones_like(angle), angle)
    factor = 1 / safe**2 - (1 + torch.cos(safe)) / (2 * safe * torch.sin(safe))
    factor = torch.where(small, torch.full_like(angle, 1 / 12), factor)
    return torch.eye(3, dtype=vector.dtype) - cross / 2 + factor * (cross @ cross)
