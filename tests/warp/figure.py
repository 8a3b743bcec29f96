"""A drawn person of known joints: a stick figure with flesh on it."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from bridge.contracts import BodyPoint as P
from bridge.contracts import Category, Label
from bridge.garment.drawn import Kind, draw_garment
from bridge.warp.expert import WarpExpert

HEIGHT, WIDTH = 1024, 768
SHOULDERS = 300.0

STANDING = {
    P.NOSE: (384, 150), P.MOUTH_LEFT: (396, 175), P.MOUTH_RIGHT: (372, 175),
    P.LEFT_SHOULDER: (534, 330), P.RIGHT_SHOULDER: (234, 330),
    P.LEFT_ELBOW: (566, 560), P.RIGHT_ELBOW: (202, 560), P.LEFT_WRIST: (576, 770), P.RIGHT_WRIST: (192, 770),
    P.LEFT_HIP: (470, 740), P.RIGHT_HIP: (298, 740), P.LEFT_KNEE: (476, 1090), P.RIGHT_KNEE: (292, 1090),
    P.LEFT_ANKLE: (480, 1420), P.RIGHT_ANKLE: (288, 1420),
}  # fmt: skip
"""Where the joints of a person lie who stands before the camera [px]."""


@dataclass
class Figure:
    """A person for the warp; ``joints`` replace those of :data:`STANDING`, all are then scaled by ``zoom``."""

    joints: dict[P, tuple[float, float]] = field(default_factory=dict)
    zoom: float = 1.0

    @property
    def keypoints(self) -> npt.NDArray[np.float32]:
        """The landmarks ``(33, 4)``."""
        points = np.zeros((33, 4), np.float32)
        for point, xy in (STANDING | self.joints).items():
            points[point] = (xy[0] * self.zoom, xy[1] * self.zoom, 0, 1)
        return points

    @property
    def labels(self) -> npt.NDArray[np.uint8]:
        """The parsed figure: a bare head and arms, a top, trousers."""
        labels = np.zeros((HEIGHT, WIDTH), np.uint8)
        k = self.keypoints[:, :2]

        def limb(radius: float, label: Label, *points: P) -> None:
            line = k[list(points)].round().astype(np.int32)[:, None]
            thickness = round(2 * radius * SHOULDERS * self.zoom)
            cv2.polylines(labels, [line], isClosed=False, color=(int(label),), thickness=thickness)

        for side in ("LEFT", "RIGHT"):
            limb(0.25, Label.LOWER, P[f"{side}_HIP"], P[f"{side}_KNEE"], P[f"{side}_ANKLE"])
        torso = [P.LEFT_SHOULDER, P.RIGHT_SHOULDER, P.RIGHT_HIP, P.LEFT_HIP]
        cv2.fillPoly(labels, [k[torso].round().astype(np.int32)[:, None]], (int(Label.UPPER),))
        limb(0.15, Label.UPPER, P.LEFT_SHOULDER, P.RIGHT_SHOULDER)
        for side in ("LEFT", "RIGHT"):
            limb(0.12, Label.ARMS, P[f"{side}_SHOULDER"], P[f"{side}_ELBOW"], P[f"{side}_WRIST"])
        middle = k[[P.LEFT_SHOULDER, P.RIGHT_SHOULDER]].mean(axis=0)
        neck = np.stack([middle, k[P.NOSE]]).round().astype(np.int32)[:, None]
        cv2.polylines(
            labels, [neck], isClosed=False, color=(int(Label.NECK),), thickness=round(100 * self.zoom)
        )
        centre = tuple(int(v) for v in k[P.NOSE])
        cv2.circle(labels, centre, round(85 * self.zoom), (int(Label.FACE),), -1)
        return labels

    def wear(self, kind: Kind) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """Lay a drawn garment, whose landmarks are known, on the figure; return the layer and its parts."""
        image, truth = draw_garment(kind)
        labels = self.labels
        laid = WarpExpert()(
            keypoints=self.keypoints,
            matte=np.where(labels > 0, 255, 0).astype(np.uint8),
            labels=labels,
            garment_image=image,
            garment_category=np.array([Category(truth.category).value.encode()], object),
            garment_mask=truth.mask,
            garment_inside=truth.inside,
            garment_points=truth.points,
        )
        return laid["layer"], laid["layer_parts"]
