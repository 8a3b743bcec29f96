"""Triton entry point of `garment_mesh`."""

from bridge.contracts import GARMENT_MESH
from bridge.garment.mesh.mesher import GarmentMesher
from bridge.triton.model import Models
from bridge.triton.serving import PythonModel


class TritonPythonModel(PythonModel):
    contract = GARMENT_MESH

    def load(self, models: Models) -> GarmentMesher:
        return GarmentMesher()
