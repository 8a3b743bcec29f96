"""The names that Stability's own code gives to the parts of a denoiser, from diffusers' names.

Checkpoints in one file and the LoRAs of kohya's trainer have the former
(https://github.com/Stability-AI/generative-models, ``UNetModel``): they count all layers of a half through.
"""

from __future__ import annotations

import re

_TOP = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_PLACES = {"resnets": 0, "attentions": 1}
_BLOCK = re.compile(
    r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)(?:\.(.+))?"
)


def original_name(path: str, layers: int, attended: frozenset[int] = frozenset()) -> str:
    """Return the original name of a module or a weight of a denoiser.

    Args:
        path: diffusers' name, such as ``down_blocks.1.attentions.0.proj_in``.
        layers: the denoiser's ``layers_per_block``.
        attended: the blocks of the half that goes up that have attentions; these come before an upsampler.
    """
    if match := _BLOCK.match(path):
        return _in_block(match, layers, attended)
    for ours, theirs in _TOP.items():
        if path == ours or path.startswith(f"{ours}."):
            rest = path[len(ours) :]
            return theirs + (_resnet(rest) if ".resnets." in ours else rest)
    raise ValueError(f"{path} is no part of a denoiser")


def _in_block(match: re.Match[str], layers: int, attended: frozenset[int]) -> str:
    half, kind, rest = match[1], match[3], match[5] or ""
    block, layer = int(match[2]), int(match[4])
    first = block * (layers + 1)
    if kind == "downsamplers":
        return f"input_blocks.{first + layers + 1}.0.{rest.replace('conv', 'op', 1)}"
    if kind == "upsamplers":
        return f"output_blocks.{first + layers}.{1 + (block in attended)}.{rest}"
    blocks = f"input_blocks.{first + layer + 1}" if half == "down" else f"output_blocks.{first + layer}"
    return f"{blocks}.{_PLACES[kind]}.{_resnet(rest) if kind == 'resnets' else rest}"


def _resnet(name: str) -> str:
    return ".".join(_RESNET.get(part, part) for part in name.split("."))
