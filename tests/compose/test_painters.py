"""The painters' tools, each against what is known of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bridge.compose.background import paint_background
from bridge.compose.fill import detail, echo, grain, grain_of, local_mean, meet
from bridge.compose.light import Light, inflate
from bridge.compose.limb import limb, measured
from bridge.compose.matting import lift_hair
from bridge.compose.pixels import around, dilate, erode, mix, nearest, soft, to_bytes, to_unit
from bridge.compose.scene import Scene, tidied
from bridge.compose.shadow import contact_shadow
from bridge.contracts import Category, Label
from bridge.imaging.pushpull import spread
from tests.compose.dolls import box, doll


def ramp(height: int = 60, width: int = 80) -> np.ndarray:
    """A picture whose colours change linearly."""
    y, x = np.indices((height, width), np.float32)
    return np.stack([x / width, y / height, np.full_like(x, 0.5)], 2)


def scene(labels: np.ndarray, image: np.ndarray) -> Scene:
    """A scene about which only labels and pixels are known."""
    nothing = np.zeros(labels.shape, np.uint8)
    points = doll().points
    return Scene(
        image=image,
        matte=np.full(labels.shape, 255, np.uint8),
        labels=labels,
        points=points[:, :2],
        depth=points[:, 2],
        jaw=None,
        hands=(),
        layer=np.zeros((*labels.shape, 4), np.uint8),
        parts=nothing,
        region=None,
        category=Category.UPPER,
    )


def test_bytes_survive_the_way_to_floats_and_back() -> None:
    """All 256 values."""
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(to_bytes(to_unit(values)), values)


@pytest.mark.parametrize("radius", [1, 2, 5, 9])
def test_growing_and_shrinking_are_opposites(radius: int) -> None:
    """A large disc grown and shrunk is itself again, whichever way it is computed."""
    y, x = np.indices((90, 90))
    disc = (y - 45) ** 2 + (x - 45) ** 2 < 20**2
    back = erode(dilate(disc, radius), radius)
    assert np.count_nonzero(back ^ disc) < 40


def test_the_nearest_pixel_is_the_nearest() -> None:
    """Against brute force."""
    bits = np.random.default_rng(3).random((20, 30)) < 0.03
    rows, columns = nearest(bits)
    y, x = np.nonzero(bits)
    for row, column in ((0, 0), (19, 29), (10, 12)):
        best = np.hypot(y - row, x - column).min()
        # OpenCV's 5x5 mask approximates the Euclidean distance to about 2 %.
        assert np.hypot(rows[row, column] - row, columns[row, column] - column) <= best * 1.03 + 1e-6


def test_spreading_keeps_what_is_known_and_continues_it_smoothly() -> None:
    """A hole in a ramp is closed to within a few percent of its range."""
    picture = ramp()
    weight = np.ones(picture.shape[:2], np.float32)
    weight[20:40, 30:50] = 0
    filled = spread(np.where(weight[..., None] > 0, picture, 9), weight)
    assert np.allclose(filled[weight > 0], picture[weight > 0], atol=1e-5)
    assert np.abs(filled - picture).max() < 0.06


def test_spreading_of_nothing_is_zero() -> None:
    """No known pixel: zeros, no division by zero."""
    assert not spread(ramp(), np.zeros((60, 80), np.float32)).any()


def test_an_echo_continues_stripes() -> None:
    """Vertical stripes go on below their end, in step."""
    stripes = np.broadcast_to(np.sin(np.arange(80) / 2)[None, :, None], (60, 80, 3)).astype(np.float32)
    known = np.broadcast_to((np.arange(60) < 40)[:, None], (60, 80))
    hole = ~known
    continued = echo(stripes, known, hole)
    assert np.corrcoef(continued[45:55].ravel(), stripes[45:55].ravel())[0, 1] > 0.95
    assert not continued[known].any()


def test_meeting_closes_the_seam_and_fades() -> None:
    """At the seam the painting equals the photo; far away it is unchanged."""
    seen = np.full((40, 100, 3), 0.6, np.float32)
    painted = np.full_like(seen, 0.5)
    known = np.broadcast_to(np.arange(100) < 20, (40, 100))
    meet(painted, seen, known, ~known, 5.0, (-0.2, 0.2))
    assert painted[20, 21, 0] == pytest.approx(0.58, abs=0.02)
    assert painted[20, 90, 0] == pytest.approx(0.5, abs=1e-4)


def test_a_local_mean_ignores_what_has_no_weight() -> None:
    """A bright unknown half does not leak into the dark known one."""
    picture = np.zeros((40, 40, 3), np.float32)
    picture[:, 20:] = 1
    weight = np.zeros((40, 40), np.float32)
    weight[:, :20] = 1
    assert local_mean(picture, weight, 3)[:, :25].max() < 1e-6


@pytest.mark.parametrize("sigma", [0.01, 0.03])
def test_grain_is_measured_on_a_ramp(sigma: float) -> None:
    """The noise that was added is found again within a quarter, whatever the picture below."""
    noise = np.random.default_rng(1).normal(0, sigma, (200, 200, 3)).astype(np.float32)
    found = grain_of(ramp(200, 200) + noise, np.ones((200, 200), bool))
    assert found == pytest.approx(sigma, rel=0.25)


def test_grain_has_the_deviation_that_was_asked_for() -> None:
    """And it covers shapes larger than its tile."""
    made = grain((300, 400), 0.02, np.random.default_rng(0))
    assert made.shape == (300, 400, 1)
    assert float(made.std()) == pytest.approx(0.02, rel=0.1)


def test_a_textured_wall_keeps_its_texture() -> None:
    """The hole in a checked wall has about the contrast of the wall around it."""
    y, x = np.indices((120, 160))
    checks = 0.5 + 0.15 * np.where((y // 3 + x // 3) % 2, 1, -1)
    picture = np.repeat(checks[..., None], 3, 2).astype(np.float32)
    hole = np.zeros((120, 160), bool)
    hole[50:70, 60:80] = True
    filled = paint_background(np.where(hole[..., None], 0, picture), ~dilate(hole, 2), hole)
    assert 0.6 < filled[hole].std() / picture[hole].std() < 1.2


def test_a_wall_seen_on_one_side_does_not_run_away() -> None:
    """A steep shade, extrapolated far, stays within the colours that are seen."""
    picture = np.repeat((np.linspace(0, 1, 200, dtype=np.float32) ** 3)[None], 60, 0)[..., None].repeat(3, 2)
    hole = np.broadcast_to(np.arange(200) >= 60, (60, 200))
    filled = paint_background(np.where(hole[..., None], 0, picture), ~hole, hole)
    assert filled.max() <= picture[:, :60].max() + 0.02
    assert filled.min() >= -0.02


def test_detail_is_what_a_blur_takes_away() -> None:
    """On a ramp there is none; on checks it is the checks."""
    assert np.abs(detail(ramp(), np.ones((60, 80), bool))[8:-8, 8:-8]).max() < 1e-3


def test_a_limb_is_measured_where_it_is_seen() -> None:
    """A strip of 12 px, 3 px beside its bone, seen on the lower half: width and place hold above as well."""
    rows, columns = np.indices((100, 100))
    strip = (np.abs(columns - 53) <= 6) & (rows > 50)
    seen = np.stack([columns[strip], rows[strip]], 1).astype(np.float32)
    bone = limb(np.array([50, 0], np.float32), np.array([50, 99], np.float32), (8.0, 8.0))
    found = measured(bone, seen)
    assert np.allclose(found.half, 6.2, atol=0.6)
    assert np.allclose(np.abs(found.centre), 3, atol=0.5)
    t, u = found.normalised(np.array([[53, 50], [59, 50]], np.float32))
    assert t == pytest.approx(0.505, abs=0.01)
    assert abs(float(u[0])) < 0.1
    assert 0.8 < abs(float(u[1])) < 1.1


def test_light_brightens_what_faces_it() -> None:
    """From the right: right sides are brighter, frontal ones neutral, steep ones darker."""
    light = Light(side=0.1, above=0.0)
    right = np.array([-0.7, 0, 0.7], np.float32)
    shade = light.on(right, np.zeros(3, np.float32), 0.2)
    assert shade[1] == pytest.approx(1)
    assert shade[2] > shade[0]


def test_a_cushion_faces_outwards_at_its_edges() -> None:
    """Normals point left at the left edge, right at the right one, and to the camera in the middle."""
    bits = np.zeros((60, 60), bool)
    bits[10:50, 10:50] = True
    right, _ = inflate(bits, 8)
    assert right[30, 12] < -0.3
    assert right[30, 47] > 0.3
    assert abs(float(right[30, 30])) < 0.01


def test_a_contact_shadow_lies_beside_the_thing() -> None:
    """Deepest at the edge, below rather than above with light from above, nothing far away."""
    above = np.zeros((120, 120), np.float32)
    above[40:80, 40:80] = 1
    shade = contact_shadow(above, Light(0.0), 300.0)
    assert shade[82, 60] > shade[37, 60] > 0
    assert not shade[50:70, 50:70].any()
    assert shade[5, 5] == 0


def test_hair_is_lifted_off_a_bright_shirt() -> None:
    """Thin dark strands that no label names are found by their mixture with the shirt."""
    labels = np.full((120, 120), Label.UPPER, np.uint8)
    labels[:, :40] = Label.HAIR
    image = np.full((120, 120, 3), 230, np.uint8)
    image[:, :40] = (60, 40, 30)
    image[30:33, 40:46] = (60, 40, 30)
    image[60:63, 40:46] = (145, 135, 130)
    band = np.zeros((120, 120), bool)
    band[:, 30:50] = True
    alpha = lift_hair(scene(labels, image), band).alpha
    assert alpha[31, 42] > 0.5
    assert 0.1 < alpha[61, 42] < 0.8
    assert alpha[90, 44] < 0.1
    assert alpha[90, 35] > 0.9


def test_flowers_on_a_shirt_belong_to_the_shirt() -> None:
    """A small patch that was read as something else is given back; a hand is not."""
    labels = np.full((100, 100), Label.UPPER, np.uint8)
    labels[40:46, 40:46] = Label.LOWER
    labels[60:80, 60:80] = Label.HANDS
    clean = tidied(labels, (Label.UPPER,), 60.0)
    assert (clean[40:46, 40:46] == Label.UPPER).all()
    assert (clean[60:80, 60:80] == Label.HANDS).all()


def test_mixing_is_straight_alpha() -> None:
    """Half of each; nothing; all."""
    below, above = np.zeros((4, 4, 3), np.float32), np.ones((4, 4, 3), np.float32)
    alpha = np.array([[0, 0.5, 1, 0.25]] * 4, np.float32)
    assert np.allclose(mix(below, above, alpha)[..., 0], alpha, atol=1e-4)


def test_soft_edges_stay_in_place() -> None:
    """The middle of a softened edge is where the hard one was."""
    bits = np.broadcast_to(np.arange(40) < 20, (40, 40)).copy()
    plane = soft(bits, 1.0)
    assert plane[20, 19] > 0.5 > plane[20, 20]
    assert plane[20, 10] == 1
    assert plane[20, 30] == 0


def test_the_box_around() -> None:
    """With its margin, cut at the picture's border."""
    bits = box(5, 20, 100, 120) > 0
    assert around(bits, 10) == (slice(0, 30), slice(90, 130))
    assert cv2.countNonZero(bits[around(bits, 0)].view(np.uint8)) == 15 * 20
