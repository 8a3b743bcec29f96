"""Triton entry point of `drape`."""

from bridge.cloth.draper import Draper
from bridge.contracts import DRAPE
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = DRAPE

    def load(self, models: Models) -> Draper:
        return Draper()
