"""What people keep of a garment, as the bytes of files.

The pattern is a Wavefront OBJ with an MTL beside it (Alias' *Advanced Visualizer* manual, appendix B1): x to the right,
y up, in pixels of the garment's photo, the photo's lower left corner at the origin. Its two panels lie a triangle's
side apart and meet in the seams, so that the sewn garment is a surface with holes for neck, arms and legs only. Texture
coordinates are the photo's: u = x / width, v = y / height.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import GarmentPoint, Panel, Part
from bridge.errors import WrongTensor
from bridge.imaging.pushpull import extend_colours

Bytes = npt.NDArray[np.uint8]
Arrays = Mapping[str, npt.NDArray[np.generic]]

PATTERN, MATERIAL, SEWING = "garment.obj", "garment.mtl", "garment.json"
TEXTURES: Mapping[Panel, str] = {Panel.FRONT: "garment_front.png", Panel.BACK: "garment_back.png"}
SIZE = 2048
"""Height and width of a texture [px], if nothing else is said."""
_RIM = 5
"""Side of the square that is eroded from a mask [px]: the wall shines into the garment's rim."""


@dataclass(frozen=True)
class Shown:
    """What a photo shows of the garment's outer side.

    Attributes:
        image: UINT8 [h, w, 3], RGB.
        mask: UINT8 [h, w]: garment_mask without garment_inside.
    """

    image: Bytes
    mask: Bytes

    def __post_init__(self) -> None:
        """Refuse what does not belong together.

        Raises:
            WrongTensor: photo and mask differ in size, or the mask is empty.
        """
        if self.image.shape[:2] != self.mask.shape:
            raise WrongTensor("A garment's photo and its mask differ in size; send those of one photo.")
        if not (self.mask >= 128).any():
            raise WrongTensor("A garment's mask is empty; send the one that `garment` found.")


def garment_files(
    mesh: Arrays, front: Shown, back: Shown | None = None, *, thickness: float, size: int = SIZE
) -> dict[str, bytes]:
    """Return all files by their names.

    Without a photo of the back there is one texture: the back looks as if the front were seen from behind.

    Args:
        mesh: GARMENT_POINTS, and the outputs of ``garment_mesh``, made of the front's photo.
        front: the garment from the front.
        back: the same garment from behind; its outline is laid on the front's, turned over.
        thickness: how far the cloth keeps from the skin [m], as ``configs/fabrics.yaml`` says of each fabric.
        size: height and width of a texture [px].
    """
    files = {
        PATTERN: obj(mesh, front.mask.shape).encode(),
        MATERIAL: mtl(one=back is None).encode(),
        SEWING: sewing(mesh, front.mask.shape, thickness).encode(),
        TEXTURES[Panel.FRONT]: _texture(front, size),
    }
    return files if back is None else files | {TEXTURES[Panel.BACK]: _texture(laid_over(back, front), size)}


def obj(mesh: Arrays, shape: tuple[int, ...]) -> str:
    """Return the panels as the text of an OBJ file; vertices keep the numbers that they have in ``mesh``, plus one.

    Args:
        mesh: as for :func:`garment_files`.
        shape: height and width of the photo [px].
    """
    height, width = shape
    places = np.asarray(mesh["garment_vertices"], np.float64) * (1, -1) + (0, height)
    edge = float(_report(mesh)["edge_px"])
    depth = np.where(mesh["garment_panels"] == Panel.FRONT, edge / 2, -edge / 2)
    depth[mesh["garment_seams"]] = 0
    lines = [f"mtllib {MATERIAL}"]
    lines += [f"v {x:.3f} {y:.3f} {z:.3f}" for (x, y), z in zip(places.tolist(), depth.tolist(), strict=True)]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in (places / (width, height)).tolist()]
    corners = np.asarray(mesh["garment_faces"], np.int32) + 1
    of = mesh["garment_panels"][mesh["garment_faces"][:, 0]]
    for panel in Panel:
        lines += [f"g {_name(panel)}", f"usemtl {_name(panel)}"]
        lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in corners[of == panel].tolist()]
    return "\n".join(lines) + "\n"


def mtl(*, one: bool) -> str:
    """Return the text of the MTL file: matt, each panel with its texture, or ``one`` for both."""
    return "".join(
        f"newmtl {_name(panel)}\nKa 0 0 0\nKd 1 1 1\nKs 0 0 0\nillum 1\n"
        f"map_Kd {TEXTURES[Panel.FRONT if one else panel]}\n"
        for panel in Panel
    )


def sewing(mesh: Arrays, shape: tuple[int, ...], thickness: float) -> str:
    """Return as JSON how the panels are sewn and what they are made of; vertices are counted from 0.

    Args:
        mesh: as for :func:`garment_files`.
        shape: height and width of the photo [px].
        thickness: [m].
    """
    report = _report(mesh)
    panels, regions, faces = (mesh[f"garment_{name}"] for name in ("panels", "regions", "faces"))
    points = {
        point.name.lower(): [round(value, 2) for value in mesh["garment_points"][point, :2].tolist()]
        for point in GarmentPoint
        if mesh["garment_points"][point, 2] > 0
    }
    told = {
        **{
            name: report[name]
            for name in ("fabric", "fabric_why", "edge_px", "openings", "vertices", "faces")
        },
        "thickness_m": thickness,
        "photo_px": [shape[1], shape[0]],
        "panels": {
            _name(panel): {
                "vertices": np.flatnonzero(panels == panel).tolist(),
                "faces": int((panels[faces[:, 0]] == panel).sum()),
            }
            for panel in Panel
        },
        "regions": {
            part.name.lower(): np.flatnonzero(regions == part).tolist()
            for part in Part
            if (regions == part).any()
        },
        "seams": mesh["garment_seams"].tolist(),
        "points_px": points,
    }
    return json.dumps(told, ensure_ascii=False) + "\n"


def laid_over(back: Shown, front: Shown) -> Shown:
    """Return the photo of the back as it would be seen through the front: turned over, in the front's frame.

    Its outline's box is stretched to that of the front's.
    """
    x, y, width, height = cv2.boundingRect((front.mask >= 128).view(np.uint8))
    u, v, wide, high = cv2.boundingRect((back.mask >= 128).view(np.uint8))
    across, down = width / wide, height / high
    # OpenCV counts from the centre of the first pixel, boxes from its corner
    into = np.array(
        [[-across, 0, x + width - 0.5 + across * (u - 0.5)], [0, down, y - 0.5 - down * (v - 0.5)]]
    )
    size = (front.mask.shape[1], front.mask.shape[0])
    image, mask = (
        cv2.warpAffine(picture, into, size, flags=cv2.INTER_LINEAR) for picture in (back.image, back.mask)
    )
    return Shown(image.astype(np.uint8, copy=False), mask.astype(np.uint8, copy=False))


def _texture(shown: Shown, size: int) -> bytes:
    """Return a photo as a square PNG in which the garment's colours go on beyond its outline."""
    known = cv2.erode(shown.mask, np.ones((_RIM, _RIM), np.uint8)) >= 128
    filled = extend_colours(shown.image, known if known.any() else shown.mask >= 128)
    square = cv2.resize(filled, (size, size), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".png", cv2.cvtColor(square, cv2.COLOR_RGB2BGR))[1].tobytes()


def _report(mesh: Arrays) -> dict[str, float]:
    return json.loads(mesh["mesh_report"][0])


def _name(panel: Panel) -> str:
    return panel.name.lower()
