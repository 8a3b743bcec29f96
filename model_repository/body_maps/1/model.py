"""Triton entry point of `body_maps`."""

from bridge.body.maps import BodyMaps
from bridge.contracts import BODY_MAPS
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = BODY_MAPS

    def load(self, models: Models) -> BodyMaps:
        return BodyMaps()
