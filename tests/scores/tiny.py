"""The files of the learned scores' networks as they are published, but small and with random weights.

The architectures are the real ones; LPIPS' heads are even those that people's judgements gave it, which come with its
wheel. What a repository holds of them is what :func:`export.scores.installing.install` puts there, in some ten seconds;
``scores=(Score.LPIPS,)`` installs one.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPConfig, CLIPModel

from export.scores.aesthetic import Rating
from export.scores.lpips import alexnet
from tests.finish.tiny import randomize

WIDTH = 128
"""Of CLIP's image tower, which then has two heads."""


def clip(seed: int = 20) -> CLIPModel:
    """Both towers, as the published file has them; the pictures' one has three layers and patches of 32 pixels."""
    text = {
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "vocab_size": 99,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 1,
    }
    vision = {
        "hidden_size": WIDTH, "intermediate_size": 3 * WIDTH, "num_hidden_layers": 3, "num_attention_heads": 2,
        "patch_size": 32, "image_size": 224,
    }  # fmt: skip
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=768)
    return randomize(CLIPModel(config), seed)


class Face(nn.Module):
    """A face's embedding by two convolutions: of a network's ends alone they are AuraFace's."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 7, stride=4), nn.PReLU(16), nn.Conv2d(16, 16, 5, stride=4), nn.PReLU(16),
            nn.Flatten(), nn.Linear(16 * 6 * 6, 512),
        )  # fmt: skip

    def forward(self, face: torch.Tensor) -> torch.Tensor:
        """Return embeddings [rows, 512] of ``face`` [rows, 3, 112, 112]."""
        return self.layers(face)


def write(folder: Path) -> Mapping[str, Path]:
    """Write all files and return them by their ids in the registry."""
    names = {
        "clip_vit_large_patch14": "model.safetensors",
        "alexnet": "alexnet.pth",
        "aesthetic_predictor": "predictor.pth",
        "auraface": "glintr100.onnx",
    }
    folder.mkdir(parents=True, exist_ok=True)
    files = {artifact: folder / name for artifact, name in names.items()}
    positions = {"vision_model.embeddings.position_ids": torch.arange(50)[None]}  # no weight, yet published
    save_file(clip().state_dict() | positions, files["clip_vit_large_patch14"])
    trunk = randomize(nn.ModuleDict({"features": alexnet()}), 21).state_dict()
    torch.save(trunk | {"classifier.6.bias": torch.zeros(1000)}, files["alexnet"])
    torch.save(randomize(Rating(), 22).state_dict(), files["aesthetic_predictor"])
    write_face(files["auraface"])
    return files | {"lpips_alex": heads()}


def heads() -> Path:
    """Return LPIPS' own file, out of its package."""
    package = find_spec("lpips")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "weights" / "v0.1" / "alex.pth"


def write_face(path: Path, rows: int = 1) -> None:
    """Write the face's network as AuraFace is published: numbered names, and one row in what it says of itself."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and numbers what isn't named, as it did then
        torch.onnx.export(
            randomize(Face(), 23), (torch.zeros(rows, 3, 112, 112),), str(path), dynamo=False, opset_version=17,
            input_names=["input.1"],
        )  # fmt: skip
