"""Triton entry point of `encode`."""

import numpy as np

from bridge.contracts import ENCODE
from bridge.imaging.encode import encode_image, to_format
from bridge.triton.model import Array, Infer, Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = ENCODE

    def load(self, models: Models) -> Infer:
        return encode


def encode(result: Array, format: Array) -> dict[str, Array]:  # noqa: A002 - the tensor's name
    """Return ``result`` in ``format``."""
    return {"encoded": np.array([encode_image(result, to_format(format[0].decode()))], np.object_)}
