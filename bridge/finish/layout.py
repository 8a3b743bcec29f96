"""What an exported finisher is made of.

The networks of one checkpoint differ from another's in their widths, controls, adapters and buckets: ``python -m export
sdxl`` writes a :class:`Layout` beside them (``finish/1/layout.json``), from which :mod:`bridge.finish.contracts` tells
each one's tensors.

A **bucket** is a size of picture, ``(width, height)`` [px], with a network of its own.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bridge.contracts import DType

Bucket = tuple[int, int]
"""Width and height of a picture [px]."""

Precision = Literal["fp32", "fp16", "bf16"]
"""The numbers in which a checkpoint's networks compute."""

UNION_KINDS = ("pose", "depth", "edge_soft", "edge", "normal", "segmentation", "tile", "repaint")
"""The controls of ControlNet-Union (xinsir, ProMax) by their index there; the first version has the first six."""


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Adapter(_Facts):
    """Pictures as prompts: tokens that the denoiser's cross-attention reads beside the text (IP-Adapter).

    * ``plus``: a picture (IP-Adapter Plus; Ye et al. 2023), by ``image_encode``;
    * ``face``: a face's embedding and its crop (IP-Adapter FaceID-PlusV2), by ``face_encode``; the LoRA that its file
      brings is merged into the denoiser, as diffusers applies it: also to rows at scale 0;
    * ``identity``: a face's embedding alone (InstantID; Wang et al. 2024), by ``identity_encode``.
    """

    name: Literal["garment", "face", "identity"]
    kind: Literal["plus", "face", "identity"]
    tokens: Annotated[int, Field(ge=1)]


class Net(_Facts):
    """A ControlNet of its own for one control (``controls`` of a request); its scale is a row's.

    ``text`` names the adapter whose tokens it reads instead of the prompt (InstantID's IdentityNet).
    """

    name: str
    text: str | None = None


class Refiner(_Facts):
    """The second denoiser; it reads the second text encoder alone."""

    text_width: int = 1280
    pooled_width: int = 1280
    time_ids: int = 5
    aesthetics: bool = Field(
        default=True, description="its last time id is an aesthetic score, not the target size"
    )
    blank_prompt: bool = Field(default=True, description="see Layout; Stability's own refiner says no")


class Shallow(_Facts):
    """The denoiser's outermost blocks as a network of their own (DeepCache; Ma et al. 2023, arXiv:2312.00858).

    What lies within changes little from one step to the next: ``denoise`` of :mod:`bridge.finish.contracts` gives it
    away as ``deep``, and ``denoise_shallow`` puts it between the blocks that it computes anew.
    """

    channels: int = Field(640, description="of `deep`, what the last block reads of those within")
    skips: int = Field(
        3, description="maps that the first block hands to the last one; ControlNets add to them"
    )
    attends: bool = Field(
        default=False, description="whether these blocks read the text (SD 1.5's do, SDXL's don't)"
    )


class Layout(_Facts):
    """Everything about an exported checkpoint that its callers must know."""

    family: Literal["sdxl", "sd15"] = "sdxl"
    source: str = Field(description="where the weights came from: a registry id, or a folder's name")
    sha256: str = Field(description="of the weights, as export read them")
    licence: str = Field(description="an SPDX identifier")
    commercial_use: bool = Field(description="whether tiers that are sold may use it")
    precision: Precision = "fp32"
    buckets: tuple[Bucket, ...]
    max_rows: Annotated[int, Field(ge=2)] = 8
    latent_channels: int = 4
    latent_scale: int = 8
    latent_factor: float = Field(0.13025, description="the VAE's scaling_factor")
    inpaint: bool = Field(
        default=False, description="the denoiser also reads a mask and the masked picture's latent"
    )
    blank_prompt: bool = Field(
        default=True, description="an empty negative prompt means zeros (force_zeros_for_empty_prompt)"
    )
    text_length: int = 77
    text_width: int = 2048
    pooled_width: int = Field(1280, description="0: the family has no pooled text (SD 1.5)")
    time_ids: int = Field(6, description="0: none (SD 1.5)")
    channels: int = Field(320, description="of the denoiser's first layer, and of every control's map")
    union_kinds: int = Field(
        0, description="how many of UNION_KINDS the fused ControlNet-Union knows; 0: it has none"
    )
    nets: tuple[Net, ...] = ()
    adapters: tuple[Adapter, ...] = ()
    image_side: int = Field(224, description="of the pictures that the image encoder reads [px]")
    face_width: int = Field(512, description="of a face's embedding")
    refiner: Refiner | None = None
    shallow: Shallow | None = Field(None, description="None: no network for `deep_every` was exported")
    scheduler: dict[str, object] = Field(
        description="scheduler_config.json of the checkpoint, with its _class_name"
    )

    def latent_size(self, bucket: Bucket) -> tuple[int, int]:
        """Return a bucket's latent height and width."""
        width, height = bucket
        return height // self.latent_scale, width // self.latent_scale

    @property
    def half(self) -> DType:
        """The type of what stays the same over all steps: texts, tokens, maps."""
        return DType.FP16 if self.precision == "fp16" else DType.FP32


def bucket_name(bucket: Bucket) -> str:
    """Return ``1024x1344`` for ``(1024, 1344)``."""
    return f"{bucket[0]}x{bucket[1]}"
