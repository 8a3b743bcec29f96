"""Where on the body a pixel lies: along the spine, along an arm or a leg, around the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bridge.contracts import BodyPoint as P
from bridge.perception.nets import Float32

# Half the usual thickness over the breadth of the shoulders, clothes included.
_UPPER_ARM, _FOREARM, _THIGH, _SHIN, _FOOT = 0.17, 0.13, 0.28, 0.20, 0.16
_FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
    150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""The outline of MediaPipe's face mesh, in order around the face."""
_SKULL = 2.5  # how far the skull's middle lies behind the face, over how far the nose lies before it
_FOREHEAD, _CHIN, _NOSE = 10, 152, 1


@dataclass(frozen=True)
class Limb:
    """Two bones in a row."""

    joints: Float32  # [3, 2] px
    radii: tuple[float, float]  # px

    def at(self, along: Float32) -> Float32:
        """Return the points [n, 2] that lie so far along [n], 0 to 2."""
        first = self.joints[0] + np.clip(along, 0, 1)[:, None] * (self.joints[1] - self.joints[0])
        second = np.clip(along - 1, 0, 1)[:, None] * (self.joints[2] - self.joints[1])
        return np.asarray(first + second, np.float32)

    def locate(self, xy: Float32) -> tuple[Float32, Float32]:
        """Return for points [n, 2]: how far along (0 to 2, 1 at the middle joint), and how far off [radii]."""
        first, off_first = _along(xy, self.joints[0], self.joints[1])
        second, off_second = _along(xy, self.joints[1], self.joints[2])
        off_first, off_second = off_first / self.radii[0], off_second / self.radii[1]
        nearer = off_first <= off_second
        along = np.where(nearer, first, 1 + second)
        return along.astype(np.float32), np.where(nearer, off_first, off_second).astype(np.float32)


def _along(xy: Float32, start: Float32, end: Float32) -> tuple[Float32, Float32]:
    """Return where on a bone (0 to 1) the nearest spot to each point lies, and how far it is [px]."""
    bone = end - start
    x, y = xy[:, 0] - start[0], xy[:, 1] - start[1]
    t = np.clip((x * bone[0] + y * bone[1]) / max(float(bone @ bone), 1.0), 0, 1)
    return t, np.hypot(x - t * bone[0], y - t * bone[1])


@dataclass(frozen=True)
class Head:
    """The face's oval and the frame that it spans: x to the wearer's left, y up, in face heights."""

    oval: Float32  # [36, 2] px
    centre: Float32  # [2] px
    up: Float32  # [2] unit vector
    height: float  # forehead to chin [px]
    turn: float  # how far the nose lies to the wearer's left of the face's middle, in face heights

    @classmethod
    def of(cls, mesh: Float32) -> Head:
        """Measure a mesh of working points [468, 2]."""
        axis = mesh[_FOREHEAD] - mesh[_CHIN]
        height = max(float(np.linalg.norm(axis)), 1.0)
        up = axis / height
        centre = (mesh[_FOREHEAD] + mesh[_CHIN]) / 2
        turn = float((mesh[_NOSE] - centre) @ (-up[1], up[0])) / height
        return cls(mesh[list(_FACE_OVAL)], centre, up, height, turn)

    def locate(self, xy: Float32) -> tuple[Float32, Float32]:
        """Return x and y [n] of points [n, 2]; the forehead's top lies at y 0.5, the chin at -0.5.

        x is counted from the middle of the skull, which lies behind a face that is turned aside.
        """
        offset = (xy - self.centre) / self.height
        side = np.array([-self.up[1], self.up[0]], np.float32)
        x = offset @ side + _SKULL * self.turn
        return np.asarray(x, np.float32), np.asarray(offset @ self.up, np.float32)


@dataclass(frozen=True)
class Body:
    """A skeleton in working pixels."""

    points: Float32  # [33, 2]
    seen: Float32  # [33] in [0, 1]
    head: Head | None
    hands: tuple[Float32, ...]  # those that are seen, [21, 2] each

    @property
    def _middles(self) -> tuple[Float32, Float32]:
        shoulders = self.points[[P.LEFT_SHOULDER, P.RIGHT_SHOULDER]].mean(axis=0)
        return shoulders, self.points[[P.LEFT_HIP, P.RIGHT_HIP]].mean(axis=0)

    @property
    def torso(self) -> float:
        """From the shoulders' middle to the hips' [px]."""
        shoulders, hips = self._middles
        return max(float(np.linalg.norm(hips - shoulders)), 1.0)

    @property
    def down(self) -> Float32:
        """The unit vector [2] from the shoulders' middle to the hips'."""
        shoulders, hips = self._middles
        return np.asarray((hips - shoulders) / self.torso, np.float32)

    @property
    def breadth(self) -> float:
        """From shoulder to shoulder as seen from the front [px], also when the body is turned."""
        seen = float(np.linalg.norm(self.points[P.LEFT_SHOULDER] - self.points[P.RIGHT_SHOULDER]))
        return max(seen, 0.62 * self.torso)

    def locate(self, xy: Float32) -> tuple[Float32, Float32]:
        """Return for points [n, 2]: how far aside (in breadths, the wearer's left positive) and how far down.

        Down is 0 at the shoulders and 1 at the hips.
        """
        shoulders, _ = self._middles
        down = self.down
        aside = np.array([down[1], -down[0]], np.float32)
        if (self.points[P.LEFT_SHOULDER] - self.points[P.RIGHT_SHOULDER]) @ aside < 0:
            aside = -aside
        offset = xy - shoulders
        u, v = offset @ aside / self.breadth, offset @ down / self.torso
        return np.asarray(u, np.float32), np.asarray(v, np.float32)

    def _limb(self, joints: tuple[P, P, P], radii: tuple[float, float]) -> Limb:
        return Limb(self.points[list(joints)], (radii[0] * self.breadth, radii[1] * self.breadth))

    @property
    def arms(self) -> tuple[Limb, Limb]:
        """Shoulder to wrist: left, right."""
        radii = (_UPPER_ARM, _FOREARM)
        return (
            self._limb((P.LEFT_SHOULDER, P.LEFT_ELBOW, P.LEFT_WRIST), radii),
            self._limb((P.RIGHT_SHOULDER, P.RIGHT_ELBOW, P.RIGHT_WRIST), radii),
        )

    @property
    def legs(self) -> tuple[Limb, Limb]:
        """Hip to ankle: left, right."""
        radii = (_THIGH, _SHIN)
        return (
            self._limb((P.LEFT_HIP, P.LEFT_KNEE, P.LEFT_ANKLE), radii),
            self._limb((P.RIGHT_HIP, P.RIGHT_KNEE, P.RIGHT_ANKLE), radii),
        )

    @property
    def feet(self) -> tuple[Limb, Limb]:
        """Ankle to heel to toes: left, right."""
        radii = (_FOOT, _FOOT)
        return (
            self._limb((P.LEFT_ANKLE, P.LEFT_HEEL, P.LEFT_FOOT_INDEX), radii),
            self._limb((P.RIGHT_ANKLE, P.RIGHT_HEEL, P.RIGHT_FOOT_INDEX), radii),
        )
