"""Triton entry point of `guides`."""

from bridge.contracts import GUIDES
from bridge.guides.guides import Guides
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = GUIDES

    def load(self, models: Models) -> Guides:
        return Guides()
