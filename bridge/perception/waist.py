"""Where the upper garment ends and the lower begins, and whether both are one dress."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bridge.perception.body import Body
from bridge.perception.colours import Colours
from bridge.perception.nets import Bool, Float32
from bridge.perception.places import Places
from bridge.perception.view import View

_TOP, _BOTTOM, _BINS = 0.4, 1.4, 40  # the range of Places.down that is searched, and its rows
_USUAL = 0.95  # where most tops end
_ALIKE = 1.6  # mean gain per row below which the two colour models are one and the same [nats, 3 at most]
_SEAM = 2.5  # how far the strongest edge across the body rises over the usual one, if there is a waistband
_GAP = 0.25  # share of the way down between the legs that shows the background: trousers


@dataclass(frozen=True)
class Waist:
    """What was found."""

    down: float  # as Places.down counts; infinite if nothing of the lower garment is seen
    dress: bool  # one garment above and below


NO_WAIST = Waist(np.inf, dress=False)


def find(view: View, body: Body, places: Places, upper: Colours, lower: Colours, hem: float) -> Waist:
    """Find the waist by the colours, or, where these are alike above and below, by the strongest edge across.

    Args:
        view: the working picture.
        body: its skeleton.
        places: its pixels' places.
        upper: colours of the torso's cloth.
        lower: colours of the thighs' cloth.
        hem: how far down the legs the cloth reaches, 0 to 2, as Places counts.
    """
    middle = (np.abs(places.aside) < 0.3) & view.sure & (places.off_arms > 1) & ~places.hand
    middle &= (places.down > _TOP) & (places.down < _BOTTOM)
    lab = view.lab[middle]
    gain = np.clip(upper.log_likelihood(lab) - lower.log_likelihood(lab), -3, 3)
    rows, _ = _rows(gain, places.down[middle])
    above = np.concatenate([[0], np.cumsum(rows)])
    edges = np.linspace(_TOP, _BOTTOM, _BINS + 1)
    fit = 2 * above - above[-1] - 0.8 * np.abs(edges - _USUAL)
    if fit.max() > _ALIKE * np.count_nonzero(rows):
        return Waist(float(edges[fit.argmax()]), dress=False)
    sharp = _sharpness(view, body, places, middle)
    seams = np.minimum(np.maximum(sharp[1:], sharp[:-1]), 4)
    usual = 3 * np.maximum(np.abs(edges[1:-1] - _USUAL) - 0.2, 0)
    best = int((_split(rows) + 0.35 * seams - usual).argmax())
    return Waist(float(edges[1 + best]), dress=bool(seams[best] < _SEAM) and not _legs_apart(view, body, hem))


def _split(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return for each edge between rows which share of their variance a step down there explains (Otsu 1979)."""
    count = np.arange(1, len(rows))
    before = np.cumsum(rows)[:-1]
    step = before / count - (rows.sum() - before) / (len(rows) - count)
    between = count * (len(rows) - count) / len(rows) ** 2 * np.maximum(step, 0) ** 2
    return np.asarray(between / max(float(rows.var()), 1e-6))


def _sharpness(view: View, body: Body, places: Places, middle: Bool) -> npt.NDArray[np.float64]:
    """Return the mean edge across the body per row, over the usual one; 0 where hands hide the row."""
    inner = cv2.erode(view.picture(middle.astype(np.float32)), np.ones((7, 7)))[view.person] > 0
    across = _edges_across(view, body)[inner]
    if not len(across):
        return np.zeros(_BINS)
    # a seam runs all across; a button or a finger shall not pass for one
    across = np.minimum(across, 8 * float(np.median(across)) + 4)
    sharp, count = _rows(across, places.down[inner])
    return np.where(count > 0.5 * np.median(count), sharp / max(float(np.median(sharp)), 1e-6), 0)


def _rows(values: Float32, down: Float32) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Return the mean of the values per row of the searched range, 0 where there are none, and their number."""
    bins = np.clip(((down - _TOP) / (_BOTTOM - _TOP) * _BINS).astype(int), 0, _BINS - 1)
    count = np.bincount(bins, minlength=_BINS)
    return np.bincount(bins, values, _BINS) / np.maximum(count, 1), count


def _edges_across(view: View, body: Body) -> Float32:
    """Return the change of lightness along the spine, per pixel [n]."""
    light = np.ascontiguousarray(view.lab_picture[..., 0])
    x, y = (cv2.Sobel(light, cv2.CV_32F, dx, 1 - dx, ksize=3) for dx in (1, 0))
    down = body.down
    return np.asarray(np.abs(x * down[0] + y * down[1])[view.person], np.float32)


def _legs_apart(view: View, body: Body, hem: float) -> bool:
    """Return whether the background shows between the legs above the hem."""
    left, right = body.legs
    t = np.linspace(0.35, max(0.5, min(hem, 2.0)), 40, dtype=np.float32)
    middle = (left.at(t) + right.at(t)) / 2
    height, width = view.person.shape
    column, row = middle[:, 0].astype(int), middle[:, 1].astype(int)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    seen = view.person[row[inside], column[inside]]
    return len(seen) > 0 and float((~seen).mean()) > _GAP
