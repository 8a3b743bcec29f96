"""The router: picks an expert, asks it, and falls back to warp with the reason where another one fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from bridge.contracts import CONTRACTS, ROUTE, WARP, DType, Expert
from bridge.errors import DrapeFailed, VfrError, WrongTensor
from bridge.route.policy import preferred

Array = npt.NDArray[np.generic]
Arrays = Mapping[str, Array]
Infer = Callable[..., Arrays]

_TYPES: Mapping[DType, type[np.generic]] = {
    DType.UINT8: np.uint8,
    DType.INT32: np.int32,
    DType.FP32: np.float32,
}


class Router:
    """Fulfils :data:`bridge.contracts.ROUTE`; it calls the experts' models by BLS."""

    def __init__(self, models: Mapping[str, Infer]) -> None:
        """Remember the models: warp, garment_mesh, fit_body, drape and splat."""
        self._models = models

    def __call__(self, *, expert: npt.NDArray[np.object_], **photos: Array) -> dict[str, Array]:
        """Lay the garment on the person; inputs and outputs as in the contract.

        Raises:
            WrongTensor: there is no such expert.
            VfrError: the expert that was asked for by name failed, or warp did.
        """
        wish = _expert(expert[0])
        if wish is Expert.DRAPE:
            return self._drape(photos, "It was asked for.")
        if wish is Expert.WARP:
            return self._warp(photos, "It was asked for.")
        choice, why = preferred(photos)
        if choice is Expert.WARP:
            return self._warp(photos, why)
        try:
            return self._drape(photos, why)
        except VfrError as fault:
            return self._warp(photos, f"{why} Yet drape failed: {fault}")

    def _warp(self, photos: Arrays, why: str) -> dict[str, Array]:
        laid = self._ask(WARP.name, photos)
        return {**_nothing(), **laid, "route_report": _report(Expert.WARP, why)}

    def _drape(self, photos: Arrays, why: str) -> dict[str, Array]:
        known = dict(photos)
        for model in ("garment_mesh", "fit_body", "drape", "splat"):
            known |= self._ask(model, known)
        reports = {name: json.loads(known[f"{name}_report"][0]) for name in ("mesh", "body", "drape")}
        if not reports["drape"]["converged"]:
            raise DrapeFailed("The garment did not come to rest on this body; use the expert `warp`.")
        known["route_report"] = _report(Expert.DRAPE, why, **reports)
        return {tensor.name: known[tensor.name] for tensor in ROUTE.outputs}

    def _ask(self, model: str, known: Arrays) -> Arrays:
        return self._models[model](**{t.name: known[t.name] for t in CONTRACTS[model].inputs})


def _expert(name: bytes) -> Expert:
    try:
        return Expert(name.decode())
    except ValueError:
        raise WrongTensor(f"expert is none of {', '.join(e.value for e in Expert)}.") from None


def _nothing() -> dict[str, Array]:
    """Return every array of the contract's outputs that only drape makes, empty."""
    return {t.name: np.zeros([max(n, 0) for n in t.shape], _TYPES[t.dtype]) for t in ROUTE.outputs[3:]}


def _report(expert: Expert, why: str, **reports: object) -> npt.NDArray[np.object_]:
    said = {"expert": expert.value, "why": why, "mesh": None, "body": None, "drape": None, **reports}
    return np.array([json.dumps(said, ensure_ascii=False).encode()], np.object_)
