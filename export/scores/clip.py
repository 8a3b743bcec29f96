"""CLIP's image tower, as transformers has it, out of the file that holds both towers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from bridge.contracts import CLIP_IMAGE
from bridge.errors import ConversionFailed
from export.filling import filled
from export.weights import check_dtypes

if TYPE_CHECKING:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

_SIDE, _WIDTH = CLIP_IMAGE.inputs[0].shape[-1], CLIP_IMAGE.outputs[0].shape[0]
_TOWER = ("vision_model.", "visual_projection.")
_HEAD = 64
"""Channels of one attention head, in every CLIP that OpenAI published (Radford et al. 2021, table 20)."""


class ImageTower(nn.Module):
    """A picture's embedding, scaled to length 1, so that a dot product of two is their cosine."""

    def __init__(self, tower: CLIPVisionModelWithProjection) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor]:
        """Return embeddings [rows, width] of ``pixels`` [rows, 3, side, side], normalised by CLIP's statistics."""
        embedding = self.tower(pixels.to(self.tower.dtype)).image_embeds.float()
        return (nn.functional.normalize(embedding),)


def read(path: Path) -> ImageTower:
    """Read the image tower of a ``.safetensors`` file in transformers' names.

    Raises:
        ArtifactCorrupt: the file is cut short.
        ConversionFailed: it is no CLIP, or its weights are quantised or don't suit each other.
    """
    from safetensors import safe_open
    from transformers import CLIPVisionModelWithProjection

    check_dtypes([path])
    with safe_open(path, framework="pt") as file:
        names = [name for name in file.keys() if name.startswith(_TOWER)]  # noqa: SIM118 - it is no mapping
        weights = {name: file.get_tensor(name).float() for name in names if not name.endswith("position_ids")}
    return ImageTower(filled(CLIPVisionModelWithProjection(_config(weights, path)), weights, path)).eval()


def _config(weights: Mapping[str, torch.Tensor], path: Path) -> CLIPVisionConfig:
    """Return the tower's sizes, read from its weights; what they don't tell is as OpenAI's are."""
    from transformers import CLIPVisionConfig

    try:
        patches = weights["vision_model.embeddings.patch_embedding.weight"]
        positions = weights["vision_model.embeddings.position_embedding.weight"]
        inner = weights["vision_model.encoder.layers.0.mlp.fc1.weight"]
        projection = weights["visual_projection.weight"]
    except KeyError as error:
        raise ConversionFailed(f"{path} is no CLIP in transformers' names: it has no {error}") from error
    width, _, patch, _ = patches.shape
    side = patch * round((len(positions) - 1) ** 0.5)  # the first position is the class's
    if (side, len(projection)) != (_SIDE, _WIDTH) or width % _HEAD:
        raise ConversionFailed(
            f"{path} is a CLIP of {side} px, {width} channels and {len(projection)} numbers, where ViT-L/14's "
            f"{_SIDE} px and {_WIDTH} numbers belong"
        )
    layers = {name.split(".")[3] for name in weights if name.startswith("vision_model.encoder.layers.")}
    return CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=len(inner),
        num_hidden_layers=len(layers),
        num_attention_heads=width // _HEAD,
        patch_size=patch,
        image_size=side,
        projection_dim=len(projection),
        hidden_act="quick_gelu",
    )
