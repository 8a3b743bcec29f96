"""Triton entry point of `finish`, which works on several pictures at once and tells of each step."""

from bridge.contracts import FINISH
from bridge.triton.checkpoint import installed, later, refuse
from bridge.triton.streaming import Place, StreamingModel, Work


class TritonPythonModel(StreamingModel):
    contract = FINISH

    def work(self, place: Place) -> Work:
        if not (folder := installed(place)):
            return refuse

        def desk() -> Work:
            from bridge.triton.finishing import open_desk  # brings torch and diffusers

            return open_desk(place, folder)

        # Who only asks `tryon_pro` has room on the card for one engine.
        return later(desk)
