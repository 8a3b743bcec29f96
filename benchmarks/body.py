"""The body of a person's photo as files: mesh, texture, maps, landmarks and measurements."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.dressed import body_over_photo
from bridge.body.files import body_files
from bridge.body.fitted import FittedBody
from bridge.body.load import load_body
from bridge.contracts import FIT_BODY
from bridge.imaging.encode import encode_image
from bridge.triton.model import Models

Say = Callable[[str], None]
OVER = "over_photo.png"
"""The file that shows the body over the photo, beside those of :mod:`bridge.body.files`."""


def run(
    models: Models, photo: bytes, height: int, person: int, out: Path, size: int, *, say: Say
) -> FittedBody:
    """Fit a body to a photo and write what is known of it.

    Args:
        models: ``perception`` and ``fit_body``, of the body that ``VFR_BODY`` names here.
        photo: an encoded picture.
        height: the person's [mm]; 0: unknown.
        person: which one, counted from the largest (0); -1: the largest.
        out: the folder that gets the files.
        size: height and width of the texture [px].
        say: hears one line per step.

    Raises:
        VfrError: the photo can't be used, or no body can be fitted to it.
    """
    say("Looking.")
    seen = models["perception"](
        photo=np.array([photo], np.object_), person_index=np.array([person], np.int32)
    )
    say("Fitting a body.")
    asked = {**seen, "height": np.array([height], np.int32)}
    found = models["fit_body"](**{tensor.name: asked[tensor.name] for tensor in FIT_BODY.inputs})
    body = FittedBody.of(found, load_body().uv)
    say("Baking the texture.")
    files = body_files(body, seen["image"], seen["matte"], seen["labels"], size)
    files[OVER] = encode_image(body_over_photo({**found, "image": seen["image"]}))
    out.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (out / name).write_bytes(data)
    return body
