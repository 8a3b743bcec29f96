"""From a choice to networks that Triton loads: read, translate, prove, install."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.contracts import Contract
from bridge.finish.contracts import contracts
from bridge.finish.layout import Layout
from bridge.registry import Registry, load_registry
from export import onnx
from export.installation import VERSION, Report, staging, write_report
from export.precision import Precision
from export.proof import Runner, Tensors, onnx_runner, run_module
from export.sdxl import aoti, installed
from export.sdxl.choice import Choice, Target
from export.sdxl.examples import examples
from export.sdxl.layouts import make_layout
from export.sdxl.modules import networks
from export.sdxl.parts import Parts
from export.sdxl.proof import prove, references
from export.sdxl.reading import Checkpoint, read

if TYPE_CHECKING:
    import torch

Progress = Callable[[str, int, int], None]
"""Is told the network that comes next, how many are done, and how many there are."""


@dataclass(frozen=True)
class Installation:
    """What was put into a model repository."""

    layout: Layout
    reports: tuple[Report, ...]


def install(
    choice: Choice,
    repository: Path,
    *,
    registry: Registry | None = None,
    progress: Progress = lambda _name, _done, _all: None,
) -> Installation:
    """Export a checkpoint and put it into a model repository in place of what was there.

    What was installed before stays until every network is proven; then all are replaced at once.

    Args:
        choice: what to export and how.
        repository: Triton's; it need not exist.
        registry: None reads ``configs/registry.yaml``.
        progress: is told how far it has come.

    Raises:
        ArtifactMissing, ArtifactCorrupt, LicenceForbids: see :func:`export.sdxl.reading.read`.
        ConversionFailed: a network can't be translated, or computes something else than its source.
        ConfigError: the card's file can't be used.
    """
    checkpoint = read(choice, load_registry() if registry is None else registry)
    layout = make_layout(checkpoint, choice)
    with staging(repository) as staged:
        reports = _export(checkpoint, layout, choice, staged, progress)
        _write_tokenizers(checkpoint.parts, staged / "finish" / VERSION)
        installed.write_config_files(staged, layout, choice.card, choice.target)
        installed.replace(repository, staged, layout)
    return Installation(layout, tuple(reports))


def _export(
    checkpoint: Checkpoint, layout: Layout, choice: Choice, staged: Path, progress: Progress
) -> list[Report]:
    """Export and prove every network; references are computed first, since precision is lost in place."""
    known = contracts(layout)
    modules = networks(checkpoint.parts, layout)
    expected = {name: references(modules[name], contract, layout) for name, contract in known.items()}
    _cast(checkpoint.parts, choice.precision)
    reports = []
    for done, (name, contract) in enumerate(known.items()):
        progress(name, done, len(known))
        report = _one(modules[name], contract, layout, choice, staged, expected[name])
        write_report(staged, report)
        reports.append(report)
    return reports


def _cast(parts: Parts, precision: Precision) -> None:
    """Give all weights the precision, but the autoencoder's where half floats overflow in it.

    SDXL's own does; its config says so (``force_upcast``), and that of the one that was retrained for it doesn't.
    """
    import torch

    dtype = {Precision.FP32: torch.float32, Precision.FP16: torch.float16, Precision.BF16: torch.bfloat16}[
        precision
    ]
    modules = [*parts.text_encoders, parts.unet, *parts.nets.values()]
    modules += [module for module in (parts.union, parts.refiner, parts.image_encoder) if module is not None]
    if not parts.vae.config.get("force_upcast", True):
        modules.append(parts.vae)
    for module in modules:
        module.to(dtype)


def _one(
    module: torch.nn.Module,
    contract: Contract,
    layout: Layout,
    choice: Choice,
    staged: Path,
    expected: list[Tensors],
) -> Report:
    begun = time.perf_counter()
    folder = staged / contract.name / VERSION
    folder.mkdir(parents=True)
    path, run, runner = _write(module, contract, layout, choice, folder)
    proof = prove(run, runner, contract, layout, expected, choice.precision)
    return Report.of(path, layout.source, layout.sha256, choice.precision, begun, proof)


def _write(
    module: torch.nn.Module, contract: Contract, layout: Layout, choice: Choice, folder: Path
) -> tuple[Path, Runner, str]:
    """Write a network's file; return it, and what runs it for the proof, with that one's name."""
    if choice.target is Target.AOTI:
        path = folder / "model.pt2"
        aoti.write_package(module, contract, layout, path)
        return path, aoti.package_runner(path, contract), "AOTInductor"
    path = folder / "model.onnx"
    about = {"source": layout.source, "source_sha256": layout.sha256, "licence": layout.licence}
    onnx.write_onnx(module, contract, examples(contract, layout, rows=2), path, about)
    if (
        choice.precision is Precision.BF16
    ):  # onnxruntime's CPU has no kernels for it: its rounding is PyTorch's here
        return path, lambda inputs: run_module(module, contract, inputs), "PyTorch"
    return path, onnx_runner(path), "onnxruntime"


def _write_tokenizers(parts: Parts, folder: Path) -> None:
    """Write each tokenizer in transformers' form, by which ``bridge.finish.prompt`` reads it."""
    for number, tokenizer in enumerate(parts.tokenizers, 1):
        tokenizer.save_pretrained(folder / f"tokenizer_{number}")
