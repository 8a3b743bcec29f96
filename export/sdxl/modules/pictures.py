"""Pictures and faces to the tokens of adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from diffusers.models.embeddings import IPAdapterFaceIDPlusImageProjection, IPAdapterPlusImageProjection
    from transformers import CLIPVisionModelWithProjection


class ImageEncode(nn.Module):
    """A picture's tokens: a resampler reads CLIP's hidden states before the last layer (IP-Adapter Plus)."""

    def __init__(
        self,
        encoder: CLIPVisionModelWithProjection,
        projection: IPAdapterPlusImageProjection,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.encoder, self.projection, self.dtype = encoder, projection, dtype

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor]:
        """Return tokens [rows, tokens, width] of ``pixels`` [rows, 3, side, side]."""
        return (self.projection(_features(self.encoder, pixels)).to(self.dtype),)


class FaceEncode(nn.Module):
    """A face's tokens: its identity asks, and its crop's features answer (IP-Adapter FaceID-PlusV2)."""

    def __init__(
        self,
        encoder: CLIPVisionModelWithProjection,
        projection: IPAdapterFaceIDPlusImageProjection,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.encoder, self.projection, self.dtype = encoder, projection, dtype

    def forward(self, embedding: torch.Tensor, pixels: torch.Tensor) -> tuple[torch.Tensor]:
        """Return tokens [rows, tokens, width] of embeddings [rows, 512] and crops ``pixels`` [rows, 3, side, side].

        diffusers' own forward takes the crop from an attribute, which is nobody's input.
        """
        made = self.projection
        unit = nn.functional.normalize(embedding).to(
            made.proj_in.weight.dtype
        )  # as insightface's normed_embedding
        identity = made.norm(made.proj(unit).unflatten(1, (made.num_tokens, made.embed_dim)))
        features = made.proj_in(_features(self.encoder, pixels))
        tokens = identity
        for block in made.layers:
            tokens = block(features, tokens, tokens)
        tokens = identity + made.norm_out(made.proj_out(tokens))  # the shortcut: what is new in V2
        return (tokens.to(self.dtype),)


class IdentityEncode(nn.Module):
    """A face's tokens by its identity alone (InstantID)."""

    def __init__(self, projection: IPAdapterPlusImageProjection, dtype: torch.dtype) -> None:
        super().__init__()
        self.projection, self.dtype = projection, dtype

    def forward(self, embedding: torch.Tensor) -> tuple[torch.Tensor]:
        """Return tokens [rows, tokens, width] of embeddings [rows, 512]."""
        sequence = embedding[:, None].to(self.projection.proj_in.weight.dtype)
        return (self.projection(sequence).to(self.dtype),)


def _features(encoder: CLIPVisionModelWithProjection, pixels: torch.Tensor) -> torch.Tensor:
    """Return CLIP's hidden states before the last layer [rows, patches + 1, width]."""
    return encoder(pixels.to(encoder.dtype), output_hidden_states=True).hidden_states[-2]
