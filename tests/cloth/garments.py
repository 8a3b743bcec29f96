"""Drawn garments as the flat panels that the cloth works with."""

from __future__ import annotations

from functools import cache

import numpy as np

from bridge.cloth.wearer import Flat
from bridge.contracts import Panel
from bridge.garment.drawing.wardrobe import Kind
from bridge.garment.drawn import draw_garment
from bridge.garment.mesh.mesher import GarmentMesher


@cache
def flat(kind: Kind, vertices: int = 1500) -> Flat:
    """A drawn garment, cut into panels."""
    image, truth = draw_garment(kind)
    mesh = GarmentMesher(vertices)(
        garment_image=image,
        garment_category=np.array([truth.category.value.encode()], np.object_),
        garment_mask=truth.mask,
        garment_inside=truth.inside,
        garment_points=truth.points,
        fabric=np.array([b"knit"], np.object_),
    )
    return Flat(
        vertices=mesh["garment_vertices"].astype(np.float64),
        faces=mesh["garment_faces"].astype(np.int32),
        back=mesh["garment_panels"] == Panel.BACK,
        regions=mesh["garment_regions"].astype(np.uint8),
        seams=mesh["garment_seams"].astype(np.int32),
        points=truth.points.astype(np.float64),
        category=truth.category,
    )
