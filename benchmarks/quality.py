"""The paired protocol of VITON-HD: dress a person in what they wear and compare with the photo.

The pixels under the pair's mask are hidden from everything that paints; perception may look at the whole
photo, so the person's outline, which follows the worn garment, is known to it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np

from benchmarks import metrics
from benchmarks.metrics import Metrics
from benchmarks.photos import Pair, pair_folders, read_pair
from benchmarks.prints import print_place
from benchmarks.sheet import Tile, contact_sheet
from benchmarks.tryon import Request
from bridge.contracts import BodyPoint, Expert, Label
from bridge.errors import InternalError, VfrError
from bridge.imaging.decode import decode_image, decode_mask
from bridge.imaging.encode import encode_image
from bridge.quality.measures import Pixels, Region, changed_pixels, visible_garment
from bridge.quality.report import Report
from bridge.triton.model import Arrays, Infer, Models

Say = Callable[[str], None]
TILE = (384, 512)
"""Width and height of each picture in the side-by-side sheets [px]: half of 768x1024."""

CLOTHES = (Label.UPPER, Label.LOWER, Label.DRESS)


@dataclass
class Quality:
    """What the protocol found."""

    pairs: dict[str, Metrics] = field(default_factory=dict)
    experts: dict[str, str] = field(default_factory=dict)
    """What put the garment on the person, by each pair's report."""

    failures: dict[str, str] = field(default_factory=dict)
    """Why a pair has no measures, in words."""

    def to_json(self) -> Mapping[str, object]:
        """Return ``{"pairs": {id: {measure: value}}, "mean": {measure: value}, "experts": {id: expert}}``."""
        return {
            "pairs": {name: asdict(row) for name, row in self.pairs.items()},
            "mean": asdict(metrics.mean(list(self.pairs.values()))),
            "experts": self.experts,
        }


@dataclass(frozen=True)
class Comparison:
    """A pair's pictures, decoded, all of the truth's size."""

    truth: Pixels
    hidden: Region
    result: Pixels
    seconds: float
    stages: Arrays
    """Everything that ``tryon_basic_stages`` returned."""

    @property
    def expert(self) -> str:
        """What put the garment on the person, by the report."""
        report: Report = json.loads(self.stages["report"][0])
        return report["expert"]

    @property
    def worn(self) -> Region:
        """Where the new garment is seen: where it is laid and the result differs from what it was laid on."""
        changed = changed_pixels(self.stages["agnostic"], self.result)
        return visible_garment(changed, self.stages["edit_mask"], self.stages["labels"], self.stages["layer"])

    @property
    def cloth(self) -> Region:
        """Where both pictures show clothes: the new garment in the result, and no hair or skin in the truth."""
        return np.asarray(self.worn & np.isin(self.stages["labels"], CLOTHES))

    @property
    def shown(self) -> Region:
        """Where the garment's photo shows its outer side."""
        return np.asarray((self.stages["garment_mask"] >= 128) & (self.stages["garment_inside"] < 128))

    @property
    def shoulders(self) -> float:
        """The distance of the shoulders [px]."""
        points = self.stages["keypoints"][[BodyPoint.LEFT_SHOULDER, BodyPoint.RIGHT_SHOULDER], :2]
        return float(np.linalg.norm(points[0] - points[1]))


def run(models: Models, root: Path, *, out: Path | None, say: Say, expert: Expert = Expert.AUTO) -> Quality:
    """Measure every pair of a folder.

    Args:
        models: ``tryon_basic`` and ``tryon_basic_stages``.
        root: a folder of pairs: ``<id>/person``, ``garment`` and ``mask``, each JPEG, PNG or WebP.
        out: where the pictures go, side by side, one file per pair; None writes none.
        say: hears one line per pair.
        expert: what is asked to put the garment on; one that fails leaves the pair without measures.

    Returns:
        The measures, and why a pair has none: one pair's failure does not stop the others.

    Raises:
        BadInput: the folder holds no pairs.
    """
    quality, warm = Quality(), False
    for folder in pair_folders(root):
        say(folder.name)
        try:
            pair = read_pair(folder)
            comparison = compare(pair, models, warm=warm, expert=expert)
            quality.pairs[pair.name], warm = measure(comparison), True
            quality.experts[pair.name] = comparison.expert
            if out is not None:
                _write(out / f"{pair.name}.png", side_by_side(comparison))
        except (VfrError, OSError) as error:
            quality.failures[folder.name] = str(error)
        except Exception as error:  # a fault of ours in one pair must not cost the others' figures
            quality.failures[folder.name] = f"{type(error).__name__}: {error}"
    return quality


def compare(pair: Pair, models: Models, *, warm: bool = True, expert: Expert = Expert.AUTO) -> Comparison:
    """Try the garment on and decode all pictures; where the models are not ``warm``, once more for the clock.

    Raises:
        VfrError: a picture can't be used, or the try-on failed.
        InternalError: the same request gave two different pictures, or one of another size than the photo.
    """
    request = Request(pair.person, pair.garment, mask=pair.mask, expert=expert)
    truth = decode_image(pair.person)
    stages = models["tryon_basic_stages"](**request.arrays())
    if not warm:
        models["tryon_basic"](**request.arrays())
    encoded, seconds = _timed(models["tryon_basic"], request)
    if encoded != bytes(stages["encoded"][0]):
        raise InternalError("The same request gave two different pictures.")
    result = decode_image(encoded)
    if result.shape != truth.shape:
        raise InternalError(f"The photo is {_size(truth)} pixels and its result {_size(result)}.")
    hidden = decode_mask(pair.mask, (truth.shape[0], truth.shape[1])) > 0
    return Comparison(truth, hidden, result, seconds, stages)


def measure(comparison: Comparison) -> Metrics:
    """Return every measure of one pair."""
    truth, hidden, result = comparison.truth, comparison.hidden, comparison.result
    worn, shown, product = comparison.worn, comparison.shown, comparison.stages["garment_image"]
    whole, masked = metrics.ssim(truth, result, hidden)
    flat_whole, flat_masked = metrics.ssim(truth, metrics.flat_paint(result, worn, product, shown), hidden)
    place = print_place(
        product, shown, truth=truth, hidden=hidden, result=result, worn=worn, shoulders=comparison.shoulders
    )
    return Metrics(
        ssim=whole,
        ssim_masked=masked,
        flat_ssim=flat_whole,
        flat_ssim_masked=flat_masked,
        colour_error=metrics.colour_error(truth, result, hidden),
        detail=metrics.detail(truth, result, comparison.cloth),
        print_error=None if place is None else place.error,
        outside_change=metrics.outside_change(truth, result, hidden),
        seconds=comparison.seconds,
    )


def side_by_side(comparison: Comparison) -> Pixels:
    """Return the pair's pictures in one row: the given ones, the made ones, the truth, the difference."""
    truth, result = comparison.truth, comparison.result
    given = np.where(comparison.hidden[..., None], np.uint8(128), truth)
    difference = cv2.convertScaleAbs(cv2.absdiff(truth, result), alpha=2.0)
    row = [
        Tile("person, mask in grey", given),
        Tile("garment", comparison.stages["garment_image"]),
        Tile("agnostic", comparison.stages["agnostic"]),
        Tile("result", result),
        Tile("truth", truth),
        Tile("difference, doubled", np.asarray(difference, np.uint8)),
    ]
    return contact_sheet([row], width=TILE[0], height=TILE[1])


def _timed(infer: Infer, request: Request) -> tuple[bytes, float]:
    arrays = request.arrays()
    start = time.perf_counter()
    encoded = infer(**arrays)["encoded"][0]
    return bytes(encoded), time.perf_counter() - start


def _write(path: Path, picture: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_image(picture))


def _size(picture: Pixels) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"
