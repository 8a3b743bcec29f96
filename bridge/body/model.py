"""What every parametric body is to the fit, whichever data it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch


@dataclass(frozen=True)
class Skeleton:
    """The bones that a pose moves.

    Attributes:
        names: the bones, parents first.
        parents: the index of each bone's parent; -1 for the root.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]


class BodyModel(Protocol):
    """A body of ``V`` vertices, ``J`` bones and ``S`` numbers of shape.

    Attributes:
        name: the model's name, as reports give it.
        skeleton: its bones.
        shape_names: what each number of its shape is.
        mean_shape: FP32 [S], an adult of mean shape.
        faces: INT32 [F, 3], anticlockwise seen from outside.
        parts: UINT8 [V], :class:`bridge.contracts.BodyPart` of every vertex.
    """

    name: str
    skeleton: Skeleton
    shape_names: tuple[str, ...]
    mean_shape: torch.Tensor
    faces: npt.NDArray[np.int32]
    parts: npt.NDArray[np.uint8]

    def __call__(
        self, pose: torch.Tensor, translation: torch.Tensor, shape: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Pose a batch of bodies.

        Args:
            pose: FP32 [B, J, 3], each bone's rotation against its parent as a rotation vector [rad]; zeros: the
                rest pose, upright, facing +z.
            translation: FP32 [B, 3], where the pelvis is [m].
            shape: FP32 [B, S].

        Returns:
            vertices FP32 [B, V, 3] and the 33 BodyPoint landmarks FP32 [B, 33, 3]: [m], x to the body's left in
            the rest pose, y up, z forward.
        """
        ...
