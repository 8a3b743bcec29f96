"""Triton entry point of `route`."""

from bridge.contracts import ROUTE
from bridge.route.router import Router
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = ROUTE

    def load(self, models: Models) -> Router:
        return Router(models)
