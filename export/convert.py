"""From an artifact of the registry to a model that Triton loads: fetch, translate, prove, install."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from bridge.contracts import CONTRACTS
from bridge.registry import Artifact, Registry, onnx_path, report_path, sha256_of
from export import files
from export.download import Progress, ignore
from export.fetch import fetch
from export.parity import Proof, prove
from export.recipes import RECIPES


@dataclass(frozen=True)
class Report:
    """What is kept of a conversion; ``bridge.registry`` compares ``onnx_sha256`` with the installed file."""

    model: str
    artifact: str
    artifact_version: str
    source_sha256: str
    onnx_sha256: str
    onnx_bytes: int
    translator_sha256: str
    date: str  # ISO 8601, UTC
    proof: Proof


def install(
    model: str, registry: Registry, *, force: bool = False, progress: Progress = ignore
) -> Report | None:
    """Fetch a model's weights, translate and prove them, and put the result where Triton reads it.

    What was installed before stays until the new file is proven; then it is replaced at once.

    Args:
        model: a model of :data:`export.recipes.RECIPES`.
        registry: says where the weights come from.
        force: convert even what is current.
        progress: is told how much of the weights is here.

    Returns:
        The report, or None when there was nothing to do.

    Raises:
        ArtifactMissing: the weights can't be had from here.
        ArtifactCorrupt: what came is not what the registry names.
        ConversionFailed: the translation is impossible or computes something else than its source.
    """
    artifact = registry[CONTRACTS[model].artifacts[0]]
    with files.locked(report_path(model)):
        if not force and is_current(model, registry):
            return None
        source = fetch(artifact, progress).read_bytes()
        translation = _translate(model, artifact, source)
        proof = prove(source, translation, CONTRACTS[model], RECIPES[model])
        report = _report(model, artifact, translation, proof)
        files.write(onnx_path(model), translation)
        text = json.dumps(dataclasses.asdict(report), indent=2) + "\n"
        files.write(report_path(model), text.encode())
    return report


def is_current(model: str, registry: Registry) -> bool:
    """Tell whether the installed model came from the registry's weights through this very translator."""
    path, artifact = onnx_path(model), registry[CONTRACTS[model].artifacts[0]]
    try:
        report = json.loads(report_path(model).read_text(encoding="utf-8"))
        made_from = (report["source_sha256"], report["translator_sha256"])
        return made_from == (artifact.sha256, translator_sha256()) and report["onnx_sha256"] == sha256_of(
            path
        )
    except (OSError, ValueError, KeyError):
        return False


def translator_sha256() -> str:
    """Return the sha256 of the code that translates, so that a change of it converts everything anew."""
    modules = ("litert", "graph", "operators", "translate", "recipes", "parity")
    sources = (Path(__file__).with_name(f"{module}.py").read_bytes() for module in modules)
    return hashlib.sha256(b"".join(sources)).hexdigest()


def _translate(model: str, artifact: Artifact, source: bytes) -> bytes:
    from export.litert import parse  # both load slowly, and most runs find everything current
    from export.translate import translate

    metadata = {
        "artifact": artifact.id,
        "artifact_version": artifact.version,
        "source_sha256": artifact.sha256,
        "licence": artifact.licence,
        "attribution": artifact.attribution,
    }
    return translate(parse(source), CONTRACTS[model], RECIPES[model].sources, metadata)


def _report(model: str, artifact: Artifact, translation: bytes, proof: Proof) -> Report:
    return Report(
        model=model,
        artifact=artifact.id,
        artifact_version=artifact.version,
        source_sha256=artifact.sha256,
        onnx_sha256=hashlib.sha256(translation).hexdigest(),
        onnx_bytes=len(translation),
        translator_sha256=translator_sha256(),
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        proof=proof,
    )
