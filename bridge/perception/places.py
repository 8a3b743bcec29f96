"""Every pixel's place on the body, computed once for all who ask."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from bridge.contracts import BodyPoint as P
from bridge.perception.body import Body, Limb
from bridge.perception.nets import Bool, Float32
from bridge.perception.view import View

_HAND_GROWN = 0.12  # the landmarks run inside the fingers: how far the skin lies outside, in palm lengths
_FAR = 9.0
_SEEN = 0.5  # visibility from which an ankle says where a shoe is


@dataclass(frozen=True)
class Places:
    """Columns [n], one entry per pixel of the view."""

    aside: Float32  # from the spine, in shoulder breadths, the wearer's left positive
    down: Float32  # 0 at the shoulders, 1 at the hips
    head: tuple[Float32, Float32]  # x, y in face heights; far away when no face is seen
    face: Bool  # inside the face's oval
    hand: Bool  # inside a hand that is seen
    arms: tuple[tuple[Float32, Float32], ...]  # along (0 shoulder, 1 elbow, 2 wrist), off [radii]
    legs: tuple[tuple[Float32, Float32], ...]  # along (0 hip, 1 knee, 2 ankle), off [radii]
    feet: tuple[tuple[Float32, Float32], ...]  # along (0 ankle, 1 heel, 2 toes), off [radii]

    @classmethod
    def of(cls, view: View, body: Body) -> Places:
        """Measure all pixels of a view."""
        nowhere = np.full(len(view.xy), _FAR, np.float32)
        hand = np.zeros(len(view.xy), bool)
        for points in body.hands:
            palm = float(np.linalg.norm(points[9] - points[0]))
            hand |= view.polygon(_hull(points), _HAND_GROWN * palm)
        head = body.head
        return cls(
            *body.locate(view.xy),
            head=head.locate(view.xy) if head else (nowhere, -nowhere),
            face=view.polygon(head.oval) if head else np.zeros(len(view.xy), bool),
            hand=hand,
            arms=tuple(limb.locate(view.xy) for limb in body.arms),
            legs=tuple(limb.locate(view.xy) for limb in body.legs),
            feet=tuple(limb.locate(view.xy) if seen else (nowhere, nowhere) for limb, seen in _feet(body)),
        )

    @property
    def off_arms(self) -> Float32:
        """Distance from the nearer arm [radii]."""
        return np.minimum(self.arms[0][1], self.arms[1][1])

    @property
    def off_trunk(self) -> Float32:
        """Distance from the torso and the arms; at most 1 inside of what is usual."""
        torso = np.maximum(np.abs(self.aside) / 0.6, np.abs(self.down - 0.5) / 0.65)
        return np.asarray(np.minimum(torso, self.off_arms), np.float32)

    @property
    def off_body(self) -> Float32:
        """Distance from head, torso and limbs; at most 1 inside of what is usual."""
        head = np.hypot(self.head[0], self.head[1] - 0.1) / 1.1
        limbs = [off for _, off in (*self.legs, *self.feet)]
        return np.asarray(np.minimum.reduce([self.off_trunk, head, *limbs]), np.float32)


def _feet(body: Body) -> list[tuple[Limb, bool]]:
    seen = body.seen[[P.LEFT_ANKLE, P.RIGHT_ANKLE]] > _SEEN
    return [(limb, bool(s)) for limb, s in zip(body.feet, seen, strict=True)]


def _hull(points: Float32) -> Float32:
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float32)
