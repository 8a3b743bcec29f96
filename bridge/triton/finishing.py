"""The finisher behind its contract: tensors to a job, and what the engine tells on the way to parts of the answer."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bridge.errors import WrongTensor
from bridge.finish.admission import Admission
from bridge.finish.contracts import contracts
from bridge.finish.finisher import Finisher
from bridge.finish.job import Face, Finished, Job, Progress
from bridge.finish.layout import Layout
from bridge.finish.prompt import tokenizers
from bridge.finish.settings import Finishing, load
from bridge.imaging.encode import encode_image
from bridge.imaging.seed import resolve_seed
from bridge.triton.model import Array, Arrays
from bridge.triton.streaming import Caller, Place


@dataclass(frozen=True)
class Desk:
    """Takes requests for the engine: the model ``finish``."""

    finisher: Finisher
    settings: Finishing

    async def __call__(self, arrays: Arrays, caller: Caller) -> Arrays:
        """Finish a picture and tell of each step.

        Raises:
            VfrError: what the engine raises; or the settings can't be used.
        """

        def watch(progress: Progress) -> None:
            caller.send(_answer(*described(progress)))

        finished = await self.finisher.run(job(arrays, self.settings), watch, caller.cancelled)
        return _answer({"stage": "finished"}, finished=finished)


def open_desk(place: Place, folder: Path) -> Desk:
    """Return the finisher of the checkpoint that is installed in a folder.

    Args:
        place: where the model runs; its parameter ``jobs`` says how many pictures are worked on at the same time.
        folder: ``finish/1`` of the repository, with ``layout.json`` and the tokenizers.
    """
    layout = Layout.model_validate_json((folder / "layout.json").read_text(encoding="utf-8"))
    words = tokenizers(folder, layout)
    admission = Admission(int(place.parameters["jobs"]))
    networks = place.networks(contracts(layout))
    return Desk(Finisher(layout, networks, words, admission=admission, device=place.device), load())


def job(arrays: Arrays, finishing: Finishing) -> Job:
    """Return the job that a request's tensors describe.

    Raises:
        WrongTensor: controls and their kinds differ in number.
        BadInput: the settings can't be used.
    """
    prior, photo, seconds = arrays["prior"], arrays["photo"], float(arrays["deadline"][0])
    made = Job(
        prior=prior,
        photo=photo,
        edit_mask=arrays["edit_mask"],
        settings=finishing.read(_text(arrays["settings"])),
        seed=resolve_seed(int(arrays["seed"][0]), photo, prior),
        prompt=_text(arrays["prompt"]),
        negative_prompt=_text(arrays["negative_prompt"]),
        controls=_controls(arrays["controls"], arrays["control_kinds"]),
        garment=arrays["garment_image"] if arrays["garment_image"].size else None,
        face=_face(arrays["face_embedding"], arrays["face_crop"]),
    )
    return replace(made, deadline=time.monotonic() + seconds) if seconds else made


def _controls(pictures: Array, kinds: Array) -> Mapping[str, Array]:
    if len(pictures) != len(kinds):
        raise WrongTensor(
            f"finish got {len(pictures)} controls and {len(kinds)} kinds; name the kind of each."
        )
    return {kind.decode(): picture for kind, picture in zip(kinds, pictures, strict=True)}


def _face(embeddings: Array, crop: Array) -> Face | None:
    if len(embeddings) > 1:
        raise WrongTensor(f"finish got {len(embeddings)} faces; send the dressed person's alone.")
    return Face(embeddings[0], crop) if len(embeddings) and crop.size else None


def described(progress: Progress) -> tuple[dict[str, object], bytes]:
    """Return what an event says of the progress, and its preview, encoded; empty: there is none."""
    event: dict[str, object] = {
        "stage": progress.stage,
        "step": progress.step,
        "steps": progress.steps,
        "seconds": round(progress.seconds, 3),
    }
    return event, b"" if progress.preview is None else encode_image(progress.preview)


def _answer(event: Mapping[str, object], preview: bytes = b"", finished: Finished | None = None) -> Arrays:
    return {
        "event": _bytes(json.dumps(event).encode()),
        "preview": _bytes(preview),
        "finished": np.zeros((0, 0, 3), np.uint8) if finished is None else finished.image,
        "finish_report": _bytes(b"" if finished is None else json.dumps(finished.report).encode()),
    }


def _bytes(text: bytes) -> Array:
    return np.array([text], np.object_)


def _text(tensor: Array) -> str:
    """Return a text tensor as text; what is no UTF-8 can't mean anything to the text encoder."""
    return bytes(tensor[0]).decode(errors="replace")
