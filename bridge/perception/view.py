"""The working picture of the parser: the person's box at a bounded size, and its pixels as plain columns."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from bridge.perception.nets import Bool, Float32, UInt8

_BUDGET = 90_000  # pixels of the working picture: enough for a strap, little enough for 150 ms
_INSIDE = 60  # matte from which a working pixel counts as the person's, 0 to 255
_SURE = 200  # matte from which its colour is the person's alone


@dataclass(frozen=True)
class View:
    """A cut-out of the photo, scaled; ``n`` of its pixels belong to the person."""

    left: int  # the cut-out's place in the photo [px]
    top: int
    full: UInt8  # [H, W, 3] the cut-out at the photo's scale, RGB
    scale: Float32  # [2]: working px per photo px
    rgb: Float32  # [h, w, 3] in [0, 1]
    person: Bool  # [h, w]
    sure: Bool  # [n]: away from the soft edge
    xy: Float32  # [n, 2] working px
    lab: Float32  # [n, 3] CIE Lab
    lab_picture: Float32  # [h, w, 3]

    @classmethod
    def of(cls, image: UInt8, matte: UInt8) -> View | None:
        """Cut the person out of a photo; None if the matte is empty."""
        left, top, width, height = cv2.boundingRect((matte > 127).astype(np.uint8))
        if width < 8 or height < 8:
            return None
        scale = min(0.5 if max(width, height) > 400 else 1.0, float(np.sqrt(_BUDGET / (width * height))))
        size = (max(8, round(width * scale)), max(8, round(height * scale)))
        full = image[top : top + height, left : left + width]
        small = cv2.resize(full, size, interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(matte[top : top + height, left : left + width], size, interpolation=cv2.INTER_AREA)
        rgb = np.asarray(small, np.float32) / 255
        person = np.asarray(alpha > _INSIDE)
        rows, columns = np.nonzero(person)
        lab = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), np.float32)
        return cls(
            left, top, full, np.array(size, np.float32) / (width, height), rgb, person,
            np.asarray(alpha[person] > _SURE), np.stack([columns + 0.5, rows + 0.5], axis=1).astype(np.float32),
            lab[person], lab,
        )  # fmt: skip

    def points(self, photo: Float32) -> Float32:
        """Map photo points [n, 2 or more] to working points [n, 2]."""
        return np.asarray((photo[:, :2] - (self.left, self.top)) * self.scale, np.float32)

    def picture(self, column: Float32, empty: float = 0.0) -> Float32:
        """Lay a column [n] out as a picture [h, w]."""
        out = np.full(self.person.shape, empty, np.float32)
        out[self.person] = column
        return out

    def polygon(self, points: Float32, grow: float = 0.0) -> Bool:
        """Return which pixels [n] lie in a polygon [k, 2] of working points, grown by ``grow`` working px."""
        mask = np.zeros(self.person.shape, np.uint8)
        corners = [np.asarray(np.round((points - 0.5) * 8), np.int32)]
        cv2.fillPoly(mask, corners, (1,), shift=3)
        if grow >= 1:
            side = 2 * int(grow) + 1
            mask = np.asarray(
                cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))), np.uint8
            )
        return np.asarray(mask[self.person] > 0)
