"""Triton entry point of `hand`."""

from bridge.contracts import HAND
from bridge.perception.hand import HandFinder
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = HAND

    def load(self, models: Models) -> HandFinder:
        return HandFinder(landmark=models["hand_landmark"])
