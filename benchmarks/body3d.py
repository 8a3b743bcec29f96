"""A page that shows the third dimension: the fitted body, the garment draped on it from all sides, the picture."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import page
from benchmarks.dressed import (
    PAPER,
    STRAINED,
    around,
    body_over_photo,
    drawn,
    garment_view,
    over,
    strain_view,
)
from benchmarks.page import Picture
from benchmarks.tryon import Request
from bridge.quality.measures import Pixels
from bridge.triton.model import Arrays, Models

Say = Callable[[str], None]
LEAD = (
    "A body is fitted to the photo, the garment's photo is cut into sewing panels, and these are sewn, simulated on "
    "the body while it takes its pose, and drawn into the photo. All of it on this machine's own CPU."
)
SIDES = {"From the front": 0.0, "Its left side": 0.25, "From behind": 0.5, "Its right side": 0.75}
"""What is shown of the dressed body, by turns."""
BEHIND = "The garment's back was not photographed: it shows the front's picture, mirrored."
TALL = (720, 540)
"""Height and width of the pictures from all sides [px]."""
SMALL = (480, 360)
"""Height and width of the turntable [px]."""
FRAMES, PACE = 36, 80
"""Pictures of one turn, and how long each is shown [ms]."""
COLOURS = 128
"""Of the turntable; more are not seen and cost room."""


@dataclass(frozen=True)
class Shown:
    """Everything that the page shows."""

    stages: Arrays  # the outputs of `tryon_basic_stages`
    pictures: list[Picture]
    sides: list[Picture]
    turntable: bytes  # GIF


def run(models: Models, request: Request, out: Path, *, say: Say) -> Path:
    """Dress the person and write the page, with its pictures beside it.

    Args:
        models: ``tryon_basic_stages``.
        request: the person and the garment; its expert must be ``drape``.
        out: the folder that gets ``index.html``, ``turntable.gif`` and ``result.png``.
        say: hears one line per step.

    Returns:
        The page.

    Raises:
        VfrError: the photos can't be used, or the garment can't be draped on this person.
    """
    say("Dressing.")
    stages = models["tryon_basic_stages"](**request.arrays())
    say("Drawing from all sides.")
    shown = Shown(stages, pictures(stages), sides(stages), turntable(stages))
    out.mkdir(parents=True, exist_ok=True)
    (out / "turntable.gif").write_bytes(shown.turntable)
    (out / "result.png").write_bytes(bytes(stages["encoded"][0]))
    path = out / "index.html"
    path.write_text(write(shown), encoding="utf-8")
    return path


def pictures(stages: Arrays) -> list[Picture]:
    """Return what was made in the photo's frame, in its order."""
    paper = np.full_like(stages["image"], PAPER)
    facing = np.rint(127.5 * (stages["normals"] + 1)).astype(np.uint8)
    normals = np.where(stages["normals"].any(axis=2, keepdims=True), facing, paper)
    return [
        Picture(body_over_photo(stages), "The fitted body", "over the photo that it was fitted to"),
        Picture(stages["garment_image"], "The garment's photo", "its panels' texture"),
        Picture(over(stages["layer"], paper), "The layer", "the draped garment as it is laid into the photo"),
        Picture(normals, "Normals", "which way its surface faces: red to the right, green up, blue to you"),
    ]


def sides(stages: Arrays) -> list[Picture]:
    """Return the dressed body from all sides with the garment's own texture, and from the front with its strain."""
    views = {words: around(stages, 2 * np.pi * turn, TALL) for words, turn in SIDES.items()}
    worn = [Picture(drawn(stages, TALL, *view, garment_view), words) for words, view in views.items()]
    strain = drawn(stages, TALL, *next(iter(views.values())), strain_view)
    return [*worn, Picture(strain, "Strain", f"pale: none; dark red: {STRAINED:.0%} and more")]


def turntable(stages: Arrays) -> bytes:
    """Return the dressed body in one turn, as GIF that goes on for ever."""
    angles = np.linspace(0, 2 * np.pi, FRAMES, endpoint=False)
    turned = [drawn(stages, SMALL, *around(stages, float(angle), SMALL), garment_view) for angle in angles]
    return gif(turned)


def gif(frames: list[Pixels]) -> bytes:
    """Return frames of one size as GIF; all share the palette of the first and the one half a turn on."""
    both = Image.fromarray(np.vstack([frames[0], frames[len(frames) // 2]]))
    palette = both.quantize(COLOURS, Image.Quantize.MEDIANCUT)
    first, *others = (
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames
    )
    stream = io.BytesIO()
    first.save(stream, "GIF", save_all=True, append_images=others, duration=PACE, loop=0, optimize=False)
    return stream.getvalue()


def write(shown: Shown) -> str:
    """Return the page as HTML."""
    stages = shown.stages
    route = json.loads(stages["report"][0])["route"]
    body, drape, mesh = route["body"], route["drape"], route["mesh"]
    sizes = {f"{name} [cm]": f"{value:.0f}" for name, value in body["measurements_cm"].items()}
    lies = {
        "vertices": str(mesh["vertices"]),
        "mean strain": f"{drape['mean_strain']:.1%}",
        "deepest in the skin": f"{drape['deepest_penetration_mm']:.1f} mm",
        "silhouette, overlap": f"{body['silhouette_iou']:.0%}",
        "landmarks, mean error": f"{body['mean_error_px']:.1f} px",
    }
    guess = [] if body["height_known"] else ["The person's height is not known: lengths are an adult's mean."]
    turning = page.moving(shown.turntable, "The dressed body", "the garment with its photo's texture")
    return page.page(
        "The third dimension",
        LEAD,
        page.article(
            "Worn",
            page.hero(
                turning,
                page.compare(stages["image"], stages["result"]),
                page.remarks(guess) + page.cards(sizes),
            ),
        ),
        page.article("From all sides", page.strip(shown.sides), page.remarks([BEHIND])),
        page.article("How it was made", page.cards(lies), page.strip(shown.pictures)),
    )
