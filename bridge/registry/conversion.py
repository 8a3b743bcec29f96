"""What `python -m export weights` made: where it lies, and whether it is still what was made."""

from __future__ import annotations

import json
from pathlib import Path

from bridge.checkout import REPOSITORY
from bridge.registry.artifact import artifacts_folder, sha256_of


def onnx_path(model: str) -> Path:
    """Return where a converted model lies, or would lie."""
    return REPOSITORY / model / "1" / "model.onnx"


def report_path(model: str) -> Path:
    """Return where the report of a model's conversion lies, or would lie."""
    return artifacts_folder() / "reports" / f"{model}.json"


def export_report_path(network: str) -> Path:
    """Return where the report of a learned score's network lies, or would lie: beside it."""
    return REPOSITORY / network / "1" / "report.json"


def conversion_fault(path: Path, report: Path, key: str, remedy: str = "run `make export`") -> str:
    """Say why a converted file can't be used; empty when its sha256 is what ``key`` of its report says.

    A large network's weights lie beside its file, and what the report says of ``bytes`` counts them.

    Args:
        path: the file.
        report: of its conversion.
        key: of the sha256 in it.
        remedy: what to do when it can't be used.
    """
    if not path.is_file():
        return f"not converted yet; {remedy}"
    try:
        told = json.loads(report.read_text(encoding="utf-8"))
        recorded = told[key]
    except (OSError, ValueError, KeyError):
        return f"its conversion left no report; {remedy}"
    found = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
    if recorded != sha256_of(path) or told.get("bytes", found) != found:
        return f"its file is not the one that was converted; {remedy}"
    return ""
