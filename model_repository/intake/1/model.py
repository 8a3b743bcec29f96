"""Triton entry point of `intake`."""

from bridge.contracts import INTAKE
from bridge.imaging.intake import take_in
from bridge.triton.model import Array, Arrays, Infer, Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = INTAKE

    def load(self, models: Models) -> Infer:
        return intake


def intake(person: Array, garment: Array, mask: Array, format: Array) -> Arrays:  # noqa: A002 - the tensor's name
    """Return the decoded pictures of one try-on."""
    taken = take_in(person[0], garment[0], mask[0], format[0])
    return {"image": taken.person, "garment_image": taken.garment, "region": taken.region}
