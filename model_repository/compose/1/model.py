"""Triton entry point of `compose`."""

from bridge.compose.compose import Composer
from bridge.contracts import COMPOSE
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = COMPOSE

    def load(self, models: Models) -> Composer:
        return Composer()
