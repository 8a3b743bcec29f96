"""Cross-attention that also reads pictures (IP-Adapter; Ye et al. 2023), each row at scales of its own.

diffusers keeps the scales in Python, one number for a whole batch; here they are a tensor's rows, so that jobs with
other scales, or without a picture, share a batch.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel
    from diffusers.models.attention_processor import Attention, IPAdapterAttnProcessor2_0

Pictures = Sequence[tuple[torch.Tensor, torch.Tensor]]
"""Of each adapter: tokens [rows, tokens, width] and scales [rows]."""


class PictureAttention(nn.Module):
    """What diffusers calls an attention processor: text and pictures, each with keys and values of its own."""

    def __init__(self, loaded: IPAdapterAttnProcessor2_0) -> None:
        super().__init__()
        self.to_k_ip, self.to_v_ip = loaded.to_k_ip, loaded.to_v_ip

    def __call__(  # not forward: diffusers looks at this one's signature
        self,
        attn: Attention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        ip_hidden_states: Pictures = (),
        **_: object,
    ) -> torch.Tensor:
        """Return the attended maps [rows, places, channels]; the names are diffusers', which also names masks."""
        query = _split(attn.to_q(hidden_states), attn.heads)
        total = _read(query, attn.to_k(encoder_hidden_states), attn.to_v(encoder_hidden_states))
        for (tokens, scale), to_k, to_v in zip(ip_hidden_states, self.to_k_ip, self.to_v_ip, strict=True):
            total = total + scale[:, None, None, None] * _read(query, to_k(tokens), to_v(tokens))
        project, dropout = attn.to_out
        return dropout(project(total.transpose(1, 2).flatten(2)))


def with_pictures(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """Return a denoiser into which diffusers loaded adapters, reading their tokens as ``ip_hidden_states``.

    It shares every weight with the one that is given, which stays as it is.
    """
    shared = {id(tensor): tensor for tensor in chain(unet.parameters(), unet.buffers())}
    made = copy.deepcopy(unet, shared)
    made.encoder_hid_proj = None  # it would make tokens of pictures in every step
    made.set_attn_processor(
        {
            name: PictureAttention(processor) if hasattr(processor, "to_k_ip") else processor
            for name, processor in made.attn_processors.items()
        }
    )
    return made


def _read(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    heads = query.shape[1]
    return scaled_dot_product_attention(query, _split(key, heads), _split(value, heads))


def _split(tokens: torch.Tensor, heads: int) -> torch.Tensor:
    """Return ``[rows, heads, n, channels / heads]`` of ``[rows, n, channels]``."""
    return tokens.unflatten(2, (heads, -1)).transpose(1, 2)
