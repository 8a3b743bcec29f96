"""The photo as the body's texture: what is seen of it laid on, the rest guessed from what is near on the body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from bridge.body.fitted import Bytes, FittedBody, depth_and_normals
from bridge.body.raster import Floats, rasterise
from bridge.contracts import BodyPart, Label
from bridge.errors import ArtifactMissing, WrongTensor
from bridge.imaging.pushpull import spread

Bools = npt.NDArray[np.bool_]

SIZE = 2048
"""Height and width of a texture [px], if nothing else is said."""
NOWHERE = 255
"""The part of texels that belong to no triangle."""
_FACING = 0.2
"""The least cosine between surface and view: beyond, a pixel of the photo smears over many texels."""
_BEHIND = 0.03
"""How far behind the nearest surface a point may lie and still count as seen [m]: some pixels' width on a slope."""
_EDGE = 3
"""How near to what lies before it a point is not believed, as the fit is not exact [px at a height of 1024]."""
_RIM = 5
"""How many pixels of the person's rim are left out: there, the background shines in [px at a height of 1024]."""
_STRANDS = 8
"""How far beyond what is labelled as hair single strands still lie on clothes [px at a height of 1024]."""
_REACH = 60.0
"""How far into what is unseen the seen edge's difference from the guess is carried on [px of a texture of SIZE]."""
_VOTES = 64
"""The median of how many near vertices' colours a guess is."""
_SWEEPS = 12
"""How often guessed colours are averaged with their neighbours."""
_ALONG = np.array((1, 3, 1), np.float32)
"""How much more a distance along the body counts than one around it: clothes and skin change at hems."""
_SHOWS: Mapping[BodyPart, tuple[Label, ...]] = {
    BodyPart.HEAD: (Label.HAIR, Label.FACE, Label.NECK),
    BodyPart.NECK: (Label.NECK, Label.FACE, Label.UPPER, Label.DRESS),
    BodyPart.TORSO: (Label.NECK, Label.UPPER, Label.LOWER, Label.DRESS),
    BodyPart.LEFT_UPPER_ARM: (Label.ARMS, Label.UPPER, Label.DRESS),
    BodyPart.LEFT_FOREARM: (Label.ARMS, Label.HANDS, Label.UPPER, Label.DRESS),
    BodyPart.LEFT_HAND: (Label.HANDS, Label.ARMS),
    BodyPart.LEFT_THIGH: (Label.LEGS, Label.LOWER, Label.DRESS, Label.UPPER),
    BodyPart.LEFT_CALF: (Label.LEGS, Label.LOWER, Label.DRESS, Label.SHOES),
    BodyPart.LEFT_FOOT: (Label.SHOES, Label.LEGS, Label.LOWER),
}
"""What may be seen where a part is; anything else (hair on a shoulder, an arm beside its place) is not that part's."""


@dataclass(frozen=True)
class Texture:
    """A square texture; row 0 is v = 1.

    Attributes:
        image: UINT8 [size, size, 3], RGB; without gaps.
        seen: UINT8 [size, size], 255 where the colour was seen in the photo, 0 where it is a guess.
        parts: UINT8 [size, size], BodyPart; NOWHERE outside the triangles.
    """

    image: Bytes
    seen: Bytes
    parts: Bytes


def bake(body: FittedBody, photo: Bytes, matte: Bytes, labels: Bytes, size: int = SIZE) -> Texture:
    """Lay the photo on the body.

    Args:
        body: the body, fitted to this photo.
        photo: IMAGE, UINT8 [h, w, 3].
        matte: MATTE, UINT8 [h, w].
        labels: LABELS, UINT8 [h, w].
        size: height and width of the texture [px].

    Raises:
        ArtifactMissing: the body's file has no texture coordinates.
        WrongTensor: photo, matte and labels differ in size.
    """
    if not photo.shape[:2] == matte.shape == labels.shape:
        raise WrongTensor("image, matte and labels differ in size; send those of one photo.")
    if not body.has_texture_coordinates:
        raise ArtifactMissing(
            f"the body {body.report['model']} has no texture coordinates; use a release of its file that has vt and "
            "ft, or set VFR_BODY=anny"
        )
    look = _Look.at(body, photo, matte, labels)
    atlas = rasterise(body.uv * (size, -size) + (0, size), np.ones(body.faces.shape), (size, size))
    there = atlas.covered
    parts = np.full((size, size), NOWHERE, np.uint8)
    parts[there] = _face_parts(body)[atlas.faces[there]]
    normals = body.normals()
    colours, known = look.seen(
        atlas.of(body.vertices[body.faces]), atlas.of(normals[body.faces]), parts[there]
    )
    guess = atlas.of(_guessed(body, *look.seen(body.vertices, normals, body.parts))[body.faces])
    seen = np.zeros((size, size), np.uint8)
    seen[there] = 255 * known
    return Texture(_filled(there, seen, colours, guess), seen, parts)


@dataclass(frozen=True)
class _Look:
    """The photo, and what of the body it shows."""

    body: FittedBody
    photo: Bytes
    depth: Floats  # of the nearest surface around each pixel [m]
    labels: Bytes  # NOWHERE outside the person

    @classmethod
    def at(cls, body: FittedBody, photo: Bytes, matte: Bytes, labels: Bytes) -> _Look:
        def around(pixels: float) -> Bytes:
            width = 2 * max(1, round(pixels * len(matte) / 1024)) + 1
            return np.ones((width, width), np.uint8)

        sure = cv2.erode((matte >= 128).astype(np.uint8), around(_RIM)) > 0
        hair = cv2.dilate((labels == Label.HAIR).astype(np.uint8), around(_STRANDS)) > 0
        shown = np.where(hair, np.uint8(Label.HAIR), labels)
        depth, _ = depth_and_normals(body, *matte.shape)
        nearest = cv2.erode(np.where(depth > 0, depth, np.float32(np.inf)), around(_EDGE))
        return cls(body, photo, cast(Floats, nearest), np.where(sure, shown, np.uint8(NOWHERE)))

    def seen(self, points: Floats, normals: Floats, parts: Bytes) -> tuple[Floats, Bools]:
        """Return the colours [n, 3] of points [n, 3] of the surface, and whether they are seen."""
        place = self.body.seen(points)
        height, width = self.depth.shape
        x, y = np.clip(place.astype(int), 0, (width - 1, height - 1)).T
        inside = ((place >= 0) & (place < (width, height))).all(axis=1)
        view = points / np.linalg.norm(points, axis=1, keepdims=True)
        facing = -(view * normals).sum(axis=1) > _FACING
        nearest = -points[:, 2] < self.depth[y, x] + _BEHIND
        colours = _sampled(self.photo, place)
        return colours, inside & facing & nearest & _shows()[parts, self.labels[y, x]]


def _shows() -> Bools:
    """Return which labels [256] may be seen on each part [15]."""
    table = np.zeros((len(BodyPart), 256), np.bool_)
    for part in BodyPart:
        left = BodyPart[part.name.replace("RIGHT", "LEFT")]
        table[part, list(_SHOWS[left])] = True
    return table


def _sampled(photo: Bytes, place: Floats) -> Floats:
    """Return the photo's colours [n, 3] at places [n, 2] px, bilinear."""
    columns = 4096  # OpenCV maps pictures, not lists, and none with more than 32767 columns
    rows = -(-len(place) // columns)
    grid = np.zeros((rows * columns, 2), np.float32)
    grid[: len(place)] = place - 0.5
    found = cv2.remap(
        photo,
        grid.reshape(rows, columns, 2),
        None,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,  # type: ignore[call-overload]  # the second map may be None
    )
    return np.asarray(found.reshape(-1, 3)[: len(place)], np.float32)


def _face_parts(body: FittedBody) -> Bytes:
    """Return the BodyPart [F] of each triangle: that of two of its corners, or of the first."""
    a, b, c = body.parts[body.faces].T
    return np.where(b == c, b, a)


def _guessed(body: FittedBody, colours: Floats, known: Bools) -> Floats:
    """Return colours [V, 3] for all vertices: those that aren't seen take those of near ones of their part."""
    if not known.any():
        return np.zeros_like(colours)
    result, lacking, places = colours.copy(), np.flatnonzero(~known), body.a_pose * _ALONG
    for part in np.unique(body.parts[lacking]):
        own = known & (body.parts == part)
        sources, targets = np.flatnonzero(own if own.any() else known), lacking[body.parts[lacking] == part]
        nearest = sources[_nearest(places[targets], places[sources])]
        result[targets] = np.median(colours[nearest], axis=1)  # prints and shadows are few
    one, other = np.concatenate([body.faces[:, pair] for pair in ((0, 1), (1, 2), (2, 0))]).T
    count = np.bincount(one, minlength=len(result)).clip(1)[:, None]
    for _ in range(_SWEEPS):
        mean = (
            np.stack([np.bincount(one, channel[other], len(result)) for channel in result.T], axis=1) / count
        )
        result[lacking] = mean[lacking]
    return result


def _nearest(points: Floats, others: Floats) -> npt.NDArray[np.intp]:
    """Return for each of the points [n, 3] which of the others [m, 3] are nearest, [n, k] with k = min(m, _VOTES)."""
    squares, count = (others**2).sum(axis=1), min(len(others), _VOTES)
    batches = np.array_split(points, 1 + len(points) // 500)  # 500 x 13,000 distances are 26 MB
    found = [np.argpartition(squares - 2 * some @ others.T, count - 1, axis=1)[:, :count] for some in batches]
    return np.concatenate(found)


def _filled(there: Bools, seen: Bytes, colours: Floats, guess: Floats) -> Bytes:
    """Return the texture: ``colours`` [n, 3] where they are seen, ``guess`` [n, 3] elsewhere; no edge between."""
    known = (seen > 0).astype(np.float32)
    off = np.zeros((*there.shape, 3), np.float32)
    off[there] = (colours - guess) * (seen[there] > 0)[:, None]
    distance = cv2.distanceTransform((seen == 0).astype(np.uint8), cv2.DIST_L2, 3)
    carried = spread(off, known) * np.exp(-distance / (_REACH * len(seen) / SIZE))[..., None]
    image = np.zeros_like(off)
    image[there] = guess + carried[there]
    whole = spread(image, there.astype(np.float32))  # beyond the triangles' edges, for bilinear readers
    return cast(Bytes, np.clip(np.rint(whole), 0, 255).astype(np.uint8))
