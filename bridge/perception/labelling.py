"""From scores of materials on the working picture to labels at the photo's size, edges along the photo's own."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import Label
from bridge.perception.guided import Guide, apply_at
from bridge.perception.materials import Material, ranked
from bridge.perception.nets import Float32, UInt8
from bridge.perception.view import View

_RADIUS, _EPSILON = 4, 2e-4  # of the guided filter, on the working picture
_EDGE = 7  # side of the window around borders that is decided at full size [working px]
_WORN = (Label.NECK, Label.HAIR, Label.UPPER, Label.LOWER, Label.SHOES, Label.ACCESSORY)
"""The label of each Material; skin's is replaced by that of its part of the body."""


def label(view: View, found: Float32, skin: UInt8) -> UInt8:
    """Return the labels ``[H, W]`` of the view's cut-out at full size.

    Args:
        view: the working picture.
        found: ``[materials, n]`` log scores.
        skin: ``[h, w]``: the label that each working pixel has if it is skin.
    """
    share = _shares(view, found)
    guide = Guide(view.rgb, _RADIUS, _EPSILON)
    models = {m: guide.model(share[m]) for m in Material if share[m].max() > 0.1}
    size = view.full.shape[1::-1]
    best, _ = ranked(share)
    material = np.asarray(cv2.resize(best, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    rows, columns = _near_borders(best, size)
    if len(rows):
        material[rows, columns] = _decided(view, models, rows, columns)
    labels = np.array(_WORN, np.uint8)[material]
    # the median rounds the working pixels' steps off the borders between parts of the skin
    parts = cv2.medianBlur(np.asarray(cv2.resize(skin, size, interpolation=cv2.INTER_NEAREST), np.uint8), 5)
    return np.where(material == Material.SKIN, parts, labels).astype(np.uint8)


def _shares(view: View, found: Float32) -> Float32:
    """Return each material's share ``[materials, h, w]``; soft edges take theirs from the sure pixels beside them.

    Their colours are mixed with the background's and would only mislead.
    """
    share = np.exp(found - found.max(axis=0))
    share = share / share.sum(axis=0) * view.sure
    pictures = np.stack([view.picture(row) for row in share])
    weight = cv2.boxFilter(view.picture(view.sure.astype(np.float32)), -1, (7, 7))
    unsure = view.person.copy()
    unsure[view.person] = ~view.sure
    for picture in pictures:
        around = cv2.boxFilter(picture, -1, (7, 7))
        picture[unsure] = around[unsure] / np.maximum(weight[unsure], 1e-6)
    return np.asarray(pictures, np.float32)


def _near_borders(best: UInt8, size: tuple[int, ...]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return rows and columns of the full-size pixels near a border between materials."""
    window = np.ones((_EDGE, _EDGE), np.uint8)
    border = (cv2.dilate(best, window) != cv2.erode(best, window)).astype(np.uint8)
    rows, columns = np.nonzero(cv2.resize(border, size, interpolation=cv2.INTER_NEAREST))
    return rows, columns


def _decided(
    view: View,
    models: dict[Material, Float32],
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
) -> UInt8:
    """Return the material [n] of some full-size pixels: the best of the models there."""
    colours = view.full[rows, columns].astype(np.float32) / 255
    x = ((columns + 0.5) * view.scale[0] - 0.5).astype(np.float32)
    y = ((rows + 0.5) * view.scale[1] - 0.5).astype(np.float32)
    scores = np.stack([apply_at(colours, x, y, model) for model in models.values()])
    return np.array(list(models), np.uint8)[ranked(scores)[0]]
