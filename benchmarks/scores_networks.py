"""The files of the learned scores' networks at their true size, with random weights: no registry is needed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from export.scores.aesthetic import Rating
from export.scores.lpips import Distance

_CLIP = {
    "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
    "patch_size": 14, "image_size": 224, "projection_dim": 768,
}  # fmt: skip
"""ViT-L/14 (Radford et al. 2021, table 20)."""
_STAGES = ((64, 3), (128, 13), (256, 30), (512, 3))
"""Channels and blocks of IResNet-100, which AuraFace and ArcFace's ``glintr100`` are (InsightFace, ``iresnet.py``)."""


class Block(nn.Module):
    """Two convolutions beside a shortcut (Duta et al. 2020, arXiv:2004.04989)."""

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(before), nn.Conv2d(before, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels), nn.PReLU(channels),
            nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False), nn.BatchNorm2d(channels),
        )  # fmt: skip
        self.shortcut = (
            nn.Sequential(nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
            if stride > 1
            else nn.Identity()
        )

    def forward(self, found: torch.Tensor) -> torch.Tensor:
        """Return features [rows, channels, height / stride, width / stride]."""
        return self.layers(found) + self.shortcut(found)


def face() -> nn.Sequential:
    """Return IResNet-100: faces [rows, 3, 112, 112] to embeddings [rows, 512]."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)]
    before = 64
    for channels, blocks in _STAGES:
        layers += [Block(channels if i else before, channels, 1 if i else 2) for i in range(blocks)]
        before = channels
    return nn.Sequential(
        *layers, nn.BatchNorm2d(512), nn.Flatten(), nn.Linear(512 * 7 * 7, 512), nn.BatchNorm1d(512)
    )


def modules() -> Mapping[str, nn.Module]:
    """Return what computes each score, by the contract's name, for inference."""
    made = {
        "clip_image": CLIPVisionModelWithProjection(CLIPVisionConfig(**_CLIP)),
        "aesthetic": Rating(),
        "lpips": Distance(),
        "face_embed": face(),
    }
    return {name: module.eval() for name, module in made.items()}


def write(folder: Path) -> Mapping[str, Path]:
    """Write the files as they are published and return them by their ids in the registry."""
    from safetensors.torch import save_file

    made = modules()
    files = {
        "clip_vit_large_patch14": folder / "model.safetensors",
        "alexnet": folder / "alexnet.pth",
        "lpips_alex": folder / "alex.pth",
        "aesthetic_predictor": folder / "predictor.pth",
        "auraface": folder / "glintr100.onnx",
    }
    save_file(made["clip_image"].state_dict(), files["clip_vit_large_patch14"])
    torch.save(made["aesthetic"].state_dict(), files["aesthetic_predictor"])
    trunk, heads = made["lpips"].trunk.state_dict(), made["lpips"].heads
    torch.save({f"features.{name}": weight for name, weight in trunk.items()}, files["alexnet"])
    torch.save(
        {f"lin{i}.model.1.weight": head.weight.detach() for i, head in enumerate(heads)}, files["lpips_alex"]
    )
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and is the one that such files come from
        torch.onnx.export(
            made["face_embed"], (torch.zeros(1, 3, 112, 112),), str(files["auraface"]), dynamo=False,
            opset_version=17, input_names=["input.1"],
        )  # fmt: skip
    return files
