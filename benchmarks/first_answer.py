"""From starting a process to a model's first answer: what a restart costs its callers.

``python -m benchmarks.first_answer MODEL INPUTS.npz`` is the process: it loads the model, answers, and says so.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bridge.checkout import CHECKOUT
from bridge.contracts import CONTRACTS
from bridge.errors import InternalError
from bridge.triton.model import Array

ANSWERED = "answered"


def seconds_to_answer(model: str, known: Mapping[str, Array], folder: Path) -> float:
    """Return the time from starting a fresh Python to the model's answer [s].

    Args:
        model: its name.
        known: arrays by name, its inputs among them.
        folder: where its inputs are written for the process.

    Raises:
        InternalError: there was no answer; with what the process said last.
    """
    file = folder / f"{model}.npz"
    save(file, {tensor.name: known[tensor.name] for tensor in CONTRACTS[model].inputs})
    command = [sys.executable, "-m", "benchmarks.first_answer", model, str(file)]
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101 - tells mypy what PIPE means
        heard = process.stdout.readline().strip()
        taken = time.perf_counter() - began
        _, complaint = process.communicate()
    if heard != ANSWERED:
        raise InternalError(f"{model} did not answer: {complaint.strip().splitlines()[-1:]}")
    return taken


def save(file: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays; those of ``bytes`` objects as numpy's own bytes, which need no pickle."""
    plain = {
        name: array.astype(np.bytes_) if array.dtype == object else array for name, array in arrays.items()
    }
    with file.open("wb") as stream:
        np.savez(stream, **plain)


def load(file: Path) -> dict[str, Array]:
    """Read what :func:`save` wrote."""
    with np.load(file, allow_pickle=False) as arrays:
        return {
            name: arrays[name].astype(object) if arrays[name].dtype.kind == "S" else arrays[name]
            for name in arrays
        }


def main(model: str, file: str) -> None:
    """Load the model, ask it once and say so."""
    from bridge.triton.local import LocalModels

    LocalModels()[model](**load(Path(file)))
    sys.stdout.write(ANSWERED + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
