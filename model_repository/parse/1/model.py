"""Triton entry point of `parse`."""

from bridge.contracts import PARSE
from bridge.perception.parse import ClassicalParser
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = PARSE

    def load(self, models: Models) -> ClassicalParser:
        return ClassicalParser()
