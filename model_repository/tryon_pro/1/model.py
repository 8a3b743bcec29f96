"""Triton entry point of `tryon_pro`: the whole pro tier, of which it tells each step."""

from bridge.contracts import TRYON_PRO
from bridge.triton.checkpoint import installed, refuse
from bridge.triton.streaming import Place, StreamingModel, Work


class TritonPythonModel(StreamingModel):
    contract = TRYON_PRO

    def work(self, place: Place) -> Work:
        if not (folder := installed(place)):
            return refuse
        # They bring torch and diffusers: not before they are of use.
        from bridge.triton.finishing import open_desk
        from bridge.triton.pro import ProTryon

        return ProTryon(open_desk(place, folder), place.models)
