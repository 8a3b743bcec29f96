"""Scores by networks: which pictures they are shown, what their answers become, and what is said where they lack."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from skimage.transform import SimilarityTransform
from transformers import CLIPImageProcessorPil

from bridge.contracts import LEARNED
from bridge.errors import NotFinite
from bridge.imaging.clip import clip_pixels
from bridge.quality.faces import CORNERS, TEMPLATE, aligned, similarity
from bridge.quality.learned import GROUND, cut_out
from bridge.quality.report import NETWORKS
from bridge.quality.scorer import Scorer
from bridge.triton.tensors import checked, complete
from tests.quality.shirt import SHAPE, inputs

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def looks(pixels: Floats) -> Floats:
    """A stand-in for an embedding: the picture at 8 x 8, a constant beside it so that grey has a direction too."""
    small = np.stack([cv2.resize(p.transpose(1, 2, 0), (8, 8), interpolation=cv2.INTER_AREA) for p in pixels])
    return np.pad(small.reshape(len(pixels), -1), ((0, 0), (0, 1)), constant_values=0.1).astype(np.float32)


def wide(rows: Floats, width: int) -> Floats:
    """The rows, filled up with zeros to the contract's width, of length 1."""
    filled = np.pad(rows, ((0, 0), (0, width - rows.shape[1])))
    return np.asarray(filled / np.linalg.norm(filled, axis=1, keepdims=True), np.float32)


ANSWERS: Mapping[str, Callable[..., Mapping[str, Floats]]] = {
    "clip_image": lambda pixels: {"embedding": wide(looks(pixels), 768)},
    "aesthetic": lambda embedding: {"rating": np.full((len(embedding), 1), 6.25, np.float32)},
    "lpips": lambda first, second: {
        "distance": np.abs(first - second).mean(axis=(2, 3), keepdims=True)[:, :1, 0, 0]
    },
    "face_embed": lambda face: {"embedding": 7 * wide(looks(face), 512)},
}


class Installed(dict[str, Callable[..., Mapping[str, Floats]]]):
    """Networks that check what they are asked against their contracts, and remember it."""

    def __init__(self, *names: str) -> None:
        super().__init__({name: self._network(name) for name in names})
        self.asked: dict[str, list[Mapping[str, Floats]]] = {}

    def _network(self, name: str) -> Callable[..., Mapping[str, Floats]]:
        def answer(**arrays: Floats) -> Mapping[str, Floats]:
            self.asked.setdefault(name, []).append(complete(LEARNED[name], arrays))
            return checked(LEARNED[name], ANSWERS[name](**arrays))

        return answer


def report(networks: Mapping[str, Callable[..., Mapping[str, Floats]]], **changed: Any) -> dict[str, Any]:
    """The report of the drawn shirt."""
    read: dict[str, Any] = json.loads(Scorer(networks)(**inputs(**changed))["report"][0])
    return read


def mesh_at(points: npt.NDArray[np.float64]) -> Floats:
    """A face mesh whose five points lie at ``points [5, 2]``."""
    mesh = np.zeros((468, 3), np.float32)
    for ids, point in zip(CORNERS, points, strict=True):
        mesh[list(ids), :2] = point + np.array([[-2, 0], [2, 0]])[: len(ids)] * (len(ids) > 1)
    return mesh


def faced() -> dict[str, Any]:
    """A photo with a face above the shirt: a pattern that is not grey, and its mesh."""
    image = np.full((*SHAPE, 3), 120, np.uint8)
    image[:70, 60:130] = np.random.default_rng(3).integers(0, 256, (70, 70, 3), dtype=np.uint8)
    mesh = mesh_at(TEMPLATE * 0.5 + (67, 8))
    return {
        "image": image,
        "face_mesh": mesh,
        "face_score": np.ones(1, np.float32),
        "result": shirt_over(image),
    }


def shirt_over(image: Bytes) -> Bytes:
    """The photo with the shirt as it was laid."""
    drawn = inputs()
    return np.where(drawn["edit_mask"][..., None] > 0, drawn["layer"][..., :3], image)


SUBSETS = [names for size in range(5) for names in combinations(LEARNED, size)]


@pytest.mark.parametrize("names", SUBSETS, ids="+".join)
def test_every_learned_score_is_measured_or_told_as_not_measured(names: tuple[str, ...]) -> None:
    """Whatever is installed, never both and never neither; who is told why is told how to get it."""
    told = report(Installed(*names))
    measured = {metric for metric, needed in NETWORKS.items() if set(needed) <= set(names)}
    assert NETWORKS.keys() & told["scores"].keys() == measured
    assert told["not_measured"].keys() == NETWORKS.keys() - measured
    for metric, sentence in told["not_measured"].items():
        lacking = [name for name in NETWORKS[metric] if name not in names]
        assert sentence.startswith(f"needs {' and '.join(lacking)}, which")
        assert "`python -m export fetch" in sentence


def test_each_network_is_asked_once() -> None:
    """CLIP for the worn garment, the product and the whole picture in one batch; the predictor for the whole alone."""
    networks = Installed(*LEARNED)
    report(networks, **faced())
    assert {name: len(asked) for name, asked in networks.asked.items()} == dict.fromkeys(LEARNED, 1)
    pixels, rated = networks.asked["clip_image"][0]["pixels"], networks.asked["aesthetic"][0]["embedding"]
    assert len(pixels) == 3
    np.testing.assert_array_equal(rated, ANSWERS["clip_image"](pixels)["embedding"][2:])
    assert len(networks.asked["face_embed"][0]["face"]) == 2


def test_a_perfect_picture_scores_perfectly() -> None:
    """The product's own pixels where they were laid, the photo's own face; a rating is a share of ten."""
    scores = report(Installed(*LEARNED), **faced())["scores"]
    assert scores["clip_similarity"] == pytest.approx(1.0, abs=1e-4)
    assert (scores["lpips"], scores["face_identity"], scores["aesthetic"]) == (0.0, 1.0, 0.625)


def test_what_is_spoilt_scores_less_and_nothing_else_does() -> None:
    """Another colour of shirt is the garment's, a smeared face the face's."""
    scene = faced()
    perfect = scene["result"]
    blue, smeared = perfect.copy(), perfect.copy()
    blue[80:200, 50:140] = blue[80:200, 50:140, ::-1]
    smeared[:70] = cv2.GaussianBlur(smeared[:70], (0, 0), 9)
    best, other, smear = (
        report(Installed(*LEARNED), **(scene | {"result": made}))["scores"]
        for made in (perfect, blue, smeared)
    )
    assert other["clip_similarity"] < best["clip_similarity"] - 0.1
    assert other["lpips"] > 0.1
    assert other["face_identity"] == 1.0
    assert smear["face_identity"] < 0.95
    assert (smear["lpips"], smear["clip_similarity"]) == (best["lpips"], best["clip_similarity"])


def test_without_a_garment_or_a_face_there_is_nothing_to_measure_it_on() -> None:
    """The picture as a whole can still be liked."""
    networks = Installed(*LEARNED)
    empty = {"layer": np.zeros((*SHAPE, 4), np.uint8), "result": inputs()["image"]}
    told = report(networks, **empty)
    assert told["not_measured"] == {}
    assert told["scores"] | {"clip_similarity": None, "lpips": None, "face_identity": None} == told["scores"]
    assert told["scores"]["aesthetic"] == 0.625
    assert networks.asked.keys() == {"clip_image", "aesthetic"}
    assert report(Installed("clip_image"), **empty)["scores"]["clip_similarity"] is None


@pytest.mark.parametrize("name", LEARNED)
def test_a_network_that_breaks_is_an_error(name: str) -> None:
    """An installed one that fails is never told as not measured."""
    networks = Installed(*LEARNED)
    broken = {name: lambda **_: {tensor.name: np.full((3, 512), np.nan) for tensor in LEARNED[name].outputs}}
    with pytest.raises(NotFinite, match=name):
        report({**networks, **broken}, **faced())


def test_a_garment_is_cut_out_whole_and_without_crumbs() -> None:
    """On grey, in the middle of a square; a splinter far away does not make it small."""
    image = np.random.default_rng(1).integers(0, 100, (200, 100, 3), dtype=np.uint8)
    region = np.zeros((200, 100), bool)
    region[100:160, 20:60] = True
    square = cut_out(image, region)
    assert square.shape == (60, 60, 3)
    np.testing.assert_array_equal(square[:, 10:50], image[100:160, 20:60])
    assert (square[:, :10] == GROUND).all()
    region[2, 90:93] = True
    np.testing.assert_array_equal(cut_out(image, region), square)
    region[2:22, 60:100] = True
    assert cut_out(image, region).shape == (158, 158, 3)


@pytest.mark.parametrize("size", [(768, 1024), (1024, 640), (300, 300), (207, 207), (440, 220), (90, 61)])
def test_clip_sees_what_its_own_processor_shows_it(size: tuple[int, int]) -> None:
    """Upright, lying, square and small pictures, of transformers' processor with openai/CLIP's numbers.

    207 and 220 are sides by which 224 can't be divided and multiplied again without loss.
    """
    image = np.asarray(
        Image.fromarray(np.random.default_rng(2).integers(0, 256, (16, 16, 3), dtype=np.uint8)).resize(size)
    )
    theirs = CLIPImageProcessorPil()(images=image, return_tensors="np")["pixel_values"][0]
    np.testing.assert_allclose(clip_pixels(image, 224), theirs, atol=1e-5)


def test_the_similarity_is_umeyamas() -> None:
    """As scikit-image computes it from a singular value decomposition."""
    random = np.random.default_rng(4)
    for _ in range(8):
        source = random.uniform(0, 900, (5, 2))
        target = TEMPLATE + random.normal(0, 3, (5, 2))
        theirs = SimilarityTransform.from_estimate(source, target)
        np.testing.assert_allclose(similarity(source, target), theirs.params[:2], atol=1e-9)


@pytest.mark.parametrize("turn", [-40, 0, 25])
@pytest.mark.parametrize("scale", [0.6, 2.5])
def test_an_aligned_face_has_eyes_nose_and_mouth_where_arcface_wants_them(turn: float, scale: float) -> None:
    """However the head is held and however large it is; a dot at each point is found at the template's."""
    angle = np.radians(turn)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (TEMPLATE - 56) @ matrix.T + 250
    grid = np.indices((500, 500)).transpose(1, 2, 0)[..., ::-1] + 0.5
    for point, place in zip(points, TEMPLATE, strict=True):
        dot = 255 * np.exp(-(((grid - point) / (2 * scale)) ** 2).sum(axis=2))
        face = aligned(np.repeat(dot[..., None], 3, axis=2).astype(np.uint8), mesh_at(points))
        assert face is not None
        found = cv2.moments(face[..., 0])
        centre = np.array([found["m10"], found["m01"]]) / found["m00"]
        np.testing.assert_allclose(centre, place, atol=0.1)


def test_a_face_that_the_photo_cuts_off_is_none() -> None:
    """Its eyes lie above the photo's edge."""
    points = TEMPLATE - (0, 60)
    assert aligned(np.zeros((300, 300, 3), np.uint8), mesh_at(points)) is None
