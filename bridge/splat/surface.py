"""The draped garment and the body before the camera: what is drawn, and where it is seen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bridge.errors import WrongTensor

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Pixels = npt.NDArray[np.uint8]

NEAREST = 0.05
"""Nothing may be nearer to the camera than this [m]: there, perspective has no meaning."""
_SEWN = 0.005
"""Vertices with the same texture coordinates are one when they are not farther apart than this [m]."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera at the origin that looks along -z.

    Attributes:
        focal: focal length [px].
        x: column of the principal point [px].
        y: row of the principal point [px].
    """

    focal: float
    x: float
    y: float

    @classmethod
    def of(cls, camera: Floats) -> Camera:
        """Read CAMERA, FP32 [3].

        Raises:
            WrongTensor: a number isn't finite, or the focal length isn't above 0.
        """
        focal, x, y = map(float, camera)
        if not np.isfinite(camera).all() or focal <= 0:
            raise WrongTensor(
                "camera must be a focal length above 0 and a principal point; fit the body anew."
            )
        return cls(focal, x, y)

    def project(self, points: Floats) -> Floats:
        """Return where points [n, 3] of the camera frame are seen, [n, 2] px."""
        place = self.focal * points[:, :2] / -points[:, 2:]
        return (place * np.array((1, -1)) + np.array((self.x, self.y))).astype(np.float32)


@dataclass(frozen=True)
class Mesh:
    """Triangles as the camera sees them.

    Attributes:
        points: FP32 [v, 3], the vertices [m, camera frame].
        screen: FP32 [v, 2], where they are seen [px].
        inverse: FP32 [v], 1 / distance along the view [1/m].
        faces: INT32 [f, 3], anticlockwise seen from outside.
    """

    points: Floats
    screen: Floats
    inverse: Floats
    faces: Ints

    @classmethod
    def of(cls, what: str, points: Floats, faces: Ints, camera: Camera) -> Mesh:
        """Project a mesh.

        Args:
            what: its name in a message.
            points: [v, 3], m, camera frame.
            faces: [f, 3], indices of vertices.
            camera: what looks at it.

        Raises:
            WrongTensor: it is empty, not finite, refers to vertices that it hasn't, or reaches the camera.
        """
        if not len(faces) or not len(points):
            raise WrongTensor(f"{what} has no triangles; nothing can be drawn.")
        if faces.min() < 0 or faces.max() >= len(points):
            raise WrongTensor(
                f"{what}'s triangles name vertices that don't exist; send mesh and vertices of one run."
            )
        if not np.isfinite(points).all():
            raise WrongTensor(
                f"{what} has vertices that are not finite: the simulation failed; drape it anew."
            )
        if points[:, 2].max() > -NEAREST:
            raise WrongTensor(f"{what} reaches behind the camera, which looks along -z; fit the body anew.")
        points = np.ascontiguousarray(points, np.float32)
        inverse = np.ascontiguousarray(-1 / points[:, 2])
        return cls(points, camera.project(points), inverse, np.ascontiguousarray(faces, np.int32))

    def shifted(self, x: int, y: int) -> Mesh:
        """Return it as seen in a cut-out of the photo whose top left corner is pixel (x, y)."""
        return replace(self, screen=self.screen - np.array((x, y), np.float32))

    def areas(self) -> Floats:
        """Return the area [f] of every triangle on the screen [px²], above 0 where its outer side is seen."""
        return _areas(self.screen[self.faces])


@dataclass(frozen=True)
class Cloth:
    """The garment's surface with all that is known at its vertices.

    Attributes:
        mesh: its triangles before the camera.
        texture: FP32 [v, 2], texture coordinates [px of the picture].
        normals: FP32 [v, 3], unit normals of the outer side, camera frame.
        parts: UINT8 [v], Part.
    """

    mesh: Mesh
    texture: Floats
    normals: Floats
    parts: Pixels

    @classmethod
    def of(cls, points: Floats, texture: Floats, faces: Ints, parts: Pixels, camera: Camera) -> Cloth:
        """Put a draped garment before the camera and close its seams.

        Raises:
            WrongTensor: see :meth:`Mesh.of`; or there isn't one pair of texture coordinates and one part for each
                vertex.
        """
        if (
            texture.shape != (len(points), 2)
            or parts.shape != (len(points),)
            or not np.isfinite(texture).all()
        ):
            raise WrongTensor("the draped garment and its panels differ in vertices; send both of one run.")
        Mesh.of("the draped garment", points, faces, camera)
        one = sewn(points, texture)
        mesh = Mesh.of("the draped garment", _averaged(points, one), faces, camera)
        return cls(mesh, np.ascontiguousarray(texture, np.float32), _normals(mesh, one), parts)

    def magnification(self) -> float:
        """Return how many pixels of the photo a pixel of the picture becomes, in the median of what is seen."""
        ahead = self.mesh.areas()
        flat = np.abs(_areas(self.texture[self.mesh.faces]))
        seen = (ahead > 0) & (flat > 0)
        return float(np.sqrt(np.median(ahead[seen] / flat[seen]))) if seen.any() else 1.0

    def face_parts(self) -> Pixels:
        """Return the Part [f] of each triangle: that of two of its corners, or of the first."""
        a, b, c = self.parts[self.mesh.faces].T
        return np.where(b == c, b, a)


def sewn(points: Floats, texture: Floats) -> npt.NDArray[np.intp]:
    """Name for each vertex [v] the place that it shares with what is sewn to it.

    The contract doesn't tell the seams. But what is sewn has the same place in the garment's photo and is at the same
    place of the body, as nothing else is.
    """
    _, place = np.unique(np.round(texture * 8).astype(np.int64), axis=0, return_inverse=True)
    first = np.full(place.max() + 1, -1)
    first[place[::-1]] = np.arange(len(points))[::-1]
    near = np.linalg.norm(points - points[first[place]], axis=1) <= _SEWN
    return np.where(near, first[place], np.arange(len(points)))


def _averaged(values: Floats, one: npt.NDArray[np.intp]) -> Floats:
    """Return values [v, 3], each the mean of the vertices that are one."""
    sums = np.stack([np.bincount(one, column, len(values)) for column in values.T], axis=1)
    count = np.bincount(one, minlength=len(values))
    return (sums[one] / count[one, None]).astype(np.float32)


def _normals(mesh: Mesh, one: npt.NDArray[np.intp]) -> Floats:
    """Return the unit normals [v, 3] of vertices: the mean of their triangles', weighted by area."""
    a, b, c = np.moveaxis(mesh.points[mesh.faces], 1, 0)
    across = np.cross(b - a, c - a)
    ends = one[mesh.faces].T.ravel()
    size = len(mesh.points)
    sums = np.stack([np.bincount(ends, np.tile(column, 3), size) for column in across.T], axis=1)[one]
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    normals = np.where(length > 0, sums / np.maximum(length, np.finfo(np.float64).tiny), (0.0, 0.0, 1.0))
    return normals.astype(np.float32)


def _areas(corners: Floats) -> Floats:
    """Return the areas of triangles [f, 3, 2], above 0 where they are seen anticlockwise (y points down)."""
    a, b, c = np.moveaxis(corners, 1, 0)
    u, v = b - a, c - a
    return np.asarray((u[:, 1] * v[:, 0] - u[:, 0] * v[:, 1]) / 2, np.float32)
