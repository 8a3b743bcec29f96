"""What people keep of a draped garment, as the bytes of files.

The mesh is a Wavefront OBJ with an MTL beside it (Alias' *Advanced Visualizer* manual, appendix B1), in metres, in the
camera's frame, as the body's is: it lies over the photo when it is seen through a camera at the origin. Its texture
coordinates are those of the garment's photo, and its picture is that of the garment's own files.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bridge.errors import WrongTensor

Arrays = Mapping[str, npt.NDArray[np.generic]]

MESH, MATERIAL, ARRAYS = "draped.obj", "draped.mtl", "draped.npz"
TEXTURE = "garment_front.png"
"""The picture that the material names: of the files of the garment, which lie beside these."""


def drape_files(drape: Arrays, shape: tuple[int, ...]) -> dict[str, bytes]:
    """Return all files by their names.

    ARRAYS is an npz file, which ``numpy.load`` reads without unpickling: the collision map (``clearance`` [N],
    ``nearest_skin`` [N]), the strain map (``strain`` [F]), ``vertices`` [N, 3] and ``faces`` [F, 3], each as in
    :mod:`bridge.contracts`, and ``report``, the JSON's text.

    Args:
        drape: GARMENT_VERTICES, GARMENT_FACES, and the outputs of ``drape``.
        shape: height and width of the garment's photo [px].

    Raises:
        WrongTensor: nothing was draped.
    """
    if not len(drape["draped"]):
        raise WrongTensor("There is no draped garment to be kept; ask for the expert `drape`.")
    return {MESH: obj(drape, shape).encode(), MATERIAL: mtl().encode(), ARRAYS: npz(drape)}


def obj(drape: Arrays, shape: tuple[int, ...]) -> str:
    """Return the draped mesh as the text of an OBJ file; arguments as those of :func:`drape_files`."""
    height, width = shape[:2]
    flat = np.asarray(drape["garment_vertices"], np.float64)
    places = np.column_stack([flat[:, 0] / width, 1 - flat[:, 1] / height])
    lines = [f"mtllib {MATERIAL}", *(f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in drape["draped"].tolist())]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in places.tolist()]
    lines += ["usemtl garment", "s 1"]
    corners = np.asarray(drape["garment_faces"], np.int32) + 1
    lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in corners.tolist()]
    return "\n".join(lines) + "\n"


def mtl() -> str:
    """Return the text of the MTL file: matt, with the garment's picture."""
    return f"newmtl garment\nKa 0 0 0\nKd 1 1 1\nKs 0 0 0\nillum 1\nmap_Kd {TEXTURE}\n"


def npz(drape: Arrays) -> bytes:
    """Return the maps as an npz file."""
    file = io.BytesIO()
    np.savez_compressed(
        file,
        vertices=drape["draped"],
        faces=drape["garment_faces"],
        strain=drape["strain"],
        clearance=drape["clearance"],
        nearest_skin=drape["nearest_skin"],
        report=np.array(drape["drape_report"][0].decode()),
    )
    return file.getvalue()
