"""Triton entry point of `warp`."""

from bridge.contracts import WARP
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel
from bridge.warp.expert import WarpExpert


class TritonPythonModel(PythonModel):
    contract = WARP

    def load(self, models: Models) -> WarpExpert:
        return WarpExpert()
