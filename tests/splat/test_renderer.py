"""The draped garment drawn into the photo: what is where, and what hides what."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.contracts import SPLAT, Part
from bridge.errors import BodyOutOfFrame, WrongTensor
from bridge.splat.drawing import INSIDE
from bridge.splat.renderer import Renderer
from bridge.triton.tensors import checked
from tests.splat.shapes import FOCAL, HEIGHT, SIDE, WIDTH, photo, psnr, scene, sheet, tube

EVEN = np.array((1, 0, 0, 0, 0, 0, 0, 0, 0), np.float32)
"""Light from everywhere: colours are those of the photo."""
MIDDLE = (HEIGHT // 2, WIDTH // 2)


@pytest.fixture(scope="module")
def flat() -> Renderer:
    """A renderer without shading."""
    return Renderer(light=EVEN)


def test_a_sheet_is_where_the_camera_sees_it(flat: Renderer) -> None:
    """A square of 0.8 m, 2 m away, at f = 200 px covers 80 px with its photo the right way around."""
    seen = checked(SPLAT, flat(**scene(sheet())))
    left, right, top, bottom = WIDTH // 2 - 40, WIDTH // 2 + 40, HEIGHT // 2 - 40, HEIGHT // 2 + 40
    alpha = np.zeros((HEIGHT, WIDTH))
    alpha[top:bottom, left:right] = 255
    np.testing.assert_array_equal(seen["layer"][..., 3], alpha)
    for place, colour in (
        ((top, left), (200, 0, 0)),
        ((top, right - 1), (0, 200, 0)),
        ((bottom - 1, left), (0, 0, 200)),
        ((bottom - 1, right - 1), (200, 200, 200)),
    ):
        assert seen["layer"][place][:3] == pytest.approx(colour, abs=2)
    inside = alpha > 0
    np.testing.assert_array_equal(seen["layer_parts"], np.where(inside, Part.TORSO, Part.NONE))
    np.testing.assert_allclose(seen["depth"], np.where(inside, 2.0, 0.0), atol=1e-5)
    np.testing.assert_allclose(seen["normals"][inside], np.tile((0, 0, 1), (inside.sum(), 1)), atol=1e-5)
    assert not seen["normals"][~inside].any()


def test_perspective_is_undone_in_the_texture(flat: Renderer) -> None:
    """On a sheet that leans away, the middle of the photo is seen where the sheet's middle is, not halfway."""
    points, texture, faces = sheet(cells=1)
    points = points * (1, 0, 0) + np.array((0, 0, -2)) + points[:, 1:2] * np.array((0, 1, -1.5))
    layer = flat(**scene((points.astype(np.float32), texture, faces)))["layer"]
    column = layer[:, WIDTH // 2 - 8]
    assert column[MIDDLE[0] - 3, :3] == pytest.approx((200, 0, 0), abs=40)
    assert column[MIDDLE[0] + 2, :3] == pytest.approx((0, 0, 200), abs=40)


def test_the_nearer_of_two_sheets_is_seen(flat: Renderer) -> None:
    """Whatever the order of its triangles; the farther one is drawn where it is not hidden."""
    near, far = sheet(1.8), sheet(2.2)
    half = near[0] * (0.5, 1, 1)
    for first, second in (((half, near), (far[0], far)), ((far[0], far), (half, near))):
        points = np.concatenate([first[0], second[0]]).astype(np.float32)
        texture = np.concatenate([first[1][1], second[1][1]])
        faces = np.concatenate([first[1][2], second[1][2] + len(first[0])])
        depth = flat(**scene((points, texture, faces)))["depth"]
        assert depth[MIDDLE] == pytest.approx(1.8, abs=1e-4)
        assert depth[MIDDLE[0], MIDDLE[1] - 30] == pytest.approx(2.2, abs=1e-4)


def test_a_tube_shows_its_far_inside_only_beside_the_body(flat: Renderer) -> None:
    """Seen from above its rim, a skirt shows the inside of its back: dark, and not where the body is."""
    points, texture, faces = tube()
    camera = np.array((FOCAL, WIDTH / 2, HEIGHT / 2 - 60), np.float32)
    low = points - np.array((0, 0.6, 0), np.float32)
    paper = np.full((SIDE, SIDE, 3), 200, np.uint8)
    empty = flat(**scene((low, texture, faces), camera=camera, garment_image=paper))
    worn_points, _, worn_faces = tube(radius=0.15)
    long = worn_points * np.array((1, 6, 1), np.float32)
    worn = flat(
        **scene((low, texture, faces), (long, texture, worn_faces), camera=camera, garment_image=paper)
    )
    inside = (empty["layer"][..., 3] == 255) & (empty["layer"][..., 0] == 200 * INSIDE)
    assert inside.sum() > 60
    assert (empty["normals"][inside, 2] > 0).all()
    assert (empty["depth"][inside] > 2).all()
    middle = np.abs(np.arange(WIDTH) - WIDTH / 2) < 10
    assert not worn["layer"][inside & middle, 3].any()
    assert worn["layer"][inside & ~middle, 3].any()
    outside = (empty["layer"][..., 3] == 255) & (empty["layer"][..., 0] == 200)
    np.testing.assert_array_equal(worn["layer"][outside], empty["layer"][outside])


def test_an_arm_in_front_leaves_the_outside_complete(flat: Renderer) -> None:
    """A body nearer than the garment takes nothing away from what faces the camera."""
    alone, behind = flat(**scene(sheet())), flat(**scene(sheet(), sheet(1.0)))
    for name, value in alone.items():
        np.testing.assert_array_equal(behind[name], value)


def test_the_seam_of_a_tube_is_closed(flat: Renderer) -> None:
    """Two edges that are sewn, a few tenths of a millimetre apart, leave no line in alpha or in the normals."""
    points, texture, faces = tube()
    turned = points * np.array((-1, 1, -1), np.float32) - np.array((0, 0, 4), np.float32)
    ends = np.isclose(texture[:, 0] % SIDE, 0)
    folded = np.column_stack([np.minimum(texture[:, 0], SIDE - texture[:, 0]), texture[:, 1]]).astype(
        np.float32
    )
    shaken = turned + np.where(ends[:, None] & (texture[:, :1] > 1), np.array((4e-4, 0, 4e-4)), 0)
    seen = flat(**scene((shaken.astype(np.float32), folded, faces)))
    rows = slice(HEIGHT // 2 - 20, HEIGHT // 2 + 20)
    assert (seen["layer"][rows, WIDTH // 2 - 5 : WIDTH // 2 + 5, 3] == 255).all()
    assert seen["normals"][rows, WIDTH // 2, 2].min() > 0.999


def test_a_back_panel_shows_the_photo_mirrored(flat: Renderer) -> None:
    """Turned around, so that the outside of the back is seen: the photo's left is where its right was."""
    points, texture, faces = sheet()
    back = (points * np.array((-1, 1, 1), np.float32), texture, faces[:, ::-1])
    turned, front = flat(**scene(back)), flat(**scene(sheet()))
    np.testing.assert_array_equal(turned["layer"][..., 3], front["layer"][..., 3])
    assert psnr(turned["layer"][:, ::-1], front["layer"]) > 40


def test_edges_are_soft_and_show_no_wall(flat: Renderer) -> None:
    """A tilted edge has alpha between, and the colours there are the garment's, not those behind it in its photo."""
    points, texture, faces = sheet()
    turn = np.array([[np.cos(0.3), -np.sin(0.3), 0], [np.sin(0.3), np.cos(0.3), 0], [0, 0, 1]])
    image, mask = (
        np.full((SIDE + 20, SIDE + 20, 3), 250, np.uint8),
        np.zeros((SIDE + 20, SIDE + 20), np.uint8),
    )
    image[10:-10, 10:-10], mask[10:-10, 10:-10] = (40, 60, 80), 255
    layer = flat(
        **scene((points @ turn.T, texture + 10, faces), garment_image=image, garment_mask=mask)
    )["layer"]  # fmt: skip
    soft = (layer[..., 3] > 0) & (layer[..., 3] < 255)
    assert soft.sum() > 100
    np.testing.assert_allclose(layer[layer[..., 3] > 0][:, :3].astype(int) - (40, 60, 80), 0, atol=2)


def test_a_fine_pattern_becomes_its_mean(flat: Renderer) -> None:
    """Checks finer than a pixel don't shimmer; checks of several pixels stay sharp."""
    fine = np.repeat((np.indices((SIDE, SIDE)).sum(axis=0) % 2 * 200)[..., None], 3, axis=2).astype(np.uint8)
    small = flat(**scene(sheet(8.0), garment_image=fine))["layer"]
    inner = small[MIDDLE[0] - 7 : MIDDLE[0] + 7, MIDDLE[1] - 7 : MIDDLE[1] + 7, 0]
    np.testing.assert_allclose(inner.astype(int), 100, atol=25)
    large = flat(**scene(sheet(0.9), garment_image=photo("checks")))["layer"][..., 0]
    bright = large[HEIGHT // 2 + 9]
    assert ((bright < 40) | (bright > 220)).mean() > 0.85


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("draped", np.full_like(sheet()[0], np.nan), WrongTensor),
        ("draped", -sheet()[0], WrongTensor),
        ("draped", sheet()[0] + np.array((9, 0, 0), np.float32), BodyOutOfFrame),
        ("draped", sheet()[0][:-1], WrongTensor),
        ("garment_faces", sheet()[2] + 20, WrongTensor),
        ("garment_faces", sheet()[2][:0], WrongTensor),
        ("garment_vertices", np.full_like(sheet()[1], np.inf), WrongTensor),
        ("garment_mask", np.zeros((SIDE, SIDE), np.uint8), WrongTensor),
        ("garment_mask", np.zeros((SIDE, SIDE + 1), np.uint8), WrongTensor),
        ("body_motion", np.full((2, *sheet()[0].shape), np.nan, np.float32), WrongTensor),
        ("body_motion", np.zeros((0, 9, 3), np.float32), WrongTensor),
        ("matte", np.zeros((0, 0), np.uint8), BodyOutOfFrame),
        ("camera", np.array((0, 1, 1), np.float32), WrongTensor),
    ],
)
def test_nonsense_is_refused(flat: Renderer, name: str, value: np.ndarray, error: type[Exception]) -> None:
    """With a sentence that says what to do."""
    with pytest.raises(error, match=r"[a-z].*[;:,] .*\."):
        flat(**scene(sheet(), **{name: value}))
