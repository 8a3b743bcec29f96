"""The loop that lays Gaussians over each other, compiled by Taichi; see :mod:`bridge.splat.kernels`."""
# To mypy, Taichi's types of arrays are values and its vectors unknown:
# mypy: ignore-errors
# ruff: noqa: ANN201 - Taichi 1.7.4 trips over a kernel that is said to return None

import taichi as ti
import taichi.math as tm

from bridge.splat.tiles import FAINTEST, TILE

F1 = ti.types.ndarray(dtype=ti.f32, ndim=1)
F2 = ti.types.ndarray(dtype=ti.f32, ndim=2)
F3 = ti.types.ndarray(dtype=ti.f32, ndim=3)
I1 = ti.types.ndarray(dtype=ti.i32, ndim=1)
I2 = ti.types.ndarray(dtype=ti.i32, ndim=2)


@ti.func
def span(middle: float, far: float, size: int) -> tm.ivec2:
    """Return the first pixel along an axis of ``size`` px whose middle a Gaussian reaches, and one past the last."""
    first = ti.max(ti.ceil(middle - far - 0.5, int), 0)
    return tm.ivec2(first, ti.max(ti.min(ti.floor(middle + far - 0.5, int) + 1, size), first))


@ti.kernel
def list_tiles(middles: F2, reach: F2, width: int, height: int, columns: int, ends: I1, order: I1, fill: int):
    """Go through the Gaussians and the tiles that each reaches.

    Without ``fill``, count them in ``ends`` [tiles]. With it, write each into its tiles' lists in ``order``, where
    ``ends`` says that the next entry belongs.
    """
    ti.loop_config(serialize=True)
    for i in range(middles.shape[0]):
        x = span(middles[i, 0], reach[i, 0], width)
        y = span(middles[i, 1], reach[i, 1], height)
        for row in range(y[0] // TILE, (y[1] + TILE - 1) // TILE):
            for column in range(x[0] // TILE, (x[1] + TILE - 1) // TILE):
                tile = row * columns + column
                if fill == 1:
                    order[ends[tile]] = i
                ends[tile] += 1


@ti.kernel
def blend(
    middles: F2, conics: F2, reach: F2, depths: F1, colours: F2, opacity: float, starts: I1, order: I1, columns: int,
    colour: F3, through: F2, depth: F2, front: I2, best: F2,
):  # fmt: skip
    """Lay each tile's Gaussians over each other: a tile is one thread's, so that the same input gives the same bits.

    On a CPU the Gaussians are the outer loop and their pixels the inner one: most pixels of a tile lie outside most
    of its Gaussians.
    """
    for tile in range(starts.shape[0] - 1):
        corner = tm.ivec2(tile % columns * TILE, tile // columns * TILE)
        end = ti.min(corner + TILE, tm.ivec2(through.shape[1], through.shape[0]))
        for entry in range(starts[tile], starts[tile + 1]):
            i = order[entry]
            middle = tm.vec2(middles[i, 0], middles[i, 1])
            across, down = span(middle.x, reach[i, 0], end.x), span(middle.y, reach[i, 1], end.y)
            xx, xy, yy = conics[i, 0], conics[i, 1], conics[i, 2]
            tint = tm.vec3(colours[i, 0], colours[i, 1], colours[i, 2])
            for y in range(ti.max(down[0], corner.y), down[1]):
                for x in range(ti.max(across[0], corner.x), across[1]):
                    p = tm.vec2(x + 0.5, y + 0.5) - middle
                    alpha = opacity * ti.exp(-0.5 * (xx * p.x * p.x + yy * p.y * p.y) - xy * p.x * p.y)
                    if alpha >= FAINTEST:
                        share = alpha * through[y, x]
                        through[y, x] *= 1 - alpha
                        depth[y, x] += share * depths[i]
                        for channel in ti.static(range(3)):
                            colour[y, x, channel] += share * tint[channel]
                        if share > best[y, x]:
                            best[y, x], front[y, x] = share, i
