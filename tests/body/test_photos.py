"""The body on photos of people, whole and cropped, as perception sees them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bridge.body.fitted import FittedBody
from bridge.body.linear import LinearBody
from bridge.errors import BadInput, BodyNotFitted, NoPerson
from bridge.imaging.encode import encode_image
from bridge.triton.local import LocalModels

OFF = 0.025
"""The largest mean error of the landmarks, at the body [m]: what BlazePose errs itself, and a little."""


def fitted(local: LocalModels, body: LinearBody, picture: np.ndarray) -> FittedBody:  # type: ignore[type-arg]
    """The body of the largest person in a picture (BGR)."""
    photo = encode_image(np.ascontiguousarray(picture[..., ::-1]))
    seen = local["perception"](photo=np.array([photo], np.object_))
    asked = {name: seen[name] for name in ("keypoints", "world", "matte", "labels")}
    return FittedBody.of(local["fit_body"](**asked), body.uv)


@pytest.mark.photos
@pytest.mark.parametrize(
    ("name", "overlap"),
    [
        ("people/full_body_man.jpg", 0.85),
        ("people/half_body_white_top.png", 0.85),
        ("pairs/00055_00/person.jpg", 0.85),
        ("pairs/00057_00/person.jpg", 0.85),
        ("pairs/00069_00/person.jpg", 0.75),  # wide sleeves and a skirt
    ],
)
def test_people_are_fitted(
    photos: Path, local: LocalModels, body: LinearBody, name: str, overlap: float
) -> None:
    """Landmarks and outline near those of the photo; an adult, some metres before the camera."""
    found = fitted(local, body, cv2.imread(str(photos / name)))
    assert found.report["silhouette_iou"] > overlap
    assert found.pixel * found.report["mean_error_px"] < OFF
    assert 150 < found.report["measurements_cm"]["height"] < 200
    assert -6 < found.vertices[:, 2].mean() < -1


@pytest.mark.photos
def test_without_the_legs_the_body_is_the_same(photos: Path, local: LocalModels, body: LinearBody) -> None:
    """A photo that ends at the thighs: girths and lengths stay within what one photo can tell."""
    whole = cv2.imread(str(photos / "people" / "full_body_man.jpg"))
    one, cut = (fitted(local, body, picture) for picture in (whole, whole[: int(0.55 * len(whole))]))
    assert cut.report["silhouette_iou"] > 0.85
    sizes = (np.array(list(found.report["measurements_cm"].values())) for found in (one, cut))
    np.testing.assert_allclose(*sizes, atol=8)


@pytest.mark.photos
@pytest.mark.parametrize(
    ("part", "kind"),
    [(np.s_[:358], BodyNotFitted), (np.s_[563:], NoPerson), (np.s_[:, :345], BodyNotFitted)],
    ids=["head and chest", "legs", "half of the body"],
)
def test_what_shows_no_trunk_is_refused(
    photos: Path,
    local: LocalModels,
    body: LinearBody,
    part: slice | tuple[slice, slice],
    kind: type[BadInput],
) -> None:
    """In words, by perception or by the fit."""
    whole = cv2.imread(str(photos / "people" / "full_body_man.jpg"))
    with pytest.raises(kind, match=r"upper body|from the knees or the hips upwards"):
        fitted(local, body, whole[part])
