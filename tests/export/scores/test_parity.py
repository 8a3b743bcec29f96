"""What was installed computes what others' code makes of the same weights."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import lpips
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from skimage.data import astronaut
from skimage.filters import gaussian

from export import pickles
from tests.scores import tiny

Floats = npt.NDArray[np.float32]


def run(repository: Path, network: str, **inputs: Floats) -> Floats:
    """Run an installed network of one output."""
    session = onnxruntime.InferenceSession(repository / network / "1" / "model.onnx")
    return session.run(None, inputs)[0]


def portrait(side: int, sigma: float = 0.0) -> Floats:
    """Return a face ``[1, 3, side, side]`` in [-1, 1]: Eileen Collins, by NASA, blurred by some pixels."""
    image = gaussian(astronaut()[:side, 100 : 100 + side] / 255.0, sigma, channel_axis=2)
    return (2.0 * image - 1.0).transpose(2, 0, 1)[None].astype(np.float32)


def test_clip_is_transformers_own(repository: Path) -> None:
    """The picture's side of the model that wrote the file, whose sizes nobody told the export."""
    pixels = np.random.default_rng(0).standard_normal((3, 3, 224, 224)).astype(np.float32)
    with torch.no_grad():
        found = tiny.clip().get_image_features(torch.from_numpy(pixels))
    expected = torch.nn.functional.normalize(getattr(found, "pooler_output", found))
    embeddings = run(repository, "clip_image", pixels=pixels)
    assert np.abs(embeddings - expected.numpy()).max() < 2e-6
    assert np.allclose(np.linalg.norm(embeddings, axis=1), 1.0, atol=1e-6)
    assert np.abs(embeddings[0] - embeddings[1]).max() > 0.01


@pytest.fixture(scope="module")
def published(sources: Mapping[str, Path]) -> lpips.LPIPS:
    """The authors' LPIPS, with the small test's convolutions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it speaks to an older torchvision
        made = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    weights = pickles.read(sources["alexnet"])
    layers = {f"features.{i}": layer for part in made.net.children() for i, layer in part.named_children()}
    for name, layer in layers.items():
        layer.load_state_dict({key: weights[f"{name}.{key}"] for key in layer.state_dict()})
    return made


def test_lpips_is_its_authors_own(repository: Path, published: lpips.LPIPS) -> None:
    """On a photo, blurred ever more, and on noise."""
    noise = np.random.default_rng(1).uniform(-1, 1, (1, 3, 256, 256)).astype(np.float32)
    first = np.concatenate([portrait(256)] * 3 + [noise])
    second = np.concatenate([portrait(256, 1.0), portrait(256, 4.0), noise, noise[..., ::-1]])
    with torch.no_grad():
        expected = published(torch.from_numpy(first), torch.from_numpy(second)).flatten().numpy()
    distances = run(repository, "lpips", first=first, second=second)[:, 0]
    assert np.abs(distances - expected).max() < 1e-6
    assert 0.001 < distances[0] < distances[1] < distances[2]


def test_equal_pictures_have_no_distance(repository: Path) -> None:
    """Not nearly none."""
    assert run(repository, "lpips", first=portrait(256), second=portrait(256))[0, 0] == 0.0


def test_the_predictor_is_five_layers_one_after_the_other(
    repository: Path, sources: Mapping[str, Path]
) -> None:
    """As its authors' inference goes without its dropouts; they commented its activations out."""
    embeddings = np.random.default_rng(2).standard_normal((3, 768)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    weights = {name: tensor.numpy() for name, tensor in pickles.read(sources["aesthetic_predictor"]).items()}
    expected = embeddings
    for number in (0, 2, 4, 6, 7):
        expected = expected @ weights[f"layers.{number}.weight"].T + weights[f"layers.{number}.bias"]
    ratings = run(repository, "aesthetic", embedding=embeddings)
    assert np.abs(ratings - expected).max() < 1e-6
    assert np.ptp(ratings) > 0.01


def test_the_faces_network_is_the_published_one(repository: Path, sources: Mapping[str, Path]) -> None:
    """Its weights bit by bit, its embeddings bit by bit, but of several faces at once."""
    before = onnx.load(sources["auraface"])
    after = onnx.load(repository / "face_embed" / "1" / "model.onnx")
    assert {w.name: w.raw_data for w in before.graph.initializer} == {
        w.name: w.raw_data for w in after.graph.initializer
    }
    faces = np.concatenate([portrait(112), portrait(112, 2.0)])
    session = onnxruntime.InferenceSession(sources["auraface"])
    expected = np.concatenate([session.run(None, {"input.1": face[None]})[0] for face in faces])
    assert np.abs(run(repository, "face_embed", face=faces) - expected).max() < 1e-6
