"""Triton entry point of `faces`."""

from bridge.contracts import FACES
from bridge.perception.faces import EverybodysFaces
from bridge.perception.pose import PoseFinder
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = FACES

    def load(self, models: Models) -> EverybodysFaces:
        people = PoseFinder(models["pose_detection"], models["pose_landmark"])
        return EverybodysFaces(people, models["face_detection"], models["face_landmark"])
