"""Triton entry point of `finish`, which works on several pictures at once and tells of each step."""

from functools import cache

from bridge.contracts import FINISH
from bridge.triton.checkpoint import installed, refuse
from bridge.triton.model import Arrays
from bridge.triton.streaming import Caller, Place, StreamingModel, Work


class TritonPythonModel(StreamingModel):
    contract = FINISH

    def work(self, place: Place) -> Work:
        if not (folder := installed(place)):
            return refuse

        @cache  # opened by the first request: who only asks `tryon_pro` has room on the card for one engine
        def desk() -> Work:
            from bridge.triton.finishing import open_desk

            return open_desk(place, folder)

        async def finish(arrays: Arrays, caller: Caller) -> Arrays:
            return await desk()(arrays, caller)

        return finish
