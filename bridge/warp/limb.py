"""A bent limb as one smooth curve with a side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bridge.warp.body import Points, Scalars, unit
from bridge.warp.ease import blur

_SAMPLES = 120
_BEFORE = 0.15  # of the length: the curve begins this far ahead of the first joint, straight
_ROUNDING = 5.0  # samples: how softly elbows and knees are rounded


@dataclass(frozen=True)
class Limb:
    """An arm or a leg, from a little before its first joint to a little past its third.

    Attributes:
        points: ``(n, 2)`` along it [px].
        normals: ``(n, 2)`` unit vectors to its outer side.
        length: ``(n,)`` along it from the first joint [px], negative before.
        end: the length at the third joint, wrist or ankle [px].
    """

    points: Points
    normals: Points
    length: Scalars
    end: float

    @classmethod
    def through(cls, joints: Points, outward: Points) -> Limb:
        """Run a curve through three joints ``(3, 2)``; ``outward`` points to the body's side that the limb is on."""
        joints = np.concatenate([joints, joints[2:] + 0.4 * (joints[2:] - joints[1:2])])
        joint_at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(joints, axis=0), axis=1))])
        length = np.linspace(-_BEFORE * joint_at[-1], joint_at[-1], _SAMPLES)
        xy = np.stack([np.interp(length, joint_at, joints[:, k]) for k in (0, 1)], axis=1)
        xy += unit(joints[1] - joints[0]) * np.minimum(length, 0.0)[:, None]
        points = np.stack([blur(xy[:, k], _ROUNDING) for k in (0, 1)], axis=1)
        tangents = unit(np.gradient(points, axis=0))
        # A quarter turn of a hanging limb's direction points to smaller x.
        sign = -1.0 if outward[0] > 0 else 1.0
        normals = sign * np.stack([-tangents[:, 1], tangents[:, 0]], axis=1)
        return cls(points, normals.astype(np.float32), length.astype(np.float32), float(joint_at[2]))

    def at(self, along: Scalars) -> tuple[Points, Points]:
        """Return the points and the outer normals ``(n, 2)`` at distances along the limb ``(n,)`` [px]."""
        xy = np.stack([np.interp(along, self.length, self.points[:, k]) for k in (0, 1)], axis=1)
        normal = np.stack([np.interp(along, self.length, self.normals[:, k]) for k in (0, 1)], axis=1)
        past = np.maximum(along - self.length[-1], 0.0)[:, None]
        xy = xy + unit(self.points[-1] - self.points[-4]) * past
        return xy.astype(np.float32), unit(normal)

    def beside(self, along: Scalars, distance: Scalars) -> Points:
        """Return points beside the limb; a positive distance is on its outer side [px]."""
        xy, normal = self.at(along)
        return np.asarray(xy + normal * distance[:, None], np.float32)

    def project(self, point: Points) -> float:
        """Return how far along the first bone a point lies [px]."""
        first = int(np.searchsorted(self.length, 0.0))
        direction = unit(self.points[first + 20] - self.points[first])
        return float((point - self.at(np.zeros(1, np.float32))[0][0]) @ direction)
