"""Which models could answer now, and why the others could not: what ``vfr models`` shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.checkout import REPOSITORY
from bridge.contracts import CONTRACTS, FIT_BODY, Backend, Contract
from bridge.registry.artifact import artifacts_folder, sha256_of
from bridge.registry.reading import Registry, load_registry


@dataclass(frozen=True)
class ModelStatus:
    """Whether a model could answer, and whose weights it stands on: its own and those of what it calls."""

    name: str
    why_not: str  # empty: ready
    artifacts: tuple[str, ...]  # "id version"
    licences: tuple[str, ...]  # SPDX
    commercial_use: bool

    @property
    def ready(self) -> bool:
        """Whether everything that the model needs is in place."""
        return not self.why_not


def model_statuses(registry: Registry | None = None) -> list[ModelStatus]:
    """Return the state of every model of the contracts, in their order.

    Args:
        registry: None reads ``configs/registry.yaml``.
    """
    registry = load_registry() if registry is None else registry
    faults = {contract.name: _fault(contract) for contract in CONTRACTS.values()}
    return [_status(contract, registry, faults) for contract in CONTRACTS.values()]


def onnx_path(model: str) -> Path:
    """Return where a converted model lies, or would lie."""
    return REPOSITORY / model / "1" / "model.onnx"


def body_path() -> Path:
    """Return where the converted body model lies, or would lie."""
    return artifacts_folder() / "bodies" / "anny.safetensors"


def report_path(model: str) -> Path:
    """Return where the report of a model's conversion lies, or would lie."""
    return artifacts_folder() / "reports" / f"{model}.json"


def _status(contract: Contract, registry: Registry, faults: Mapping[str, str]) -> ModelStatus:
    needed = _needed(contract)
    artifacts = dict.fromkeys(registry[c.artifact] for c in needed if c.artifact)
    reasons = (_reason(c, contract, faults[c.name]) for c in needed if faults[c.name])
    return ModelStatus(
        name=contract.name,
        why_not=next(reasons, ""),
        artifacts=tuple(f"{a.id} {a.version}" for a in artifacts),
        licences=tuple(dict.fromkeys(a.licence for a in artifacts)),
        commercial_use=all(a.commercial_use for a in artifacts),
    )


def _needed(contract: Contract) -> list[Contract]:
    """Return a model and all that it calls, directly or not."""
    names = dict.fromkeys((*contract.calls, *(step.model for step in contract.steps)))
    return [contract, *(needed for name in names for needed in _needed(CONTRACTS[name]))]


def _reason(needed: Contract, contract: Contract, fault: str) -> str:
    return fault if needed is contract else f"needs {needed.name}: {fault}"


def _fault(contract: Contract) -> str:
    """Say why a model's own files can't be used; empty when they can."""
    if contract.backend is Backend.ENSEMBLE:
        return ""
    if contract.backend is Backend.ONNXRUNTIME:
        return _conversion_fault(onnx_path(contract.name), report_path(contract.name), "onnx_sha256")
    if contract is FIT_BODY and (fault := body_fault()):
        return fault
    found = (REPOSITORY / contract.name / "1" / "model.py").is_file()
    return "" if found else "its model.py is missing"


def body_fault() -> str:
    """Say why the converted body model can't be used; empty when it can."""
    return _conversion_fault(body_path(), report_path("anny"), "body_sha256")


def _conversion_fault(path: Path, report: Path, key: str) -> str:
    if not path.is_file():
        return "not converted yet; run `make export`"
    try:
        recorded = json.loads(report.read_text(encoding="utf-8"))[key]
    except (OSError, ValueError, KeyError):
        return "its conversion left no report; run `make export`"
    if recorded != sha256_of(path):
        return "its file is not the one that was converted; run `make export`"
    return ""
