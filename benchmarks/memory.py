"""Whether the finisher fits in a card's memory: what always lies there, what takes turns, what else there is.

The weights are those of the installed networks, or of their architectures where none are installed. What a network
needs beside them while it computes was measured on that card (``benchmarks/results/finisher-<card>.json``), or is
counted on torch's device meta (:mod:`benchmarks.activations`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypedDict

import torch

from benchmarks.activations import weight, workspace
from benchmarks.finisher_networks import layout, modules, parts
from bridge.checkout import REPOSITORY
from bridge.contracts import CONTRACTS, LEARNED, Backend, Contract
from bridge.errors import ConfigError
from bridge.finish.contracts import contracts
from bridge.finish.layout import Bucket, Layout, bucket_name
from export.cards import Card, Device, find_card, role
from export.sdxl.examples import examples
from export.sdxl.installed import layout_path

Target = Literal["onnx", "tensorrt", "aoti"]

MIB = 2**20
RESULTS = Path(__file__).parent / "results"

CONTEXT_MIB = 800
"""Of the server: CUDA's context, cuBLAS's and cuDNN's code (facts: 500 to 1000)."""
POOL_MIB = 512
"""Triton's own (--cuda-memory-pool-byte-size), through which tensors travel between models."""
PROCESS_MIB = 1024
"""Of each other process that computes on the card (triton-inference-server/server, issue 5196)."""
CONTROLS = 5
"""Of a picture of the product's tiers (``configs/pipeline.yaml``); they are embedded at once."""
DENOISERS = ("denoise", "denoise_shallow", "refine")
SESSION_MIB = 150
"""Of each small network of perception: its arena and cuDNN's scratch; an estimate."""


class Network(TypedDict):
    """What one network takes [MiB]."""

    name: str
    rows: int
    weights: int
    weights_from: Literal["file", "architecture"]
    workspace: int
    workspace_from: Literal["measured", "counted"]
    takes_turns: bool


class Memory(TypedDict):
    """What there is, and what is needed [MiB]."""

    card: str
    device: str
    source: str
    precision: str
    target: Target
    networks: list[Network]
    weights: int
    workspace_resident: int
    workspace_shared: int
    others: dict[str, int]
    needed: int
    usable: int
    fits: bool
    further_bucket: int
    """What each further size of picture would take: Triton's models share no weights."""


def run(name: str, file: Path | None, target: Target, buckets: tuple[Bucket, ...]) -> Memory:
    """Return what the finisher needs of a card.

    Args:
        name: of the card in ``configs/gpu``.
        file: a ``layout.json``; without it the installed checkpoint's, or else the product's in full size.
        target: what runs the networks.
        buckets: sizes of picture that are loaded; none given: the layout's, of the product's the first.

    Raises:
        ConfigError: there is no such card, or it has no memory of its own; or a bucket that the layout hasn't.
    """
    card = find_card(name)
    if card.device is None:
        raise ConfigError(f"the card '{name}' has no memory of its own; choose another of configs/gpu")
    chosen = _layout(file, card, buckets)
    found = _networks(chosen, card, target, measured(name, chosen.precision))
    return _summed(name, card, card.device, chosen, target, found)


def _layout(file: Path | None, card: Card, buckets: tuple[Bucket, ...]) -> Layout:
    installed = layout_path(REPOSITORY)
    path = file or (installed if installed.is_file() else None)
    if path is None:
        product = layout(card.finisher.precision)
        return product.model_copy(update={"buckets": buckets or product.buckets[:1]})
    known = Layout.model_validate_json(path.read_bytes())
    if unknown := set(buckets) - set(known.buckets):
        raise ConfigError(
            f"{path.name} has no bucket {', '.join(map(bucket_name, unknown))}; it has "
            f"{', '.join(map(bucket_name, known.buckets))}"
        )
    return known.model_copy(update={"buckets": buckets or known.buckets})


def measured(card: str, precision: str, folder: Path = RESULTS) -> Mapping[tuple[str, int], int]:
    """Return the workspaces that a run on the card found [MiB], by network and rows."""
    path = folder / f"finisher-{card}.json"
    if not path.is_file():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    if found["precision"] != precision or found["tiny"]:
        return {}
    rows = (row for section in found["sections"].values() for row in section["rows"])
    return {
        (row["network"], row["rows"]): row["workspace_mib"] for row in rows if row.get("column") == "eager"
    }


def _networks(
    layout: Layout, card: Card, target: Target, known: Mapping[tuple[str, int], int]
) -> list[Network]:
    """Return what each network takes, in full size."""
    made = modules(parts(layout, "meta"), layout, "meta")
    found = []
    for contract in contracts(layout).values():
        name, rows = contract.name, _rows(contract, layout, card)
        file, own = _installed(name), known.get((name, rows))
        counted = _workspace(made[name], contract, layout, rows) if own is None else 0
        found.append(Network(
            name=name, rows=rows, weights=round((file or weight(made[name])) / MIB),
            weights_from="file" if file else "architecture",
            workspace=counted if own is None else own, workspace_from="counted" if own is None else "measured",
            takes_turns=target != "tensorrt" and card.tuning(name).exclusive is not None,
        ))  # fmt: skip
    return found


def _workspace(module: torch.nn.Module, contract: Contract, layout: Layout, rows: int) -> int:
    largest = layout.model_copy(
        update={"buckets": (max(layout.buckets, key=lambda size: size[0] * size[1]),)}
    )
    inputs = examples(contract, largest, rows).values()
    return round(workspace(module, (tensor.to("meta") for tensor in inputs)) / MIB)


def _rows(contract: Contract, layout: Layout, card: Card) -> int:
    """Return the most rows that come at once: of the denoisers by the card's profile, of others one job's."""
    what = role(contract.name)
    for bucket in layout.buckets:
        if contract.name == f"{what}_{bucket_name(bucket)}" and what in DENOISERS:
            return min(card.finisher.rows_of(bucket).max, contract.max_batch)
    return {"control_embed": CONTROLS, "vae_encode": 1, "vae_decode": 1}.get(what, 2)


def _installed(network: str) -> int:
    """Return what the files of an installed network weigh [bytes]; 0: it isn't installed."""
    folder = REPOSITORY / network / "1"
    weights = (path for path in folder.glob("*") if path.name.startswith("model."))
    return sum(path.stat().st_size for path in weights)


def _summed(
    name: str, card: Card, device: Device, layout: Layout, target: Target, found: list[Network]
) -> Memory:
    weights = sum(each["weights"] for each in found)
    resident = sum(each["workspace"] for each in found if not each["takes_turns"])
    shared = max((each["workspace"] for each in found if each["takes_turns"]), default=0)
    others = _others(card)
    needed = weights + resident + shared + sum(others.values())
    first = bucket_name(layout.buckets[0])
    again = [each for each in found if each["name"].endswith(first)]
    alone = sum(each["workspace"] for each in again if not each["takes_turns"])
    return Memory(
        card=name, device=device.name, source=layout.source, precision=layout.precision, target=target, networks=found,
        weights=weights, workspace_resident=resident, workspace_shared=shared, others=others, needed=needed,
        usable=device.memory_mib, fits=needed <= device.memory_mib,
        further_bucket=sum(each["weights"] for each in again) + alone,
    )  # fmt: skip


def _others(card: Card) -> dict[str, int]:
    """Return what else lies on the card [MiB]."""
    on_card = [contract for contract in CONTRACTS.values() if card.tuning(contract.name).kind == "gpu"]
    sessions = sum(
        card.tuning(each.name).instances for each in on_card if each.backend is Backend.ONNXRUNTIME
    )
    processes = sum(each.backend is Backend.PYTHON for each in on_card)
    learned = [name for name in LEARNED if card.tuning(name).kind == "gpu" and _installed(name)]
    found = {
        "the server's CUDA context": CONTEXT_MIB,
        "Triton's memory pool": POOL_MIB,
        "perception's networks": SESSION_MIB * sessions,
        "the learned scores' networks": sum(round(_installed(each) / MIB) + SESSION_MIB for each in learned),
        "other processes' CUDA contexts": PROCESS_MIB * processes,
    }
    return {what: size for what, size in found.items() if size}
