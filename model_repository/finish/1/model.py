"""Triton entry point of `finish`, which works on several pictures at once and tells of each step."""

from bridge.contracts import FINISH
from bridge.errors import ArtifactMissing
from bridge.triton.model import Arrays
from bridge.triton.streaming import Caller, Place, StreamingModel, Work

MISSING = (
    "The finisher has no checkpoint. Fetch SDXL from huggingface.co (7 GB; licence: OpenRAIL++-M, for sale too) by "
    "`python -m export fetch sdxl_base`, install it by `python -m export sdxl --source sdxl_base --bucket 1024x1344 "
    "--precision fp16`, and start the server again."
)


class TritonPythonModel(StreamingModel):
    contract = FINISH

    def work(self, place: Place) -> Work:
        if not (place.folder / "layout.json").is_file():
            return _refuse
        from bridge.triton.finishing import (
            open_desk,
        )  # brings torch and diffusers: not before they are of use

        return open_desk(place)


async def _refuse(_arrays: Arrays, _caller: Caller) -> Arrays:
    raise ArtifactMissing(MISSING)
