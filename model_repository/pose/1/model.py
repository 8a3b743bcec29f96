"""Triton entry point of `pose`."""

from bridge.contracts import POSE
from bridge.perception.pose import PoseFinder
from bridge.triton.model import Array, Arrays, Infer, Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = POSE

    def load(self, models: Models) -> Infer:
        find = PoseFinder(detect=models["pose_detection"], landmark=models["pose_landmark"])

        def pose(image: Array, person_index: Array, after: Array) -> Arrays:  # noqa: ARG001 - it only waits
            return find(image, person_index)

        return pose
