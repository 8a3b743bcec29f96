"""Writes each network as ONNX and proves it: against PyTorch, or against the file that it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from bridge.contracts import Contract
from export.onnx import write_onnx
from export.precision import Precision
from export.proof import ROWS, Proof, compare, onnx_runner, run_module
from export.scores import aesthetic, clip, face, lpips
from export.scores.choice import Score

_READERS: Mapping[Score, Callable[..., torch.nn.Module]] = {
    Score.CLIP: clip.read,
    Score.LPIPS: lpips.read,
    Score.AESTHETIC: aesthetic.read,
}


def write(
    score: Score, sources: Sequence[Path], path: Path, about: Mapping[str, str], precision: Precision
) -> Proof:
    """Write a network as ONNX and compare what it computes with its source.

    Args:
        score: which network.
        sources: its files, in the order of :attr:`Score.files`.
        path: the ``.onnx`` file.
        about: what the file says about itself.
        precision: of its weights.

    Raises:
        ArtifactCorrupt: a file is cut short.
        ConversionFailed: a file is another network's, or what was written computes something else.
    """
    contract = score.contract
    trials = [examples(contract, rows, rows) for rows in ROWS]
    if score is Score.FACE:
        face.write(sources[0], contract, path, about)
        expected = [face.reference(sources[0], contract, inputs) for inputs in trials]
    else:
        module = _READERS[score](*sources)
        expected = [run_module(module, contract, inputs) for inputs in trials]
        if precision is Precision.FP16:
            module.half()
        write_onnx(module, contract, examples(contract, rows=2), path, about)
    return compare(onnx_runner(path), "onnxruntime", contract, trials, expected, precision)


def examples(contract: Contract, rows: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return noise in the ranges that a contract's inputs have, by name: ``[rows, *shape]``."""
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for tensor in contract.inputs:
        noise = torch.randn((rows, *tensor.shape), generator=generator)
        if tensor.name == "embedding":
            noise = torch.nn.functional.normalize(noise)
        elif tensor.name != "pixels":  # which are normalised by their statistics already
            noise = noise.tanh()
        made[tensor.name] = noise
    return made
