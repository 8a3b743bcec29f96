"""The ``garment_mesh`` model: from the garment's masks and landmarks to panels, seams and pieces."""

from __future__ import annotations

import json

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import Category, GarmentPoint, Panel
from bridge.errors import GarmentNotMeshed, WrongTensor
from bridge.garment.mesh.fabric import fabric_of
from bridge.garment.mesh.outline import lines_inside, openings_of, outline_of, whole
from bridge.garment.mesh.regions import behind, regions
from bridge.garment.mesh.sewn import merged, openings
from bridge.garment.mesh.triangulate import is_ring, triangulate

Mask = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]

VERTICES = 4000
"""How many vertices both panels have together, about."""
MOST_VERTICES = 40_000
_P = GarmentPoint
_TOP_OPENINGS = ((_P.COLLAR_LEFT, _P.COLLAR_RIGHT), (_P.HEM_LEFT, _P.HEM_RIGHT))
_CUFFS = ((_P.CUFF_OUTER_LEFT, _P.CUFF_INNER_LEFT), (_P.CUFF_OUTER_RIGHT, _P.CUFF_INNER_RIGHT))
_ARMHOLES = ((_P.SHOULDER_LEFT, _P.ARMPIT_LEFT), (_P.SHOULDER_RIGHT, _P.ARMPIT_RIGHT))
_TROUSER_OPENINGS = (
    (_P.WAIST_LEFT, _P.WAIST_RIGHT),
    (_P.HEM_LEFT, _P.HEM_INNER_LEFT),
    (_P.HEM_RIGHT, _P.HEM_INNER_RIGHT),
)
_SKIRT_OPENINGS = ((_P.WAIST_LEFT, _P.WAIST_RIGHT), (_P.HEM_LEFT, _P.HEM_RIGHT))


class GarmentMesher:
    """Fulfils :data:`bridge.contracts.GARMENT_MESH`. Stateless."""

    def __init__(self, vertices: int = VERTICES) -> None:
        """Prepare a mesher.

        Args:
            vertices: how many vertices a garment shall have, about; at most ``MOST_VERTICES``.
        """
        if not 0 < vertices <= MOST_VERTICES:
            raise ValueError(f"{vertices} vertices are not between 1 and {MOST_VERTICES}")
        self._vertices = vertices

    def __call__(
        self,
        *,
        garment_image: Mask,
        garment_category: npt.NDArray[np.object_],
        garment_mask: Mask,
        garment_inside: Mask,
        garment_points: Points,
        fabric: npt.NDArray[np.object_],
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Cut the garment into a front and a back; inputs and outputs as in the contract.

        The back is cut like the whole outline; the front lacks what the photo shows of the inner side. Both share
        their triangles, so that what is sewn meets vertex by vertex, and the photo is the texture of both: the
        back's is what would be seen through the front.

        Raises:
            GarmentNotMeshed: the photo can't be cut into panels; the sentence says why.
            WrongTensor: there is no such fabric, or the photo and its mask differ in size.
        """
        if garment_image.shape[:2] != garment_mask.shape:
            raise WrongTensor("garment_image and garment_mask differ in size; send those of one photo.")
        category = Category(garment_category[0].decode())
        if not np.isfinite(garment_points).all():
            raise GarmentNotMeshed("The garment's landmarks are no numbers; send it through `garment` again.")
        mask = whole(garment_mask)
        edge = float(np.sqrt(cv2.countNonZero(mask) / (np.sqrt(3) / 4 * self._vertices)))
        outline, landmarks = outline_of(mask, garment_points, edge)
        inner = mask & (garment_inside >= 128)
        axis = _axis(garment_points, outline)
        ends = _open_ends(category, garment_points)
        ways = openings_of(len(outline), [(int(landmarks[a]), int(landmarks[b])) for a, b in ends])
        lines = lines_inside(inner, outline, edge, ways)
        points, triangles, ring = triangulate(outline, lines, edge, axis)
        landmarks = _moved(landmarks, outline, points[:ring])
        hooded = category is not Category.LOWER and any(is_ring(line) for line in lines)
        open_ends = ends[1:] if hooded else ends  # a hood opens inside the outline, which is its seam
        closed = _sewn(ring, [(int(landmarks[a]), int(landmarks[b])) for a, b in open_ends])
        parts = regions(points, ring, category, garment_points, edge)
        front = triangles[~behind(points[triangles].mean(axis=1), outline, lines)]
        panels = _panels(points, front, triangles, closed, parts, len(ends))
        made_of, why = fabric_of(fabric[0], garment_image, garment_mask)
        return {
            **panels,
            "garment_fabric": np.array([made_of.value.encode()], np.object_),
            "mesh_report": _report(
                panels, openings=len(ends), edge_px=round(edge, 2), fabric=made_of.value, fabric_why=why
            ),
        }


def _panels(
    points: Points,
    front: npt.NDArray[np.int32],
    back: npt.NDArray[np.int32],
    closed: npt.NDArray[np.intp],
    parts: Mask,
    expected: int,
) -> dict[str, npt.NDArray[np.generic]]:
    """Return the contract's outputs: the front's vertices, then the back's."""
    shown = np.unique(front)
    number = np.full(len(points), -1)
    number[shown] = np.arange(len(shown))
    # y points down: clockwise in the photo is what triangulate returns, and anticlockwise is what the front needs
    faces = np.concatenate([number[front[:, ::-1]], back + len(shown)]).astype(np.int32)
    sewn = closed[number[closed] >= 0]
    seams = np.column_stack([number[sewn], sewn + len(shown)]).astype(np.int32)
    found = openings(merged(faces, seams, len(shown) + len(points)))
    if found != expected:
        raise GarmentNotMeshed(
            f"The garment should have {expected} openings and has {found}; use a photo in which sleeves, legs and "
            "neckline lie apart."
        )
    return {
        "garment_vertices": np.concatenate([points[shown], points]).astype(np.float32),
        "garment_faces": faces,
        "garment_panels": np.repeat(np.array([Panel.FRONT, Panel.BACK], np.uint8), [len(shown), len(points)]),
        "garment_regions": np.concatenate([parts[shown], parts]),
        "garment_seams": seams,
    }


def _report(panels: dict[str, npt.NDArray[np.generic]], **known: object) -> npt.NDArray[np.object_]:
    counts = {name: len(panels[f"garment_{name}"]) for name in ("vertices", "faces", "seams")}
    return np.array([json.dumps({**counts, **known}, ensure_ascii=False).encode()], np.object_)


def _axis(points: Points, outline: Points) -> float:
    """Return x of the garment's middle [px], from the landmarks that come in pairs."""
    pairs = [(p, GarmentPoint(p + 1)) for p in GarmentPoint if p.name.endswith("_LEFT")]
    middles = [points[[a, b], 0].mean() for a, b in pairs if points[a, 2] > 0 and points[b, 2] > 0]
    return float(np.median(middles)) if middles else float(outline[:, 0].mean())


def _open_ends(category: Category, points: Points) -> list[tuple[GarmentPoint, GarmentPoint]]:
    """Return the landmarks at the ends of each opening.

    Raises:
        GarmentNotMeshed: one of them was not found.
    """
    if category is Category.LOWER:
        ends = list(_TROUSER_OPENINGS if points[_P.CROTCH, 2] > 0 else _SKIRT_OPENINGS)
    else:
        sleeves = [
            cuff if points[cuff, 2].min() > 0 else hole for cuff, hole in zip(_CUFFS, _ARMHOLES, strict=True)
        ]
        ends = [*_TOP_OPENINGS, *sleeves]
    missing = [point.name for pair in ends for point in pair if points[point, 2] <= 0]
    if missing:
        names = ", ".join(missing).lower().replace("_", " ")
        raise GarmentNotMeshed(
            f"Not found on the garment: {names}; use a photo that shows it flat and whole."
        )
    return ends


def _moved(landmarks: npt.NDArray[np.intp], before: Points, after: Points) -> npt.NDArray[np.intp]:
    """Return the landmarks' numbers after samples were added to the outline."""
    apart = np.linalg.norm(after[None] - before[landmarks][:, None], axis=2)
    return np.where(landmarks < 0, -1, apart.argmin(axis=1))


def _sewn(count: int, ends: list[tuple[int, int]]) -> npt.NDArray[np.intp]:
    """Return the samples of an outline that are sewn: all but those between the ends of an opening."""
    sewn = np.ones(count, np.bool_)
    for way in openings_of(count, ends):
        sewn[way[1:-1]] = False
    return np.flatnonzero(sewn)
