"""Triton entry point of `fit_body`."""

from bridge.body.fitter import BodyFitter
from bridge.body.load import load_body
from bridge.contracts import FIT_BODY
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = FIT_BODY

    def load(self, models: Models) -> BodyFitter:
        return BodyFitter(load_body())
