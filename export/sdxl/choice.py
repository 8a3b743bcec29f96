"""What is exported, from where and how: the command line's words, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from bridge.errors import ConfigError
from bridge.finish.layout import Bucket
from bridge.registry import Tier
from export.precision import Precision


class Family(str, Enum):
    """Which network a checkpoint is."""

    SDXL = "sdxl"
    SD15 = "sd15"


class Target(str, Enum):
    """What runs the networks: onnxruntime, TensorRT (built from the same ONNX), or a compiled PyTorch package."""

    ONNX = "onnx"
    TENSORRT = "tensorrt"
    AOTI = "aoti"


class Format(str, Enum):
    """Numbers of eight bits, for networks that are installed already."""

    INT8 = "int8"
    FP8 = "fp8"


ADAPTERS = ("garment", "face", "identity")
"""The pictures that may be prompts; see :class:`bridge.finish.layout.Adapter`."""

_BUCKET = re.compile(r"([1-9]\d{1,4})x([1-9]\d{1,4})")


@dataclass(frozen=True)
class Choice:
    """What is exported. Each source is a folder, a file, or an id of ``configs/registry.yaml``.

    Args:
        source: the checkpoint: a diffusers folder, or a single safetensors file.
        buckets: the sizes of pictures, ``(width, height)`` [px].
        vae: another autoencoder than the checkpoint's own.
        refiner: SDXL's second denoiser.
        controlnet: a ControlNet-Union; None takes the folder ``controlnet`` of the source, if it has one.
        nets: ControlNets for one control each, by the control's name.
        adapters: files of adapters by the names of :data:`ADAPTERS`.
        image_encoder: what reads an adapter's pictures; None takes the folder ``image_encoder`` of the source.
        identity_net: the ControlNet that reads the adapter ``identity``'s tokens (InstantID).
        loras: low-rank changes of the weights, merged in with these scales.
        licence: of sources that are not the registry's, an SPDX identifier.
        commercial_use: whether that licence allows it.
        tier: what the networks are for; tiers that are sold refuse weights for research.
        max_rows: the most rows of one batch of the denoiser.
        card: a file of ``configs/gpu``.
        shallow: whether the denoiser's outermost blocks become a network of their own, for ``deep_every``.
    """

    source: str
    buckets: tuple[Bucket, ...]
    family: Family = Family.SDXL
    precision: Precision = Precision.FP32
    target: Target = Target.ONNX
    vae: str | None = None
    refiner: str | None = None
    controlnet: str | None = None
    nets: Mapping[str, str] = field(default_factory=dict)
    adapters: Mapping[str, str] = field(default_factory=dict)
    image_encoder: str | None = None
    identity_net: str | None = None
    loras: tuple[tuple[str, float], ...] = ()
    licence: str | None = None
    commercial_use: bool = False
    tier: Tier = Tier.PRO
    max_rows: int = 8
    card: str = "cpu"
    shallow: bool = False

    def __post_init__(self) -> None:
        if not self.buckets:
            raise ConfigError("name at least one bucket, such as --bucket 1024x1344")
        for unknown in set(self.adapters) - set(ADAPTERS):
            raise ConfigError(f"there is no adapter {unknown!r}; an adapter is {', '.join(ADAPTERS)}")
        if self.family is Family.SD15 and self.refiner:
            raise ConfigError("SD 1.5 has no refiner; leave --refiner out")
        if self.identity_net and "identity" not in self.adapters:
            raise ConfigError(
                "an identity net reads the adapter identity's tokens; give --adapter identity=FILE"
            )


def parse_bucket(text: str) -> Bucket:
    """Read ``1024x1344``: width times height [px].

    Raises:
        ConfigError: it is no such text.
    """
    if not (match := _BUCKET.fullmatch(text)):
        raise ConfigError(f"{text!r} is no bucket; write width x height in pixels, such as 1024x1344")
    return int(match[1]), int(match[2])


def parse_named(text: str) -> tuple[str, str]:
    """Read ``pose=DIR``.

    Raises:
        ConfigError: it has no name or nothing after it.
    """
    name, _, source = text.partition("=")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not source:
        raise ConfigError(f"{text!r} names nothing; write name=folder, such as pose=controlnets/openpose")
    return name, source


def parse_lora(text: str) -> tuple[str, float]:
    """Read ``FILE:SCALE``; without a scale it is 1.

    Raises:
        ConfigError: the scale is no number in [-4, 4].
    """
    path, colon, scale = text.rpartition(":")
    if not colon or Path(text).suffix == ".safetensors":
        return text, 1.0
    try:
        value = float(scale)
    except ValueError:
        value = float("nan")
    if not -4.0 <= value <= 4.0:
        raise ConfigError(f"the scale of {path} is {scale!r}; write FILE:SCALE with a number from -4 to 4")
    return path, value
