"""Triton entry point of `face`."""

from bridge.contracts import FACE
from bridge.perception.face import FaceFinder
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = FACE

    def load(self, models: Models) -> FaceFinder:
        return FaceFinder(detect=models["face_detection"], landmark=models["face_landmark"])
