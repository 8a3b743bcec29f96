"""The page of the third dimension, on a ball that wears a patch: what is seen from where is known."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import body3d
from benchmarks.dressed import (
    PAPER,
    around,
    body_view,
    coloured,
    drawn,
    garment_view,
    over,
    ramp,
    strain_view,
)
from benchmarks.tryon import Request
from bridge.splat.surface import Camera
from bridge.splat.triangles import draw_triangles
from bridge.triton.model import Arrays

SIZE = (96, 80)
RED = np.array((230, 20, 20))


def ball(rings: int = 12, around: int = 24) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """A ball of half a metre, 3 m before the camera: vertices and triangles, anticlockwise from outside."""
    down, turn = np.meshgrid(
        np.linspace(0, np.pi, rings), np.linspace(0, 2 * np.pi, around, False), indexing="ij"
    )
    points = np.stack([np.sin(down) * np.sin(turn), np.cos(down), np.sin(down) * np.cos(turn)], -1)
    corner = np.arange(rings * around).reshape(rings, around)
    a, b = corner[:-1], corner[1:]
    c, d = np.roll(a, -1, axis=1), np.roll(b, -1, axis=1)
    faces = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (c, b, d))])
    return 0.5 * points.reshape(-1, 3) - (0, 0, 3), faces.astype(np.int32)


@pytest.fixture(scope="module")
def stages() -> Arrays:
    """What tryon_basic_stages would say: a ball that wears a red patch 3 cm before its front."""
    vertices, faces = ball()
    patch = np.array([(-0.2, 0.2, -2.4), (-0.2, -0.2, -2.4), (0.2, -0.2, -2.4), (0.2, 0.2, -2.4)], np.float32)
    image = np.full((*SIZE, 3), 90, np.uint8)
    report = {
        "route": {
            "mesh": {"vertices": 4},
            "body": {"measurements_cm": {"chest": 157.1}, "silhouette_iou": 0.9, "mean_error_px": 2.0,
                     "height_known": False},
            "drape": {"mean_strain": 0.01, "deepest_penetration_mm": 0.0},
        }
    }  # fmt: skip
    return {
        "body_motion": np.stack([vertices, vertices]).astype(np.float32),
        "body_faces": faces,
        "camera": np.array([120, SIZE[1] / 2, SIZE[0] / 2], np.float32),
        "draped": patch,
        "strain": np.array([0.0, 0.6], np.float32),
        "garment_vertices": np.array([(8, 8), (8, 40), (40, 40), (40, 8)], np.float32),
        "garment_faces": np.array([(0, 1, 2), (0, 2, 3)], np.int32),
        "garment_image": np.full((48, 48, 3), RED, np.uint8),
        "garment_mask": np.full((48, 48), 255, np.uint8),
        "image": image,
        "result": image,
        "layer": np.dstack([image, image[..., 0]]),
        "normals": np.zeros((*SIZE, 3), np.float32),
        "report": np.array([json.dumps(report).encode()], np.object_),
        "encoded": np.array([b"png"], np.object_),
    }  # fmt: skip


def reds(picture: np.ndarray) -> int:  # type: ignore[type-arg]
    """How many pixels show the patch."""
    return int(((picture[..., 0] > 120) & (picture[..., 1] < 60)).sum())


def test_the_body_hides_what_is_behind_it(stages: Arrays) -> None:
    """The patch is seen from the front; after half a turn the ball is before it; the ball never leaves the picture."""
    seen = {
        turn: drawn(stages, SIZE, *around(stages, 2 * np.pi * turn, SIZE)) for turn in (0, 0.25, 0.5, 0.75)
    }
    assert reds(seen[0]) > 300
    assert reds(seen[0.5]) == 0
    assert 0 <= reds(seen[0.25]) < 60
    for picture in seen.values():
        edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert (edge == PAPER).all()
        assert (picture[SIZE[0] // 2, SIZE[1] // 2] != PAPER).any()


def test_a_quarter_turn_shows_the_left_side(stages: Arrays) -> None:
    """What the wearer's left side carries comes to the front."""
    _, turned = around(stages, np.pi / 2, SIZE)
    left = np.array((0.5, 0, -3.0), np.float32)
    there = turned[:, :3] @ left + turned[:, 3]
    assert there[0] == pytest.approx(0, abs=1e-5)
    assert there[2] == pytest.approx(-3.5, abs=1e-5)


def test_strain_is_a_colour(stages: Arrays) -> None:
    """A vertex without strain is pale, one with the most dark red, and the body keeps its own colour."""
    lens = Camera.of(stages["camera"])
    layer = draw_triangles(strain_view(stages, SIZE, lens)).layer
    shown = layer[layer[..., 3] == 255][:, :3].astype(int)
    assert shown[:, 1].max() > 130
    assert shown[:, 1].min() < 80
    assert (ramp()[:, 0] == ramp()[0, 0]).all()
    body = draw_triangles(body_view(stages, SIZE, lens)).layer
    centre = body[SIZE[0] // 2, SIZE[1] // 2].astype(int)
    assert centre[3] == 255
    assert centre[0] > centre[2] > 80


def test_no_neighbours_are_sewn_where_colours_are_equal(stages: Arrays) -> None:
    """A coloured surface keeps its points, although vertices lie within what counts as a seam."""
    points = np.array([(0, 0, -2), (0.001, 0, -2), (0, 0.001, -2)], np.float32)
    cloth = coloured(points, np.array([(0, 1, 2)], np.int32), np.zeros(3), Camera(100, 10, 10))
    np.testing.assert_array_equal(cloth.mesh.points, points)


def test_the_turntable_turns(stages: Arrays) -> None:
    """As many pictures as asked for, all of one size, for ever; the patch comes and goes."""
    with Image.open(io.BytesIO(body3d.turntable(stages))) as gif:
        assert gif.info["loop"] == 0
        assert gif.n_frames == body3d.FRAMES
        assert gif.size == body3d.SMALL[::-1]
        seen = []
        for frame in range(0, gif.n_frames, 9):
            gif.seek(frame)
            seen.append(reds(np.asarray(gif.convert("RGB"))))
    assert seen[0] > 3000
    assert seen[2] == 0


def test_the_page_holds_all_that_it_shows(stages: Arrays, tmp_path: Path) -> None:
    """Body, layer, all sides, the turntable and the result are inside; the measures are told as a guess."""
    page = body3d.run(
        {"tryon_basic_stages": lambda **asked: stages}, Request(b"p", b"g"), tmp_path, say=lambda line: None
    )
    html = page.read_text("utf-8")
    sources = re.findall(r'src="([^"]*)"', html)
    assert len(sources) == 1 + 2 + 5 + 4
    assert [source[:15] for source in sources].count("data:image/gif;") == 1
    assert "chest [cm]" in html
    assert "height is not known" in html
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "turntable.gif", "result.png"}


def test_what_is_laid_over_hides_by_its_alpha(stages: Arrays) -> None:
    """Opaque, clear and half."""
    layer = np.zeros((1, 3, 4), np.uint8)
    layer[0, :, 3] = (255, 0, 128)
    mixed = over(layer, np.full((1, 3, 3), 200, np.uint8))
    assert mixed[0, :, 0].tolist() == [0, 200, 100]
    assert garment_view(stages, SIZE, Camera.of(stages["camera"])).height == SIZE[0]
