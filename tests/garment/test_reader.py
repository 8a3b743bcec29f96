"""The garment model as a whole, by its contract."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bridge.contracts import GARMENT, GarmentPoint
from bridge.errors import BadInput
from bridge.triton.local import LocalModels
from bridge.triton.model import NUMPY
from tests.garment.scenes import drawn, reading


@pytest.mark.parametrize("size", [(768, 1024), (300, 400), (1056, 1408), (900, 700)])
def test_outputs_fit_the_contract(size: tuple[int, int]) -> None:
    """Names, dtypes and shapes are the contract's at any size; points lie in the picture."""
    image = cv2.resize(drawn("tee")[0], size, interpolation=cv2.INTER_AREA)
    outputs = LocalModels()["garment"](garment_image=image, category=np.array([b"auto"], object))
    assert outputs.keys() == {t.name for t in GARMENT.outputs}
    for tensor in GARMENT.outputs:
        assert outputs[tensor.name].dtype == NUMPY[tensor.dtype.value], tensor.name
    assert outputs["garment_mask"].shape == outputs["garment_inside"].shape == image.shape[:2]
    points = outputs["garment_points"]
    assert points.shape == (len(GarmentPoint), 3)
    assert ((points[:, 2] >= 0) & (points[:, 2] <= 1)).all()
    seen = points[points[:, 2] > 0]
    assert (seen[:, :2] >= 0).all()
    assert (seen[:, :2] <= size).all()


def test_the_same_photo_gives_the_same_bytes() -> None:
    """Nothing in the model is random."""
    image, _ = drawn("blouse")
    first, second = reading(image), reading(image)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_an_unknown_category_is_refused() -> None:
    """A category that there isn't is answered with those that there are."""
    with pytest.raises(BadInput, match="auto, upper, lower or dress"):
        reading(drawn("tee")[0], "hat")


@pytest.mark.photos
@pytest.mark.parametrize("name", ["00055_00", "00057_00", "00069_00"])
def test_real_tops(photos: Path, name: str) -> None:
    """Real tops are uppers with two sleeves, a waist and the inside of their collar."""
    photo = cv2.imread(str(photos / "pairs" / name / "garment.jpg"))[..., ::-1]
    outputs = reading(np.ascontiguousarray(photo))
    assert outputs["garment_category"][0] == b"upper"
    assert 0.2 < (outputs["garment_mask"] > 127).mean() < 0.7
    assert 0.001 < (outputs["garment_inside"] > 127).mean() < 0.03
    missing = [
        p.name for p in GarmentPoint if p < GarmentPoint.HIP_LEFT and not outputs["garment_points"][p, 2]
    ]
    assert not missing


@pytest.mark.photos
def test_real_garments_are_named(photos: Path) -> None:
    """Every unpaired garment is accepted as what its file's name says."""
    for path in sorted((photos / "garments").glob("*.jpg")):
        category = path.name.split("_")[0]
        photo = np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])
        assert reading(photo, category)["garment_category"][0].decode() == category, path.name
