"""Adapters' files into the denoiser, by diffusers' own loaders: IP-Adapter Plus, FaceID-PlusV2, InstantID.

A file holds ``image_proj.…``, what makes tokens of a picture or a face, and ``ip_adapter.…``, the keys and values by
which each cross-attention reads them; FaceID's also has a LoRA for the denoiser.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from bridge.errors import ConversionFailed
from bridge.finish.layout import Adapter
from export.sdxl.choice import ADAPTERS
from export.sdxl.lora import add
from export.sdxl.weights import files
from export.weights import check_dtypes

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel

_MADE: Mapping[str, Adapter] = {
    "garment": Adapter(name="garment", kind="plus", tokens=1),
    "face": Adapter(name="face", kind="face", tokens=1),
    "identity": Adapter(name="identity", kind="identity", tokens=1),
}
_PARTS = ("image_proj", "ip_adapter")


def load_adapters(unet: UNet2DConditionModel, paths: Mapping[str, Path]) -> tuple[Adapter, ...]:
    """Put adapters into a denoiser and return what they are, in the order in which it reads their tokens.

    Raises:
        ConversionFailed: a file is no adapter, or one for another network or another name.
    """
    names = [name for name in ADAPTERS if name in paths]
    if not names:
        return ()
    states = [_read(paths[name]) for name in names]
    try:
        unet._load_ip_adapter_weights(states, low_cpu_mem_usage=False)
        loras = unet._load_ip_adapter_loras(states)
    except (KeyError, RuntimeError, ValueError) as error:
        raise ConversionFailed(
            f"the adapters {', '.join(names)} don't suit this checkpoint ({error}); each must be made for its family"
        ) from error
    for index, tensors in loras.items():
        add(tensors, paths[names[index]].name, 1.0, {"unet": unet})
    layers = unet.encoder_hid_proj.image_projection_layers
    return tuple(_adapter(name, layer) for name, layer in zip(names, layers, strict=True))


def _read(path: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Return an adapter's tensors in the two groups that diffusers expects."""
    from safetensors.torch import load_file

    found = files(path)
    check_dtypes(found)
    state: dict[str, dict[str, torch.Tensor]] = {part: {} for part in _PARTS}
    for name, tensor in load_file(found[0]).items():
        part, _, rest = name.partition(".")
        if part in state:
            state[part][rest] = tensor.float()
    if not all(state.values()):
        raise ConversionFailed(
            f"{path} is no adapter: it lacks image_proj.… or ip_adapter.…; give an IP-Adapter's file"
        )
    return state


def _adapter(name: str, layer: torch.nn.Module) -> Adapter:
    from diffusers.models.embeddings import IPAdapterFaceIDPlusImageProjection, IPAdapterPlusImageProjection

    face = isinstance(layer, IPAdapterFaceIDPlusImageProjection)
    plus = isinstance(layer, IPAdapterPlusImageProjection)
    if not (face if name == "face" else plus):
        wanted = "FaceID-PlusV2" if name == "face" else "Plus (a resampler)"
        raise ConversionFailed(
            f"the adapter {name} is a {type(layer).__name__}; it must be of the form {wanted}"
        )
    tokens = int(layer.num_tokens) if face else int(layer.latents.shape[1])
    return _MADE[name].model_copy(update={"tokens": tokens})
