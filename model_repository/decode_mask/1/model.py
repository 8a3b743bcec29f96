"""Triton entry point of `decode_mask`."""

from bridge.contracts import DECODE_MASK
from bridge.imaging.decode import decode_mask
from bridge.triton.model import Array, Infer, Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = DECODE_MASK

    def load(self, models: Models) -> Infer:
        return region_of


def region_of(mask: Array, image: Array) -> dict[str, Array]:
    """Return the region of ``image`` that ``mask`` paints white."""
    return {"region": decode_mask(mask[0], (image.shape[0], image.shape[1]))}
