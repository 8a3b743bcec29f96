"""Triton entry point of `silhouette`."""

from bridge.contracts import SILHOUETTE
from bridge.perception.silhouette import Silhouette
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = SILHOUETTE

    def load(self, models: Models) -> Silhouette:
        return Silhouette(segment=models["selfie_segmentation"])
