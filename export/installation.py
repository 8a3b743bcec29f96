"""How an exported network gets into a model repository: made and proven aside, with a report of it beside it."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.registry import sha256_of
from export import files
from export.precision import Precision

if TYPE_CHECKING:
    from export.proof import Proof

VERSION = "1"


@dataclass(frozen=True)
class Report:
    """What is kept of one network's export, beside it."""

    model: str
    source: str
    weights_sha256: str
    precision: str
    file: str
    file_sha256: str
    bytes: int
    seconds: float
    date: str  # ISO 8601, UTC
    proof: Proof

    @classmethod
    def of(
        cls, path: Path, source: str, weights_sha256: str, precision: Precision, begun: float, proof: Proof
    ) -> Report:
        """Report on ``<model>/1/<path>``, whose export began at ``begun`` by :func:`time.perf_counter` [s]."""
        return cls(
            model=path.parents[1].name,
            source=source,
            weights_sha256=weights_sha256,
            precision=precision.value,
            file=path.name,
            file_sha256=sha256_of(path),
            bytes=sum(file.stat().st_size for file in path.parent.iterdir()),
            seconds=round(time.perf_counter() - begun, 3),
            date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            proof=proof,
        )


@contextmanager
def staging(repository: Path) -> Iterator[Path]:
    """Give a folder on the repository's file system in which networks are made; nobody else installs meanwhile."""
    repository.mkdir(parents=True, exist_ok=True)
    with (
        files.locked(repository.parent / f"{repository.name}.installing"),
        tempfile.TemporaryDirectory(
            dir=repository.parent, prefix=f".{repository.name}.installing-"
        ) as folder,
    ):
        yield Path(folder)


def report_path(repository: Path, model: str) -> Path:
    """Return where the report of a network's export lies, or would lie."""
    return repository / model / VERSION / "report.json"


def write_report(folder: Path, report: Report) -> None:
    """Write a network's report beside it."""
    text = json.dumps(asdict(report), indent=2) + "\n"
    files.write(report_path(folder, report.model), text.encode())
