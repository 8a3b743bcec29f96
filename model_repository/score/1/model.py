"""Triton entry point of `score`."""

from bridge.contracts import SCORE
from bridge.quality.scorer import Scorer
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = SCORE

    def load(self, models: Models) -> Scorer:
        return Scorer(models)
