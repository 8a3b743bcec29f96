"""The fabrics: their file, and how they drape in Cusick's test."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bridge.cloth.fabric import FILE, Material, materials
from bridge.cloth.solver import Steps
from bridge.contracts import Fabric
from bridge.errors import ConfigError
from tests.cloth.sheets import cloth, disc, fall

SUPPORT, SAMPLE = 0.09, 0.15
"""Radii of Cusick's disc and of the fabric on it [m] (BS 5058, ISO 9073-9)."""
PIXELS = 2000
"""Pixels of a metre in the shadow."""


def drape_coefficient(material: Material, rings: int = 15) -> float:
    """The share of the ring beyond the support that still casts a shadow from above."""
    flat, faces = disc(SAMPLE, rings)
    radius = np.linalg.norm(flat, axis=1)
    start = np.column_stack([flat[:, 0], 0 * radius, -flat[:, 1]])
    # a plane disc would not know where to fold
    start[:, 1] += np.where(radius > SUPPORT, np.random.default_rng(0).normal(0, 5e-4, len(radius)), 0)
    sheet = cloth(flat, faces, material, radius < SUPPORT + 1e-4)
    x, _ = fall(sheet, start, 80, Steps(drag=3.0))
    shadow = np.zeros((round(0.4 * PIXELS),) * 2, np.uint8)
    for corners in np.round((x[:, [0, 2]] + 0.2) * PIXELS * 16).astype(np.int32)[faces]:
        cv2.fillConvexPoly(shadow, corners, (1.0,), shift=4)
    support = np.pi * SUPPORT**2
    return float((shadow.sum() / PIXELS**2 - support) / (np.pi * SAMPLE**2 - support))


@pytest.mark.parametrize(
    ("fabric", "least", "most"),
    [
        (Fabric.SATIN, 0.25, 0.50),
        (Fabric.KNIT, 0.30, 0.55),
        (Fabric.DENIM, 0.50, 0.80),
        (Fabric.PRINTED, 0.50, 0.80),
        (Fabric.LEATHER, 0.65, 0.95),
    ],
)
def test_fabrics_drape_as_limp_or_stiff_as_they_are(fabric: Fabric, least: float, most: float) -> None:
    """On the scale from 0.3 (limp rayon) to 0.9 (starched gingham), each lies where such fabrics do.

    The scale's ends are from Chu, Cummings and Teixeira, *Mechanics of elastic performance of textile materials V*
    (Textile Research Journal 20, 1950).
    """
    assert least < drape_coefficient(materials()[fabric]) < most


def test_the_drape_hardly_depends_on_the_mesh() -> None:
    """Edges of 15, 10 and 7.5 mm give the same coefficient within 0.06."""
    found = [drape_coefficient(materials()[Fabric.DENIM], rings) for rings in (10, 15, 20)]
    assert np.ptp(found) < 0.06


@pytest.mark.parametrize(
    ("old", "new"), [("satin:", "silk:"), ("bending: 2.0e-5", "bending: 0"), ("weft", "woof")]
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, old: str, new: str) -> None:
    """A fabric or a number that is missing, or not above zero, is named."""
    path = tmp_path / "fabrics.yaml"
    path.write_text(FILE.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"satin|bending|weft"):
        materials(path)
