"""Prompts to what the denoiser reads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class SdxlText(nn.Module):
    """Both text encoders side by side, each by its hidden states before the last layer (Podell et al. 2023, 2.1)."""

    def __init__(self, encoders: Sequence[nn.Module], dtype: torch.dtype) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoders)
        self.dtype = dtype

    def forward(self, ids_1: torch.Tensor, ids_2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return ``text`` [rows, length, width] and ``pooled`` [rows, width] of tokens [rows, length]."""
        first, second = (
            encoder(ids, output_hidden_states=True)
            for encoder, ids in zip(self.encoders, (ids_1, ids_2), strict=True)
        )
        text = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1)
        return text.to(self.dtype), second.text_embeds.to(self.dtype)


class Sd15Text(nn.Module):
    """The one text encoder of SD 1.5, by its normalised last hidden states."""

    def __init__(self, encoder: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.encoder = encoder
        self.dtype = dtype

    def forward(self, ids_1: torch.Tensor) -> tuple[torch.Tensor]:
        """Return ``text`` [rows, length, width] of tokens [rows, length]."""
        return (self.encoder(ids_1).last_hidden_state.to(self.dtype),)
