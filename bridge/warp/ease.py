"""How cloth sits on a body: how much of its width is seen, and where it meets the silhouette."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bridge.warp.body import Flags, Scalars

# A flat garment shows half its girth, a worn one only what faces the camera. For a torso whose depth is 0.65 of its
# width, half the girth is 1.3 times the half width seen (Ramanujan's perimeter of an ellipse); a limb is round.
TORSO_GIRTH = 1.3
LIMB_GIRTH = np.pi / 2
_EASE_SEEN = 0.55  # of the cloth beyond the body's girth; the rest hangs in folds
_SNAP = 0.22


def worn_half_width(flat: Scalars, body: Scalars, girth: float) -> Scalars:
    """Tell how wide cloth looks from the front when it is worn.

    Args:
        flat: half the flat garment's width, at the body's scale ``(n,)`` [px].
        body: the body's own half width ``(n,)`` [px].
        girth: half the girth of a body whose half width is 1.
    """
    ease = np.maximum(flat - girth * body, 0.0)
    return np.asarray(body + _EASE_SEEN * ease, np.float32)


def snap(wanted: Scalars, seen: Scalars, known: Flags, share: float = _SNAP) -> Scalars:
    """Move edges onto the silhouette where they come close to it.

    What the person wore bounds the new garment only where both roughly agree; a garment that is clearly looser or
    tighter keeps its own outline, eased so that the outline doesn't jump.

    Args:
        wanted: where the garment's own measures put the edge ``(n,)`` [px].
        seen: where the silhouette ends ``(n,)`` [px].
        known: whether ``seen`` may be used.
        share: of ``seen``, how far an edge may be moved.
    """
    gap, band = wanted - seen, share * seen
    # Nothing of the gap remains within the band, all of it from twice the band on.
    rest = np.sign(gap) * np.clip(2.0 * (np.abs(gap) - band), 0.0, np.abs(gap))
    return np.where(known, seen + rest, wanted).astype(np.float32)


def fill_unknown(values: Scalars, known: Flags, fallback: Scalars) -> Scalars:
    """Replace what is unknown by the fallback, scaled to agree with what is known on either side."""
    if not known.any():
        return fallback
    ratio = (values / np.maximum(fallback, 1e-3))[known]
    everywhere = np.interp(np.arange(len(values)), np.flatnonzero(known), ratio)
    return np.where(known, values, everywhere * fallback).astype(np.float32)


def blur(values: npt.NDArray[np.float32] | npt.NDArray[np.float64], sigma: float) -> Scalars:
    """Blur a row of numbers by a Gaussian of ``sigma`` places, its ends repeated."""
    radius = max(1, round(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    padded = np.pad(values.astype(np.float64), radius, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid").astype(np.float32)
