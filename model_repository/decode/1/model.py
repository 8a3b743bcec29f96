"""Triton entry point of `decode`."""

from bridge.contracts import DECODE
from bridge.imaging.decode import decode_image
from bridge.triton.model import Array, Infer, Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = DECODE

    def load(self, models: Models) -> Infer:
        return decode


def decode(photo: Array) -> dict[str, Array]:
    """Return the picture in ``photo``."""
    return {"image": decode_image(photo[0])}
