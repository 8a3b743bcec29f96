"""Which models could answer now, and why the others could not: what ``vfr models`` shows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from bridge.checkout import REPOSITORY, has
from bridge.contracts import FIT_BODY, KNOWN, LEARNED, Backend, Contract
from bridge.registry.body import SMPLX_LICENCE, Body, chosen_body_fault
from bridge.registry.conversion import conversion_fault, export_report_path, onnx_path, report_path
from bridge.registry.learned import remedy
from bridge.registry.reading import Registry, load_registry


@dataclass(frozen=True)
class ModelStatus:
    """Whether a model could answer, and whose weights it stands on: its own and those of what it calls."""

    name: str
    why_not: str  # empty: ready
    artifacts: tuple[str, ...]  # "id version", or in words
    licences: tuple[str, ...]  # SPDX
    commercial_use: bool

    @property
    def ready(self) -> bool:
        """Whether everything that the model needs is in place."""
        return not self.why_not


@dataclass(frozen=True)
class _Weights:
    """What is told of the weights of one model."""

    name: str
    licence: str
    commercial_use: bool


def model_statuses(registry: Registry | None = None) -> list[ModelStatus]:
    """Return the state of every model of the contracts, in their order; last the learned scores' networks.

    Args:
        registry: None reads ``configs/registry.yaml``.
    """
    registry = load_registry() if registry is None else registry
    faults = {name: _fault(contract) for name, contract in KNOWN.items()}
    return [_status(contract, registry, faults) for contract in KNOWN.values()]


def _status(contract: Contract, registry: Registry, faults: Mapping[str, str]) -> ModelStatus:
    needed = _needed(contract)
    weights = dict.fromkeys(_weights(c, artifact, registry) for c in needed for artifact in c.artifacts)
    reasons = (_reason(c, contract, faults[c.name]) for c in needed if faults[c.name])
    return ModelStatus(
        name=contract.name,
        why_not=next(reasons, ""),
        artifacts=tuple(w.name for w in weights),
        licences=tuple(dict.fromkeys(w.licence for w in weights)),
        commercial_use=all(w.commercial_use for w in weights),
    )


def _weights(contract: Contract, artifact: str, registry: Registry) -> _Weights:
    """Return what a model stands on: its artifact, or the user's own body."""
    if contract is FIT_BODY and os.environ.get("VFR_BODY") == Body.SMPLX.value:
        return _Weights("SMPL-X, your own file", SMPLX_LICENCE, commercial_use=False)
    entry = registry[artifact]
    return _Weights(f"{entry.id} {entry.version}", entry.licence, entry.commercial_use)


def _needed(contract: Contract) -> list[Contract]:
    """Return a model and all that it calls, directly or not; of what it asks that which is installed."""
    asked = (name for name in contract.asks if has(REPOSITORY, name))
    names = dict.fromkeys((*contract.calls, *(step.model for step in contract.steps), *asked))
    return [contract, *(needed for name in names for needed in _needed(KNOWN[name]))]


def _reason(needed: Contract, contract: Contract, fault: str) -> str:
    return fault if needed is contract else f"needs {needed.name}: {fault}"


def _fault(contract: Contract) -> str:
    """Say why a model's own files can't be used; empty when they can."""
    if contract.backend is Backend.ENSEMBLE:
        return ""
    if contract.name in LEARNED:
        report = export_report_path(contract.name)
        return conversion_fault(onnx_path(contract.name), report, "file_sha256", remedy([contract.name]))
    if contract.backend is Backend.ONNXRUNTIME:
        return conversion_fault(onnx_path(contract.name), report_path(contract.name), "onnx_sha256")
    if contract is FIT_BODY and (fault := chosen_body_fault()):
        return fault
    found = (REPOSITORY / contract.name / "1" / "model.py").is_file()
    return "" if found else "its model.py is missing"
