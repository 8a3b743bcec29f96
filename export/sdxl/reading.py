"""Brings what a choice names: every part of a checkpoint, checked, with its licence and its sha256."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch

from bridge.errors import ArtifactMissing, ConversionFailed
from bridge.finish.layout import Adapter
from bridge.registry import Registry, require
from export.sdxl.adapters import load_adapters
from export.sdxl.architectures import ARCHITECTURES
from export.sdxl.choice import Choice, Family
from export.sdxl.fitting import check_buckets, check_fit
from export.sdxl.folder import read_index, read_json, read_part, read_weights
from export.sdxl.lora import merge
from export.sdxl.origins import ORIGINS, origin
from export.sdxl.parts import Parts
from export.sdxl.single import BASE, REFINER, SD15, read_pipeline
from export.sdxl.weights import Weights, combined, files, find
from export.weights import digest

if TYPE_CHECKING:
    from diffusers import SchedulerMixin, UNet2DConditionModel

_Module = TypeVar("_Module", bound=torch.nn.Module)

IDENTITY_NET = "identity"
"""The name of the ControlNet that reads a face's tokens, among the nets."""


@dataclass(frozen=True)
class Checkpoint:
    """What was read and what is known of it; the indices are the ``model_index.json`` of base and refiner."""

    parts: Parts
    adapters: tuple[Adapter, ...]
    index: Mapping[str, object]
    refiner_index: Mapping[str, object]
    name: str
    sha256: str
    licence: str
    commercial_use: bool


def read(choice: Choice, registry: Registry) -> Checkpoint:
    """Read everything that a choice names.

    Raises:
        ArtifactMissing: a file is not here; the message says where it comes from and under which licence.
        ArtifactCorrupt: a file is another one than the registry's, or cut short.
        LicenceForbids: the tier may not use it.
        ConversionFailed: weights are pickled, quantised, or don't fit together.
    """
    _silence()
    return _Reader(choice, registry).read()


@dataclass
class _Reader:
    """Reads one choice and remembers where everything came from."""

    choice: Choice
    registry: Registry
    sources: list[Weights] = field(default_factory=list)
    paths: dict[str, list[Path]] = field(default_factory=dict)
    index: Mapping[str, object] = field(default_factory=dict)
    refiner_index: Mapping[str, object] = field(default_factory=dict)

    def read(self) -> Checkpoint:
        parts = self._base()
        parts = replace(parts, nets=self._nets(), refiner=self._refiner(), **self._companions())
        loras = [(self._find(word), scale) for word, scale in self.choice.loras]
        for found, scale in loras:
            merge(files(found.path)[0], scale, _mergeable(parts))
        adapters = load_adapters(parts.unet, {name: self._file(name) for name in self.choice.adapters})
        check_fit(parts, adapters)
        check_buckets(parts, self.choice.buckets)
        licence, commercial_use = combined(self.sources)
        sha256 = digest(self.paths, [(str(found.path), scale) for found, scale in loras])
        name = self.sources[0].name
        return Checkpoint(
            parts, adapters, self.index, self.refiner_index, name, sha256, licence, commercial_use
        )

    def _base(self) -> Parts:
        path = self._find(self.choice.source).path
        if path.is_file():
            self.paths["source"] = [path]
            return self._single(path)
        self.index = read_index(path)
        return self._folder(path)

    def _single(self, path: Path) -> Parts:
        sdxl = self.choice.family is Family.SDXL
        made = read_pipeline(path, BASE if sdxl else SD15, self._vocabulary()).components
        count = ("", "_2") if sdxl else ("",)
        return Parts(
            unet=made["unet"].eval(),
            vae=self._vae() or made["vae"].eval(),
            text_encoders=tuple(made[f"text_encoder{n}"].eval() for n in count),
            tokenizers=tuple(made[f"tokenizer{n}"] for n in count),
            scheduler=made["scheduler"],
        )

    def _folder(self, path: Path) -> Parts:
        import transformers
        from diffusers import AutoencoderKL, UNet2DConditionModel
        from transformers import CLIPTextModel, CLIPTextModelWithProjection

        encoders: list[CLIPTextModel | CLIPTextModelWithProjection] = [
            self._part(CLIPTextModel, path, "text_encoder")
        ]
        tokenizers = ["tokenizer"]
        if self.choice.family is Family.SDXL:
            encoders.append(self._part(CLIPTextModelWithProjection, path, "text_encoder_2"))
            tokenizers.append("tokenizer_2")
        return Parts(
            unet=self._part(UNet2DConditionModel, path, "unet"),
            vae=self._vae() or self._part(AutoencoderKL, path, "vae"),
            text_encoders=tuple(encoders),
            tokenizers=tuple(
                transformers.CLIPTokenizer.from_pretrained(path / name, local_files_only=True)
                for name in tokenizers
            ),
            scheduler=self._scheduler(path / "scheduler"),
        )

    def _scheduler(self, folder: Path) -> SchedulerMixin:
        import diffusers

        path = folder / "scheduler_config.json"
        if not path.is_file():
            raise ArtifactMissing(f"{path} is missing; {origin(self.choice.family.value, self.registry)}")
        made = getattr(diffusers, str(read_json(path).get("_class_name")), None)
        if made is None:
            raise ConversionFailed(
                f"{path} names no scheduler of diffusers; use the checkpoint as it was published"
            )
        return made.from_pretrained(folder, local_files_only=True)

    # --- one part ----------------------------------------------------------------------------------------

    def _find(self, word: str) -> Weights:
        found = find(word, self.choice, self.registry)
        self.sources.append(found)
        return found

    def _part(self, made: type[_Module], folder: Path, name: str, kind: str = "") -> _Module:
        """Read a part of a folder; ``kind`` is what it is called when it isn't the base's (``ControlNet pose``)."""
        said = origin(kind or self.choice.family.value, self.registry)
        self.paths[f"{kind}/{name}"] = files(folder / name if name else folder, said)
        return read_part(made, folder, name, said)

    def _companion(self, made: type[_Module], kind: str, word: str, architecture: str) -> _Module:
        """Read a part that was named on its own: a folder, or a file whose tensors have its own names."""
        path = self._find(word).path
        if path.is_dir():
            return self._part(made, path, "", kind)
        self.paths[kind] = [path]
        network = ARCHITECTURES[architecture].make()
        read_weights(network, path)
        assert isinstance(network, made)  # noqa: S101 - tells the type checker what the table says
        return network

    def _vae(self) -> torch.nn.Module | None:
        from diffusers import AutoencoderKL

        word = self.choice.vae
        return self._companion(AutoencoderKL, "vae", word, "vae") if word else None

    def _companions(self) -> dict[str, torch.nn.Module]:
        """Read what lies in the source's own folder, or was named: ControlNet-Union and the image encoder."""
        from diffusers import ControlNetUnionModel
        from transformers import CLIPVisionModelWithProjection

        base = Path(self.choice.source)
        known = (
            ("union", ControlNetUnionModel, "controlnet", self.choice.controlnet, "union"),
            (
                "image_encoder",
                CLIPVisionModelWithProjection,
                "image_encoder",
                self.choice.image_encoder,
                "image_encoder",
            ),
        )
        found = {}
        for field_, made, kind, word, architecture in known:
            if word:
                found[field_] = self._companion(made, kind, word, architecture)
            elif (base / kind).is_dir():
                found[field_] = self._part(made, base, kind, kind)
        return found

    def _nets(self) -> dict[str, torch.nn.Module]:
        from diffusers import ControlNetModel

        words = dict(self.choice.nets)
        if self.choice.identity_net:
            words[IDENTITY_NET] = self.choice.identity_net
        return {
            name: self._companion(ControlNetModel, f"ControlNet {name}", word, "controlnet")
            for name, word in words.items()
        }

    def _refiner(self) -> UNet2DConditionModel | None:
        from diffusers import UNet2DConditionModel

        if not self.choice.refiner:
            return None
        path = self._find(self.choice.refiner).path
        if path.is_dir():
            self.refiner_index = read_index(path)
            return self._part(
                UNet2DConditionModel, path, "unet" if (path / "unet").is_dir() else "", "refiner"
            )
        self.paths["refiner"] = [path]
        self.refiner_index = {"force_zeros_for_empty_prompt": False, "requires_aesthetics_score": True}
        return read_pipeline(path, REFINER, self._vocabulary()).components["unet"].eval()

    def _file(self, adapter: str) -> Path:
        found = self._find(self.choice.adapters[adapter]).path
        self.paths[adapter] = files(found, origin(adapter, self.registry))
        return found

    def _vocabulary(self) -> Path:
        return require(self.registry[ORIGINS["tokenizer"]], self.choice.tier)


def _silence() -> None:
    """Keep the libraries' progress bars and advice from this command's user."""
    from diffusers.utils import logging as of_diffusers
    from transformers.utils import logging as of_transformers

    for library in (of_diffusers, of_transformers):
        library.set_verbosity_error()
        library.disable_progress_bar()


def _mergeable(parts: Parts) -> dict[str, torch.nn.Module]:
    """Return the networks that a LoRA may change, by diffusers' names."""
    encoders = zip(("text_encoder", "text_encoder_2"), parts.text_encoders, strict=False)
    return {"unet": parts.unet, **dict(encoders)}
