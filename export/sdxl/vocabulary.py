"""CLIP's tokenizer from its published list of merges, for checkpoints that come in one file without it.

The list is ``bpe_simple_vocab_16e6.txt.gz`` of OpenAI's CLIP (https://github.com/openai/CLIP, MIT), of which the first
48894 merges are used; the vocabulary is the 256 bytes, the same at the end of a word, the merges, and two marks.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

_MERGES = 49152 - 256 - 2
_START, _END = "<|startoftext|>", "<|endoftext|>"
LENGTH = 77
"""Tokens of a prompt, the two marks among them."""


def write_tokenizer(merges_file: Path, folder: Path, padding: str = _END) -> CLIPTokenizer:
    """Write a tokenizer in transformers' form.

    Args:
        merges_file: the published list.
        folder: gets ``tokenizer.json`` and ``tokenizer_config.json``.
        padding: what fills a prompt up; SDXL's second tokenizer has ``!``.
    """
    from transformers import CLIPTokenizer

    lines = gzip.decompress(merges_file.read_bytes()).decode().rstrip("\n").split("\n")[1 : _MERGES + 1]
    letters = _letters()
    words = [*letters, *(f"{letter}</w>" for letter in letters), *(line.replace(" ", "") for line in lines)]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {word: index for index, word in enumerate([*words, _START, _END])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *lines, ""]), encoding="utf-8")
    made = CLIPTokenizer.from_pretrained(folder, model_max_length=LENGTH, pad_token=padding)
    made.save_pretrained(folder)
    return made


def _letters() -> list[str]:
    """Return a printable letter for each byte, printable bytes first (GPT-2's ``bytes_to_unicode``)."""
    printable = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    others = range(256 + len(set(range(256)) - set(printable)))
    return [chr(code) for code in [*printable, *others[256:]]]
