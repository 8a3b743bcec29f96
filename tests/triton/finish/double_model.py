"""A denoiser's double that goes wrong, or takes its time, as its model's name says; copied into the repository."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from bridge.errors import InternalError
from bridge.triton.model import Arrays
from bridge.triton.serving import failure, success
from bridge.triton.stub import Request, Response

SECONDS = 0.2
"""How long the slow one takes [s]."""


class TritonPythonModel:
    """Predicts no noise."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Find out which one it is."""
        self._name = args["model_name"]

    def execute(self, requests: Sequence[Request]) -> list[Response]:
        """Answer a batch."""
        if self._name == "denoise_96x192":
            time.sleep(SECONDS)
        return [self._answer({t.name(): t.as_numpy() for t in request.inputs()}) for request in requests]

    def _answer(self, arrays: Arrays) -> Response:
        if self._name == "denoise_96x160":
            return failure(InternalError(f"{self._name}: the card has fallen off the bus"))
        value = np.nan if self._name == "denoise_96x128" else 0.0
        return success({"noise": np.full_like(arrays["latent"], value)})
