"""Anny's body, as ``python -m export weights`` boils it down: the default."""

from __future__ import annotations

from bridge.body.linear import LinearBody
from bridge.errors import ArtifactMissing
from bridge.registry import anny_fault, anny_path


def load_anny() -> LinearBody:
    """Return the converted body.

    Raises:
        ArtifactMissing: it has not been converted, or the file is another one.
    """
    from safetensors.numpy import load_file

    if fault := anny_fault():
        raise ArtifactMissing(f"the body model Anny: {fault}")
    return LinearBody.of("anny", load_file(anny_path()))
