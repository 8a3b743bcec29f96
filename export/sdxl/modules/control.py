"""ControlNets (Zhang et al. 2023), split into what a picture gives once and what each step adds.

diffusers' ``ControlNetModel`` and ``ControlNetUnionModel`` embed the control's picture anew in every step, though that
does not depend on the step: here :class:`Embed` does it once, and :class:`Net` and :class:`Union` take its map.

**The union's attention.** ControlNet-Union lets the tokens of all controls "attend to each other" by a
``torch.nn.MultiheadAttention`` without ``batch_first``, which takes its rows for the sequence (so in diffusers and in
xinsir6/ControlNetPlus, ``models/controlnet_union.py``): a token meets the same control's tokens of the *other rows*.
Within one job these are equal, and attention over equal tokens gives each its own value. Here each token is therefore
a sequence of its own, which is the same for one job, and keeps jobs in one batch from reading each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from diffusers import ControlNetModel, ControlNetUnionModel


@dataclass(frozen=True)
class Step:
    """What every denoiser reads of a row, in the type of the weights but for what is FP32.

    ``latent`` [rows, channels, h, w], ``timestep`` FP32 [rows], ``text`` [rows, length, width], ``pooled``
    [rows, width] and ``time_ids`` FP32 [rows, n] (SD 1.5: None).
    """

    latent: torch.Tensor
    timestep: torch.Tensor
    text: torch.Tensor
    pooled: torch.Tensor | None = None
    time_ids: torch.Tensor | None = None

    @property
    def added(self) -> dict[str, torch.Tensor] | None:
        """Return diffusers' ``added_cond_kwargs``, in FP32: it joins them, and ONNX joins no two types."""
        if self.pooled is None or self.time_ids is None:
            return None
        return {"text_embeds": self.pooled.float(), "time_ids": self.time_ids}


@dataclass(frozen=True)
class Residuals:
    """What a ControlNet adds to the denoiser's maps: to those that skip, and to the middle."""

    down: tuple[torch.Tensor, ...]
    mid: torch.Tensor

    def __add__(self, other: Residuals) -> Residuals:
        down = tuple(one + two for one, two in zip(self.down, other.down, strict=True))
        return Residuals(down, self.mid + other.mid)


class Embed(nn.Module):
    """Every ControlNet's embedding of a picture; the kind says whose is returned."""

    def __init__(
        self, union: ControlNetUnionModel | None, nets: Sequence[ControlNetModel], dtype: torch.dtype
    ) -> None:
        super().__init__()
        known = [*([union] if union is not None else []), *nets]
        self.embeddings = nn.ModuleList(net.controlnet_cond_embedding for net in known)
        self.flips = [net.config.controlnet_conditioning_channel_order == "bgr" for net in known]
        self.tasks = None if union is None else union.task_embedding
        self.union_kinds = 0 if union is None else len(union.task_embedding)
        self.dtype = dtype

    def forward(self, control: torch.Tensor, kind: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ``map`` [rows, channels, h, w] and ``token`` [rows, channels] of ``control`` [rows, 3, 8 h, 8 w]."""
        control = control.to(self.embeddings[0].conv_in.weight.dtype)
        maps = [
            embed(control.flip(1) if flip else control)
            for embed, flip in zip(self.embeddings, self.flips, strict=True)
        ]
        rows = torch.arange(kind.shape[0], device=kind.device)
        chosen = torch.stack(maps, dim=1)[rows, self._net(kind[:, 0])]
        token = chosen.mean(dim=(2, 3))
        if self.tasks is not None:
            nothing = self.tasks.new_zeros(len(self.embeddings) - 1, self.tasks.shape[1])
            token = token + torch.cat([self.tasks, nothing])[kind[:, 0]]
        return chosen.to(self.dtype), token.to(self.dtype)

    def _net(self, kind: torch.Tensor) -> torch.Tensor:
        """Return which embedding reads a kind: the union's reads all of its own."""
        first = 1 if self.union_kinds else 0
        return (kind - self.union_kinds + first).clamp_min(0)


class Net(nn.Module):
    """A ControlNet for one control."""

    def __init__(self, net: ControlNetModel) -> None:
        super().__init__()
        self.net = net

    def forward(self, step: Step, control: torch.Tensor, scale: torch.Tensor) -> Residuals:
        """Return the residuals of ``control`` (its map) at ``scale`` [rows, 1]."""
        sample = self.net.conv_in(step.latent) + control.to(step.latent.dtype)
        return _residuals(self.net, sample, _time_embedding(self.net, step), step.text, scale)


class Union(nn.Module):
    """ControlNet-Union (xinsir 2024): one ControlNet for many controls."""

    def __init__(self, net: ControlNetUnionModel) -> None:
        super().__init__()
        self.net = net

    def forward(
        self,
        step: Step,
        control: torch.Tensor,
        tokens: torch.Tensor,
        weights: torch.Tensor,
        present: torch.Tensor,
        gain: torch.Tensor,
    ) -> Residuals:
        """Return the residuals of the controls together; see :func:`bridge.finish.contracts.denoise`."""
        dtype = step.latent.dtype
        spread = self._spread(tokens.to(dtype), (weights * present).to(dtype))
        sample = self.net.conv_in(step.latent) + control.to(dtype) + spread[:, :, None, None]
        time = _time_embedding(self.net, step) + self._kinds(present, dtype)
        return _residuals(self.net, sample, time, step.text, gain)

    def _spread(self, tokens: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return what is added everywhere [rows, channels]; each token [rows, kinds, channels] is a sequence."""
        sequences = tokens.flatten(0, 1)[None]
        for layer in self.net.transformer_layes:
            sequences = layer(sequences)
        alphas = self.net.spatial_ch_projs(sequences).reshape(tokens.shape)
        return (alphas * weights[:, :, None]).sum(dim=1)

    def _kinds(self, present: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        waves = self.net.control_type_proj(present.flatten()).reshape(present.shape[0], -1)
        return self.net.control_add_embedding(waves.to(dtype))


def _time_embedding(net: nn.Module, step: Step) -> torch.Tensor:
    """Return the embedding of the timestep and, of SDXL, of the whole prompt and the picture's sizes."""
    dtype = step.latent.dtype
    embedding = net.time_embedding(net.time_proj(step.timestep).to(dtype))
    if step.pooled is None or step.time_ids is None:
        return embedding
    sizes = net.add_time_proj(step.time_ids.flatten()).reshape(step.pooled.shape[0], -1)
    return embedding + net.add_embedding(torch.cat([step.pooled, sizes.to(dtype)], dim=-1))


def _residuals(
    net: nn.Module, sample: torch.Tensor, time: torch.Tensor, text: torch.Tensor, scale: torch.Tensor
) -> Residuals:
    """Run a ControlNet's half of a denoiser and return what it adds, times ``scale`` [rows, 1]."""
    maps, sample = _down(net, sample, time, text)
    sample = net.mid_block(sample, time, encoder_hidden_states=text)
    gain = scale.to(sample.dtype)[:, :, None, None]
    down = tuple(block(each) * gain for block, each in zip(net.controlnet_down_blocks, maps, strict=True))
    return Residuals(down, net.controlnet_mid_block(sample) * gain)


def _down(
    net: nn.Module, sample: torch.Tensor, time: torch.Tensor, text: torch.Tensor
) -> tuple[list[torch.Tensor], torch.Tensor]:
    maps = [sample]
    for block in net.down_blocks:
        attends = {"encoder_hidden_states": text} if getattr(block, "has_cross_attention", False) else {}
        sample, more = block(hidden_states=sample, temb=time, **attends)
        maps += more
    return maps, sample
