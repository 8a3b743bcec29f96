"""What each way to spoil a picture does to its scores: a real photo, a drawn garment, fitted by the models."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from api.quality.policy import Verdict, load_pipeline
from api.schemas import Report
from api.settings import Settings
from bridge.contracts import SCORE, Label, Part
from bridge.quality.report import NETWORKS
from bridge.triton.local import LocalModels

Scene = dict[str, npt.NDArray[Any]]
Spoil = Callable[[Scene], Scene]

STRIDE = 12
"""Half the period of teeth [px]."""


@pytest.fixture(scope="module")
def scene(local: LocalModels) -> Scene:
    """Eileen Collins (NASA, public domain) in a drawn tee that ends above the photo's lower edge."""
    pytest.importorskip("skimage.data", reason="the extra `demo` is not installed")
    from benchmarks.inputs import request

    sent = {name: value for name, value in request().arrays().items() if name != "mask"}
    seen = dict(local["tryon_basic_stages"](**sent))
    seen["route_report"] = np.array([json.dumps(json.loads(seen["report"][0])["route"]).encode()], np.object_)
    seen |= {name: np.array([value], dtype) for name, value, dtype in NUMBERS}
    return without(seen, np.indices(seen["labels"].shape)[0] >= 0.9 * seen["labels"].shape[0])


NUMBERS = (("people", 1, np.int32), ("person_index", -1, np.int32), ("seed", 7, np.int64))


def verdict(scene: Scene, local: LocalModels) -> tuple[dict[str, float | None], Verdict]:
    """The scores of a picture, and what tier-S says of them."""
    report = Report.model_validate_json(
        local["score"](**{t.name: scene[t.name] for t in SCORE.inputs})["report"][0]
    )
    return report.scores, load_pipeline(Settings().pipeline).judge(report, "tier-S")


def laid(scene: Scene) -> npt.NDArray[np.bool_]:
    """Where the garment lies."""
    return np.asarray(scene["layer"][..., 3] >= 128)


def without(scene: Scene, missing: npt.NDArray[np.bool_]) -> Scene:
    """The expert left a part of the garment out, and what lies behind it was filled in."""
    layer = scene["layer"].copy()
    layer[missing, 3] = 0
    parts = np.where(missing, Part.NONE, scene["layer_parts"]).astype(np.uint8)
    result = np.where(missing[..., None], scene["agnostic"], scene["result"])
    return {**scene, "layer": layer, "layer_parts": parts, "result": result}


def painted(scene: Scene, where: npt.NDArray[np.bool_], paint: npt.NDArray[Any] | None = None) -> Scene:
    """Other pixels in the result, which may all have changed; without ``paint`` the garment's mean colour."""
    colour = scene["result"][laid(scene)].mean(axis=0).astype(np.uint8) if paint is None else paint
    result = np.where(where[..., None], colour, scene["result"]).astype(np.uint8)
    return {**scene, "result": result, "edit_mask": np.full_like(scene["edit_mask"], 255)}


def ends(scene: Scene, *, top: bool) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The columns of the trunk's cloth and where it ends in each."""
    body = laid(scene) & (scene["layer_parts"] == Part.TORSO)
    columns = np.flatnonzero(body.any(axis=0))
    last = np.argmax(body[:, columns], axis=0)
    return columns, last if top else body.shape[0] - 1 - np.argmax(body[::-1, columns], axis=0)


def toothed(scene: Scene, depth: int, *, top: bool) -> Scene:
    """Every other strip of an end is cut back."""
    missing = np.zeros_like(laid(scene))
    for column, end in zip(*ends(scene, top=top), strict=True):
        if column // STRIDE % 2:
            missing[end : end + depth, column] = top
            missing[end - depth + 1 : end + 1, column] |= not top
    return without(scene, missing)


def moved(scene: Scene, rows: int) -> Scene:
    """The garment was laid too low."""
    layer, parts = (np.roll(scene[name], rows, axis=0) for name in ("layer", "layer_parts"))
    layer[:rows], parts[:rows] = 0, 0
    covered = (layer[..., 3:] >= 128) & (scene["edit_mask"][..., None] > 0)
    return {
        **scene,
        "layer": layer,
        "layer_parts": parts,
        "result": np.where(covered, layer[..., :3], scene["agnostic"]),
    }


def ring(scene: Scene) -> npt.NDArray[np.bool_]:
    """A band of 40 px around the garment."""
    return np.asarray(
        (cv2.dilate(laid(scene).astype(np.uint8), np.ones((81, 81), np.uint8)) > 0) & ~laid(scene)
    )


def lower_third(scene: Scene) -> npt.NDArray[np.bool_]:
    """The garment's lower part."""
    rows = np.flatnonzero(laid(scene).any(axis=1))
    return np.asarray(laid(scene) & (np.arange(len(scene["labels"]))[:, None] > np.quantile(rows, 0.7)))


def one_grey_level_off(scene: Scene) -> Scene:
    """A protected pixel is not the photo's own."""
    result = scene["result"].copy()
    y, x = np.argwhere(scene["edit_mask"] == 0)[0]
    result[y, x, 1] ^= 1
    return {**scene, "result": result}


SPOILINGS: dict[str, tuple[Spoil, set[str]]] = {
    "one protected pixel": (one_grey_level_off, {"protected_identity"}),
    "dyed": (lambda s: painted(s, laid(s), s["result"] * np.array([0.3, 0.5, 0.9])), {"garment_colour"}),
    "blurred": (
        lambda s: painted(s, laid(s), cv2.GaussianBlur(s["result"], (0, 0), 4)),
        {"garment_detail", "garment_print"},
    ),
    "flat paint": (lambda s: painted(s, laid(s)), {"garment_detail", "garment_print"}),
    "mirrored print": (lambda s: painted(s, laid(s), s["result"][:, ::-1]), {"garment_print"}),
    "paint around it": (lambda s: painted(s, ring(s)), {"leak_iou"}),
    "paint over the hair": (lambda s: painted(s, s["labels"] == Label.HAIR), {"leak_iou"}),
    "old clothes show": (lambda s: painted(s, lower_third(s), s["image"]), {"leak_iou"}),
    "old clothes beside": (
        lambda s: painted(without(s, lower_third(s)), lower_third(s), s["image"]),
        {"old_garment_left"},
    ),
    "hidden by hair": (
        lambda s: {**s, "labels": np.where(laid(s), Label.HAIR, s["labels"]).astype(np.uint8)},
        {"coverage"},
    ),
    "hem with teeth": (lambda s: toothed(s, 12, top=False), {"hem_line"}),
    "neckline with teeth": (lambda s: toothed(s, 24, top=True), {"collar_line"}),
    "too low": (lambda s: moved(s, len(s["labels"]) // 4), {"collar_line"}),
}


def test_the_picture_itself_passes(scene: Scene, local: LocalModels) -> None:
    """Before it is spoilt everything that can be measured of it passes, and that is everything."""
    found, said = verdict(scene, local)
    assert said.passed
    assert None not in found.values()


@pytest.mark.parametrize("spoiling", SPOILINGS)
def test_spoiling_is_seen_where_it_should_be(scene: Scene, local: LocalModels, spoiling: str) -> None:
    """Each way to spoil a picture makes its scores miss tier-S."""
    spoil, expected = SPOILINGS[spoiling]
    found, said = verdict(spoil(dict(scene)), local)
    missed = {failure.metric for failure in said.failures}
    assert expected <= missed, found


def test_every_score_has_a_way_to_miss() -> None:
    """No threshold of a weight-free score is one that nothing can miss."""
    spoilt = set().union(*(metrics for _, metrics in SPOILINGS.values()))
    assert spoilt == set(load_pipeline(Settings().pipeline).profile("tier-S")) - set(NETWORKS)
