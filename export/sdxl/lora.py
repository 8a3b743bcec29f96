"""LoRA (Hu et al. 2021) merged into the weights at export, so that it costs nothing when they run.

A LoRA changes a matrix by the product of two thin ones: ``W + scale * alpha / rank * up @ down``. Its file says
which matrix by a name. Read are

* kohya's: ``lora_unet_…`` ``lora_te1_…`` ``lora_te2_…`` (SD 1.5: ``lora_te_…``) with ``.lora_down.weight``,
  ``.lora_up.weight`` and ``.alpha``; the denoiser's modules under diffusers' names or the original ones;
* diffusers': ``unet.…`` ``text_encoder.…`` ``text_encoder_2.…`` with ``.lora_A.weight`` and ``.lora_B.weight`` (PEFT),
  ``.lora.down.weight`` and ``.lora.up.weight``, or ``.processor.to_q_lora.down.weight``; alphas from keys or from
  the header's ``lora_adapter_metadata``.

LoHa, LoKr and DoRA change weights in other ways and are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from bridge.errors import ConversionFailed
from export.sdxl.names import original_name

_SUFFIXES = {
    ".lora_down.weight": "down",
    ".lora_up.weight": "up",
    ".lora_A.weight": "down",
    ".lora_B.weight": "up",
    ".lora.down.weight": "down",
    ".lora.up.weight": "up",
    "_lora.down.weight": "down",
    "_lora.up.weight": "up",
    ".lora_linear_layer.down.weight": "down",
    ".lora_linear_layer.up.weight": "up",
    ".alpha": "alpha",
}
_PREFIXES = {
    "lora_unet_": "unet",
    "lora_te1_": "text_encoder",
    "lora_te2_": "text_encoder_2",
    "lora_te_": "text_encoder",
}
_DIFFUSERS = ("unet", "text_encoder", "text_encoder_2")


@dataclass(frozen=True)
class Change:
    """One matrix's change: ``down`` float[rank, in, ...], ``up`` float[out, rank, ...], ``alpha`` over the rank."""

    down: torch.Tensor
    up: torch.Tensor
    alpha: float

    def delta(self) -> torch.Tensor:
        """Return what is added to the matrix at scale 1: float32[out, in, ...]."""
        rank = self.down.shape[0]
        up = self.up.float().reshape(-1, rank)
        product = up @ self.down.float().reshape(rank, -1)
        return product.reshape(len(up), *self.down.shape[1:]) * (self.alpha / rank)


def merge(path: Path, scale: float, networks: Mapping[str, torch.nn.Module]) -> int:
    """Add a LoRA's file to the networks that it names and return how many matrices it changed.

    Args:
        path: a safetensors file.
        scale: how much of it; 1 is all of what was trained.
        networks: ``unet``, ``text_encoder`` and, of SDXL, ``text_encoder_2``.

    Raises:
        ConversionFailed: it is of another form or another network; nothing has been changed then.
    """
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
        alphas = json.loads((file.metadata() or {}).get("lora_adapter_metadata", "{}"))
    return add(tensors, path.name, scale, networks, alphas)


def add(
    tensors: Mapping[str, torch.Tensor],
    name: str,
    scale: float,
    networks: Mapping[str, torch.nn.Module],
    alphas: Mapping[str, object] | None = None,
) -> int:
    """Add a LoRA's tensors, as :func:`merge` does with a file's; ``name`` is what an error calls them."""
    modules = _modules(networks)
    changes = _changes(tensors, alphas or {}, name)
    targets = [(_target(key, modules, name), change.delta(), key) for key, change in changes.items()]
    for weight, delta, key in targets:
        if weight.shape != delta.shape:
            raise ConversionFailed(
                f"{name} changes {key} by {tuple(delta.shape)}, which here is {tuple(weight.shape)}: it was "
                "trained for another network; use one for this checkpoint's family"
            )
    with torch.no_grad():
        for weight, delta, _ in targets:
            weight.add_((scale * delta).to(weight.dtype))
    return len(targets)


def _target(key: str, modules: Mapping[str, torch.nn.Module], name: str) -> torch.Tensor:
    if key not in modules:
        raise ConversionFailed(
            f"{name} changes {key}, which this checkpoint has not: it was trained for another network; use one "
            "for this checkpoint's family"
        )
    return modules[key].weight


def _modules(networks: Mapping[str, torch.nn.Module]) -> dict[str, torch.nn.Module]:
    """Return every matrix by each name that a LoRA may give it."""
    named: dict[str, torch.nn.Module] = {}
    for part, network in networks.items():
        prefixes = [prefix for prefix, of in _PREFIXES.items() if of == part]
        for path, module in network.named_modules():
            of_adapter = path.startswith("encoder_hid_proj") or ".processor." in path
            if of_adapter or not isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
                continue
            named[f"{part}.{path}"] = module
            paths = [path, _original(path, network) if part == "unet" else _wrapped(path)]
            named |= {f"{part}.{each}": module for each in paths[1:] if part != "unet"}
            named |= {prefix + each.replace(".", "_"): module for prefix in prefixes for each in paths}
    return named


def _wrapped(path: str) -> str:
    """Return a text encoder's module as LoRAs call it; transformers 5.6 took CLIP-L's outer layer away."""
    return path if path.startswith(("text_model.", "text_projection")) else f"text_model.{path}"


def _original(path: str, unet: torch.nn.Module) -> str:
    attended = frozenset(i for i, block in enumerate(unet.up_blocks) if hasattr(block, "attentions"))
    return original_name(path, int(unet.config.layers_per_block), attended)


def _changes(
    tensors: Mapping[str, torch.Tensor], alphas: Mapping[str, object], name: str
) -> dict[str, Change]:
    halves: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        matrix, half = _split(key, name)
        halves.setdefault(matrix, {})[half] = tensor
    return {matrix: _change(matrix, found, alphas, name) for matrix, found in halves.items()}


def _split(key: str, lora: str) -> tuple[str, str]:
    """Return the matrix that a key is about, and which half it is."""
    for suffix, half in _SUFFIXES.items():
        if key.endswith(suffix):
            name = key.removesuffix(suffix).replace(".processor.", ".")
            name = re.sub(r"\.to_out$", ".to_out.0", name) if name.startswith(_DIFFUSERS) else name
            return name.replace(".default", ""), half
    raise ConversionFailed(
        f"{lora} has a tensor {key!r}, which is no LoRA's of kohya's or diffusers' form (LoHa, LoKr and DoRA are "
        "none); convert it to one, or leave it out"
    )


def _change(
    matrix: str, found: Mapping[str, torch.Tensor], alphas: Mapping[str, object], lora: str
) -> Change:
    if "down" not in found or "up" not in found:
        raise ConversionFailed(f"{lora} has one half of {matrix} only; fetch it anew")
    rank = found["down"].shape[0]
    alpha = float(found["alpha"]) if "alpha" in found else _alpha(matrix, alphas, rank)
    return Change(found["down"], found["up"], alpha)


def _alpha(name: str, metadata: Mapping[str, object], rank: int) -> float:
    """Return PEFT's alpha, which stands in the header; without any, alpha is the rank."""
    part, _, path = name.partition(".")
    patterns = metadata.get(f"{part}.alpha_pattern")
    default = metadata.get(f"{part}.lora_alpha", rank)
    found = patterns.get(path, default) if isinstance(patterns, dict) else default
    return float(str(found))
