"""Triton entry point of `garment`."""

from bridge.contracts import GARMENT
from bridge.garment.reader import GarmentReader
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = GARMENT

    def load(self, models: Models) -> GarmentReader:
        return GarmentReader()
