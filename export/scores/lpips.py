"""LPIPS 0.1 on AlexNet, by its paper (Zhang et al. 2018, arXiv:1801.03924) and its published weights.

Features of both pictures at five depths are scaled to length 1 at every place; their squared differences are weighted
per channel, averaged over the picture, and added up. The package `lpips` is what the tests compare this with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from export import pickles
from export.filling import filled

_MEAN, _DEVIATION = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""ImageNet's statistics for pictures in [-1, 1], rounded as LPIPS rounds them."""
_EPSILON = 1e-10
_CHANNELS = (64, 192, 384, 256, 256)


class Distance(nn.Module):
    """How far apart two pictures look."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = alexnet()
        self.heads = nn.ModuleList(nn.Conv2d(channels, 1, 1, bias=False) for channels in _CHANNELS)
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None])
        self.register_buffer("deviation", torch.tensor(_DEVIATION)[:, None, None])

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor]:
        """Return distances [rows, 1] of pictures [rows, 3, height, width], RGB in [-1, 1]."""
        pairs = zip(self.heads, self._features(first), self._features(second), strict=True)
        return (sum(head((one - two) ** 2).mean((2, 3)) for head, one, two in pairs),)

    def _features(self, picture: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield what each rectifier of the trunk lets through, scaled to length 1 at every place."""
        found = (picture - self.mean) / self.deviation
        for layer in self.trunk:
            found = layer(found)
            if isinstance(layer, nn.ReLU):
                yield found / ((found**2).sum(1, keepdim=True).sqrt() + _EPSILON)


def alexnet() -> nn.Sequential:
    """Return AlexNet's convolutions, numbered as torchvision's (Krizhevsky 2014, arXiv:1404.5997)."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),
    )  # fmt: skip


def read(trunk: Path, heads: Path) -> Distance:
    """Read the network from torchvision's AlexNet and LPIPS' own file, whose tensors alone are looked at.

    Raises:
        ConversionFailed: a file holds more than tensors, or another network's.
    """
    module = Distance()
    filled(module.trunk, _part(trunk, r"features\.(.*)"), trunk)
    filled(module.heads, _part(heads, r"lin(\d)\.model\.1(\.weight)"), heads)  # its 0th was a dropout
    return module.eval()


def _part(path: Path, pattern: str) -> dict[str, torch.Tensor]:
    """Return a file's tensors whose names match, under what the pattern's groups hold of them."""
    found = ((re.fullmatch(pattern, name), tensor) for name, tensor in pickles.read(path).items())
    return {"".join(match.groups()): tensor.float() for match, tensor in found if match}
