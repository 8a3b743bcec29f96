"""What a model is to whoever calls it, on either side of the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bridge.checkout import has
from bridge.contracts import CONTRACTS, LEARNED, Contract

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
Infer = Callable[..., Arrays]
"""Arrays by input name in, arrays by output name out: ``infer(image=...)["matte"]``. A BYTES tensor is an
object array of ``bytes``. A model with a batch dimension gets and returns it as the first axis."""

Models = Mapping[str, Infer]
"""The models that a model may call, by name."""


class Model:
    """One model of the repository: names a contract and loads the object that fulfils it.

    Each ``model_repository/<name>/1/model.py`` is a subclass; :mod:`bridge.triton.serving` runs it inside
    Triton, :mod:`bridge.triton.local` in this process.
    """

    contract: ClassVar[Contract]

    def load(self, models: Models) -> Infer:
        """Return the callable that answers one request; ``models`` holds those of :func:`callees`."""
        raise NotImplementedError


def callees(contract: Contract, repository: Path) -> Mapping[str, Contract]:
    """Return the models that a model may call, by name: all of its ``calls``, and of its ``asks`` what is installed.

    Args:
        contract: the model's.
        repository: the folder of the models' folders.
    """
    asked = {name: LEARNED[name] for name in contract.asks if has(repository, name)}
    return {name: CONTRACTS[name] for name in contract.calls} | asked


NUMPY: Mapping[str, type[np.generic]] = {
    "UINT8": np.uint8,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "BYTES": np.object_,
}
"""The numpy type of each of Triton's types that the contracts use."""
