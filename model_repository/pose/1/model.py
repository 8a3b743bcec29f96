"""Triton entry point of `pose`."""

from bridge.contracts import POSE
from bridge.perception.pose import PoseFinder
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = POSE

    def load(self, models: Models) -> PoseFinder:
        return PoseFinder(detect=models["pose_detection"], landmark=models["pose_landmark"])
