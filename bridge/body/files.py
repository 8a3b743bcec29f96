"""What people keep of a fitted body, as the bytes of files.

The mesh is a Wavefront OBJ with an MTL beside it (Alias' *Advanced Visualizer* manual, appendix B1), in metres, in the
camera's frame: it lies over the photo when it is seen through a camera at the origin with the focal length that
``keypoints.json`` tells.
"""

from __future__ import annotations

import io
import json

import cv2
import numpy as np
import numpy.typing as npt

from bridge.body.fitted import Bytes, FittedBody, depth_and_normals
from bridge.body.raster import Floats
from bridge.body.texture import SIZE, Texture, bake
from bridge.contracts import BodyPoint

MESH, MATERIAL, ARRAYS, KEYPOINTS = "body.obj", "body.mtl", "body.npz", "keypoints.json"
TEXTURE, SEEN, PARTS = "texture.png", "texture_seen.png", "texture_parts.png"
DEPTH, NORMALS = "depth.png", "normals.png"


def body_files(
    body: FittedBody, photo: Bytes, matte: Bytes, labels: Bytes, size: int = SIZE
) -> dict[str, bytes]:
    """Return all files by their names; arguments as :func:`bridge.body.texture.bake` has them.

    The texture's are missing where the body has no texture coordinates. DEPTH is a picture of 16 bits in millimetres,
    0 where there is no body; NORMALS has x, y, z from -1 to 1 as red, green, blue from 0 to 255, black where there is
    none; PARTS has BodyPart as grey values, 255 outside.
    """
    files = {
        MESH: obj(body).encode(),
        MATERIAL: mtl().encode(),
        ARRAYS: npz(body),
        KEYPOINTS: keypoints(body).encode(),
        **_maps(*depth_and_normals(body, *matte.shape)),
    }
    return files | _texture(bake(body, photo, matte, labels, size)) if body.has_texture_coordinates else files


def obj(body: FittedBody) -> str:
    """Return the mesh in the pose of the photo as the text of an OBJ file."""
    lines = [f"mtllib {MATERIAL}", *(f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in body.vertices.tolist())]
    corners = (body.faces + 1).astype(str)
    if body.has_texture_coordinates:
        places, index = np.unique(np.round(body.uv.reshape(-1, 2), 6), axis=0, return_inverse=True)
        lines += [f"vt {u:.6f} {v:.6f}" for u, v in places.tolist()]
        corners = np.char.add(np.char.add(corners, "/"), (index.reshape(-1, 3) + 1).astype(str))
    lines += ["usemtl body", "s 1", *(f"f {a} {b} {c}" for a, b, c in corners.tolist())]
    return "\n".join(lines) + "\n"


def mtl() -> str:
    """Return the text of the MTL file: matt, with the texture."""
    return f"newmtl body\nKa 0 0 0\nKd 1 1 1\nKs 0 0 0\nillum 1\nmap_Kd {TEXTURE}\n"


def npz(body: FittedBody) -> bytes:
    """Return the body's arrays as an npz file, which ``numpy.load`` reads without unpickling.

    It has what :class:`FittedBody` names, ``pose`` [20, 3] (rotation vectors in the order of ``bones``), ``shape`` [S]
    and ``model``.
    """
    pose = body.report["pose"]
    file = io.BytesIO()
    np.savez_compressed(
        file,
        vertices=body.vertices,
        a_pose=body.a_pose,
        faces=body.faces,
        parts=body.parts,
        uv=body.uv,
        landmarks=body.landmarks,
        camera=body.camera,
        bones=np.array(list(pose)),
        pose=np.array(list(pose.values()), np.float32),
        shape=np.array(body.report["shape"], np.float32),
        model=np.array(body.report["model"]),
    )
    return file.getvalue()


def keypoints(body: FittedBody) -> str:
    """Return the body's landmarks as JSON: where they are [m, camera frame] and where the photo shows them [px]."""
    pixels = body.seen(body.landmarks)
    focal, x, y = body.camera.tolist()
    points = {
        point.name.lower(): {
            "camera_m": [round(value, 5) for value in body.landmarks[point].tolist()],
            "photo_px": [round(value, 2) for value in pixels[point].tolist()],
        }
        for point in BodyPoint
    }
    camera = {"focal_px": focal, "centre_px": [x, y]}
    said = {"camera": camera, "measurements_cm": body.report["measurements_cm"], "points": points}
    return json.dumps(said, indent=2) + "\n"


def _texture(texture: Texture) -> dict[str, bytes]:
    return {TEXTURE: _png(texture.image[..., ::-1]), SEEN: _png(texture.seen), PARTS: _png(texture.parts)}


def _maps(depth: Floats, normals: Floats) -> dict[str, bytes]:
    there = (depth > 0)[..., None]
    coloured = np.where(there, np.rint((normals + 1) * 127.5), 0).astype(np.uint8)
    return {DEPTH: _png(np.rint(1000 * depth).astype(np.uint16)), NORMALS: _png(coloured[..., ::-1])}


def _png(picture: npt.NDArray[np.generic]) -> bytes:
    """Return a picture, BGR or grey, as PNG."""
    return cv2.imencode(".png", np.ascontiguousarray(picture))[1].tobytes()
