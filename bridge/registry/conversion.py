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


def conversion_fault(path: Path, report: Path, key: str) -> str:
    """Say why a converted file can't be used; empty when its sha256 is what ``key`` of its report says."""
    if not path.is_file():
        return "not converted yet; run `make export`"
    try:
        recorded = json.loads(report.read_text(encoding="utf-8"))[key]
    except (OSError, ValueError, KeyError):
        return "its conversion left no report; run `make export`"
    if recorded != sha256_of(path):
        return "its file is not the one that was converted; run `make export`"
    return ""
