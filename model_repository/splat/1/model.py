"""Triton entry point of `splat`."""

from bridge.contracts import SPLAT
from bridge.splat.renderer import Renderer
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = SPLAT

    def load(self, models: Models) -> Renderer:
        return Renderer()
