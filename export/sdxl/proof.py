"""A checkpoint's networks against PyTorch in float32, on inputs that their contracts describe."""

from __future__ import annotations

import torch

from bridge.contracts import Contract
from bridge.finish.layout import Layout
from export.precision import Precision
from export.proof import ROWS, Proof, Runner, Tensors, compare, run_module
from export.sdxl.examples import examples


def references(module: torch.nn.Module, contract: Contract, layout: Layout) -> list[Tensors]:
    """Return what PyTorch computes in float32 for each batch of :data:`export.proof.ROWS`."""
    return [run_module(module, contract, _float(inputs)) for inputs in _trials(contract, layout)]


def prove(
    run: Runner, name: str, contract: Contract, layout: Layout, expected: list[Tensors], precision: Precision
) -> Proof:
    """Compare what a runner computes with the references.

    Args:
        run: the exported network.
        name: of what runs it.
        contract: the network's.
        layout: the checkpoint's.
        expected: of :func:`references`.
        precision: in which it computes.

    Raises:
        ConversionFailed: see :func:`export.proof.compare`.
    """
    return compare(run, name, contract, _trials(contract, layout), expected, precision)


def _trials(contract: Contract, layout: Layout) -> list[Tensors]:
    return [examples(contract, layout, rows, rows) for rows in ROWS]


def _float(inputs: Tensors) -> Tensors:
    return {name: each.float() if each.is_floating_point() else each for name, each in inputs.items()}
