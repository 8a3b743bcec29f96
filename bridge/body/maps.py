"""How far away the fitted body is at each pixel of the photo, and which way its skin faces."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bridge.body.fitted import FittedBody, depth_and_normals


class BodyMaps:
    """Fulfils :data:`bridge.contracts.BODY_MAPS`."""

    def __call__(
        self, *, matte: npt.NDArray[np.uint8], **body: npt.NDArray[np.generic]
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Draw the body into the photo's frame; inputs and outputs as in the contract."""
        no_texture = np.zeros((*body["body_faces"].shape, 2), np.float32)
        depth, normals = depth_and_normals(FittedBody.of(body, no_texture), *matte.shape)
        return {"body_depth": depth, "body_normals": normals}
