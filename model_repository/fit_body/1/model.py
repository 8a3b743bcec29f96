"""Triton entry point of `fit_body`."""

from bridge.body.anny import load_anny
from bridge.body.fitter import BodyFitter
from bridge.contracts import FIT_BODY
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = FIT_BODY

    def load(self, models: Models) -> BodyFitter:
        return BodyFitter(load_anny())
