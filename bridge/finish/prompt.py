"""Words to what the denoiser reads: tokens in CLIP's form, hidden states, and SDXL's facts about the picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer

from bridge.finish.layout import Bucket, Layout
from bridge.finish.networks import Network, Tensors

AESTHETIC = (2.5, 6.0)
"""Aesthetic scores of the unconditional row and the other: diffusers' StableDiffusionXLImg2ImgPipeline."""


@dataclass(frozen=True)
class Prompt:
    """Two rows, the unconditional one first: ``text`` [2, length, width] and ``pooled`` [2, width] (SD 1.5: None).

    ``empty`` tells whether the negative prompt was.
    """

    text: torch.Tensor
    pooled: torch.Tensor | None
    empty: bool

    def rows(self, *, blank: bool, width: int | None = None) -> Tensors:
        """Return a denoiser's inputs.

        Args:
            blank: whether an empty negative prompt means zeros.
            width: of the text that it reads: the last columns, those of the last encoder.
        """
        inputs = {"text": self.text if width is None else self.text[..., -width:]}
        if self.pooled is not None:
            inputs["pooled"] = self.pooled
        return {name: _blanked(rows) for name, rows in inputs.items()} if blank and self.empty else inputs


def tokenizers(folder: Path, layout: Layout) -> tuple[Tokenizer, ...]:
    """Return the tokenizer of each text encoder, which pads and cuts as CLIP's.

    Args:
        folder: holds ``tokenizer_1`` and, of SDXL, ``tokenizer_2``, as transformers saves them.
        layout: of the checkpoint.
    """
    count = 2 if layout.family == "sdxl" else 1
    return tuple(tokenizer(folder / f"tokenizer_{n + 1}", layout.text_length) for n in range(count))


def tokenizer(folder: Path, length: int) -> Tokenizer:
    """Return the tokenizer of ``tokenizer.json``; ``tokenizer_config.json`` beside it names what it pads with."""
    made: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    said = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))["pad_token"]
    padding = said["content"] if isinstance(said, dict) else said
    made.enable_truncation(length)
    made.enable_padding(length=length, pad_id=made.token_to_id(padding) or 0, pad_token=padding)
    return made


async def encode(
    network: Network, words: Sequence[Tokenizer], negative: str, positive: str, device: str
) -> Prompt:
    """Return a prompt and its negative, encoded in one call."""
    ids = {
        f"ids_{n}": torch.tensor(
            [row.ids for row in encoder.encode_batch([negative, positive])], device=device
        )
        for n, encoder in enumerate(words, 1)
    }
    found = await network(**ids)
    return Prompt(found["text"], found.get("pooled"), empty=not negative)


def time_ids(layout: Layout, bucket: Bucket, device: str) -> Tensors:
    """Return SDXL's micro-conditioning (Podell et al. 2023, 2.2): the size, nothing cropped, the target's size."""
    if not layout.time_ids:
        return {}
    width, height = bucket
    row = torch.tensor([height, width, 0, 0, height, width], dtype=torch.float32, device=device)
    return {"time_ids": row.expand(2, -1)}


def refiner_ids(layout: Layout, bucket: Bucket, device: str) -> Tensors:
    """Return the refiner's: the size, nothing cropped, and each row's aesthetic score."""
    if layout.refiner is None or not layout.refiner.aesthetics:
        return time_ids(layout, bucket, device)
    width, height = bucket
    rows = [[height, width, 0, 0, score] for score in AESTHETIC]
    return {"time_ids": torch.tensor(rows, dtype=torch.float32, device=device)}


def _blanked(rows: torch.Tensor) -> torch.Tensor:
    return torch.cat([torch.zeros_like(rows[:1]), rows[1:]])
