"""Strips: the drawing of bent cloth."""

import numpy as np
import pytest

from bridge.contracts import Part
from bridge.warp.strip import Box, Strip, _affine_maps, _columns, _triangles, backward_map, draw_strips

HEIGHT, WIDTH = 80, 60


def ladder(left: float, right: float, top: float, bottom: float, rungs: int = 6) -> np.ndarray:
    """A straight ladder over a rectangle."""
    y = np.linspace(top, bottom, rungs)
    return np.stack(
        [np.stack([np.full(rungs, x), y], axis=1) for x in (left, (left + right) / 2, right)], axis=1
    ).astype(np.float32)


def cloth(seed: int = 0) -> np.ndarray:
    """A noisy opaque cloth."""
    rgb = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return np.dstack([rgb, np.full((HEIGHT, WIDTH), 255, np.uint8)])


def bent() -> np.ndarray:
    """A ladder bent by a right angle, as an arm is."""
    angle = np.linspace(0, np.pi / 2, 12)
    inner, outer = 12.0, 34.0
    rungs = [
        np.stack([50 - r * np.cos(angle), 70 - r * np.sin(angle)], axis=1)
        for r in (outer, (inner + outer) / 2, inner)
    ]
    return np.stack(rungs, axis=1).astype(np.float32)


def test_identity_draws_the_cloth_itself() -> None:
    """A strip that lies where its photo lies changes no pixel."""
    rungs, image = ladder(5, 55, 5, 75), cloth()
    layer, parts = draw_strips([Strip(Part.TORSO, rungs, rungs)], image, HEIGHT, WIDTH)
    inner = np.s_[7:73, 7:53]
    assert np.abs(layer[inner].astype(int) - image[inner]).max() <= 1
    assert (parts[inner] == Part.TORSO).all()
    assert (layer[:4, :, 3] == 0).all()


def test_whole_pixel_shift_is_exact() -> None:
    """A strip moved by whole pixels carries its pixels along."""
    rungs, image = ladder(5, 45, 5, 65), cloth()
    layer, _ = draw_strips([Strip(Part.TORSO, rungs, rungs + np.float32([6, 9]))], image, HEIGHT, WIDTH)
    assert np.abs(layer[18:70, 15:48, :3].astype(int) - image[9:61, 9:42, :3]).max() <= 1


def test_backward_map_agrees_with_its_slow_twin() -> None:
    """The drawn triangle index gives what a search through all triangles gives, pixel by pixel."""
    strip = Strip(Part.LEFT_SLEEVE, ladder(10, 40, 10, 60, 12), bent())
    fast, covered = backward_map(strip, Box(0, HEIGHT, 0, WIDTH))
    target = _triangles(_columns(strip.target))
    maps = _affine_maps(_triangles(_columns(strip.source)), target)
    checked = 0
    for y, x in np.argwhere(covered)[::17]:
        point = np.array([x + 0.5, y + 0.5, 1.0])
        for corners, to_source in zip(target, maps, strict=True):
            weights = np.linalg.solve(np.vstack([corners.T, np.ones(3)]), point)
            if (weights >= 0.02).all():
                # Near a shared edge the drawn neighbour (corners to 1/16 px) may answer instead.
                assert np.abs(fast[y, x] - point @ to_source).max() < 0.25
                checked += 1
                break
    assert checked > 30


def test_a_bent_strip_does_not_tear() -> None:
    """Bent by a right angle, the cloth covers every pixel between its edges."""
    strip = Strip(Part.LEFT_SLEEVE, ladder(10, 40, 10, 60, 12), bent())
    _, covered = backward_map(strip, Box(0, HEIGHT, 0, WIDTH))
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    radius = np.hypot(50 - x, 70 - y)
    between = (radius > 13.5) & (radius < 32.5) & (x < 48.5) & (y < 68.5)
    assert covered[between].all()


@pytest.mark.parametrize(("sleeve_depth", "on_top"), [(-1.0, Part.LEFT_SLEEVE), (1.0, Part.TORSO)])
def test_depth_decides_what_is_on_top(sleeve_depth: float, on_top: Part) -> None:
    """A strip of larger depth is drawn behind."""
    rungs = ladder(5, 55, 5, 75)
    strips = [Strip(Part.LEFT_SLEEVE, rungs, rungs, sleeve_depth), Strip(Part.TORSO, rungs, rungs, 0.0)]
    _, parts = draw_strips(strips, cloth(), HEIGHT, WIDTH)
    assert parts[40, 30] == on_top
