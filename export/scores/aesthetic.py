"""LAION's aesthetic predictor: how much people like a picture, from its CLIP embedding (Schuhmann 2022).

https://github.com/christophschuhmann/improved-aesthetic-predictor; it was trained on SAC, LAION-Logos and AVA, whose
pictures people rated from 1 to 10.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from export import pickles
from export.filling import filled


class Rating(nn.Module):
    """A picture's rating: five layers without activations, with dropouts between the first of them in training."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(768, 1024), nn.Identity(),
            nn.Linear(1024, 128), nn.Identity(),
            nn.Linear(128, 64), nn.Identity(),
            nn.Linear(64, 16),
            nn.Linear(16, 1),
        )  # fmt: skip

    def forward(self, embedding: torch.Tensor) -> tuple[torch.Tensor]:
        """Return ratings [rows, 1], about 1 to 10, of embeddings [rows, 768] of length 1."""
        return (self.layers(embedding),)


def read(path: Path) -> Rating:
    """Read the predictor, of whose file tensors alone are looked at.

    Raises:
        ConversionFailed: the file holds more than tensors, or another network.
    """
    return filled(Rating(), pickles.read(path), path)
