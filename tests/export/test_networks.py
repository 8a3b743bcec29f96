"""The six networks themselves: equal to LiteRT, as their contracts say, installed only when proven."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from bridge.contracts import CONTRACTS, Backend
from bridge.errors import ArtifactMissing, ConversionFailed
from bridge.registry import load_registry, onnx_path, report_path, sha256_of
from export import convert
from export.convert import install, is_current
from export.fetch import fetch
from export.litert import Array, parse
from export.parity import OnnxNetwork, example_crops, prove
from export.recipes import RECIPES
from export.translate import translate

REGISTRY = load_registry()
SMALL = "face_detection"


@cache
def source(model: str) -> bytes:
    """The LiteRT file, from this checkout's cache or the package index."""
    try:
        return fetch(REGISTRY[model]).read_bytes()
    except ArtifactMissing as error:
        pytest.skip(str(error))


@cache
def translation(model: str) -> bytes:
    """The ONNX file."""
    return translate(parse(source(model)), CONTRACTS[model], RECIPES[model].sources, {})


@cache
def on_photo(model: str) -> dict[str, Array]:
    """The translation's outputs for the proof's photo, its mirror image and noise."""
    return OnnxNetwork(translation(model))(example_crops(CONTRACTS[model], RECIPES[model]))


def test_every_network_of_the_contracts_has_a_recipe() -> None:
    """And each recipe names the contract's outputs."""
    networks = {
        c.name: {t.name for t in c.outputs} for c in CONTRACTS.values() if c.backend is Backend.ONNXRUNTIME
    }
    assert {name: set(recipe.outputs) for name, recipe in RECIPES.items()} == networks


@pytest.mark.parametrize("model", RECIPES)
def test_a_network_computes_what_litert_computes(model: str) -> None:
    """On a photo and on noise, one by one and in a batch of three."""
    proof = prove(source(model), translation(model), CONTRACTS[model], RECIPES[model])
    assert proof.differences.keys() == RECIPES[model].outputs.keys()
    assert all(d.error <= d.bound and d.max_rel < 1e-3 for d in proof.differences.values())


@pytest.mark.parametrize("model", RECIPES)
def test_a_network_has_the_contracts_tensors(model: str) -> None:
    """Names, types and shapes, with any batch; no operators but ONNX's own; the same bytes each time."""
    graph = onnx.load_from_string(translation(model)).graph
    contract = CONTRACTS[model]
    for values, declared in ((graph.input, contract.inputs), (graph.output, contract.outputs)):
        found = [(v.name, [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim]) for v in values]
        assert found == [(t.name, ["batch", *t.shape]) for t in declared]
    assert {node.domain for node in graph.node} == {""}
    again = translate(parse(source(model)), contract, RECIPES[model].sources, {})
    assert again == translation(model)


def test_what_the_outputs_mean_on_a_photo() -> None:
    """The units of the contracts: crop pixels, probabilities, logits, metres, on a woman who smiles at us."""
    pose, mesh = on_photo("pose_landmark"), on_photo("face_landmark")
    nose = pose["landmarks"].reshape(3, 39, 5)[0, 0, :2] * 2  # the crop is half of the photo
    assert np.abs(nose - [223, 118]).max() < 15
    assert pose["presence"][0] > 0.8 > pose["presence"][2]
    assert 0.2 < np.ptp(pose["world"].reshape(3, 39, 3)[0, :33, 1]) < 2
    assert pose["segmentation"][0, 64, 110] > 10  # her forehead
    assert pose["segmentation"][0, 10, 10] < -10
    assert mesh["presence"][0] > 5
    assert mesh["presence"][2] < 0
    lips = mesh["mesh"].reshape(3, 468, 3)[0, 13, :2]  # the upper lip's middle
    assert 60 < lips[0] < 132
    assert 100 < lips[1] < 180
    person = on_photo("selfie_segmentation")["person"]
    assert person[0, 64, 110] > 0.9
    assert person[0, 100, 250] < 0.1
    faces, people = on_photo("face_detection")["logits"], on_photo("pose_detection")["logits"]
    assert faces[0].max() > 2
    assert faces[2].max() < 0
    assert people[0].max() > 0


# --- installing -----------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty model repository and an empty artifacts folder that holds the small network's weights."""
    content = source(SMALL)
    monkeypatch.setenv("VFR_ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.setattr("bridge.registry.conversion.REPOSITORY", tmp_path / "models")
    weights = REGISTRY[SMALL].path
    weights.parent.mkdir(parents=True)
    weights.write_bytes(content)
    return tmp_path


@pytest.mark.usefixtures("repository")
def test_installing_records_what_it_did() -> None:
    """The report names the source, the result and how they were compared; the file names its origin."""
    report = install(SMALL, REGISTRY)
    assert report is not None
    kept = json.loads(report_path(SMALL).read_text())
    assert kept["onnx_sha256"] == report.onnx_sha256 == sha256_of(onnx_path(SMALL))
    assert kept["source_sha256"] == REGISTRY[SMALL].sha256
    assert kept["proof"]["differences"].keys() == {"boxes", "logits"}
    assert kept["proof"]["versions"].keys() == {"ai-edge-litert", "onnx", "onnxruntime", "numpy"}
    metadata = {p.key: p.value for p in onnx.load(onnx_path(SMALL)).metadata_props}
    assert metadata["licence"] == "Apache-2.0"
    assert metadata["source_sha256"] == REGISTRY[SMALL].sha256


def test_only_what_is_not_current_is_converted(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run does nothing; force, a missing file and a changed translator each convert anew."""
    assert not is_current(SMALL, REGISTRY)
    assert install(SMALL, REGISTRY)
    assert install(SMALL, REGISTRY) is None
    assert install(SMALL, REGISTRY, force=True)
    onnx_path(SMALL).unlink()
    assert install(SMALL, REGISTRY)
    monkeypatch.setattr(convert, "translator_sha256", lambda: "changed")
    assert not is_current(SMALL, REGISTRY)


def test_what_computes_something_else_is_not_installed(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One weight of the last layer off by 1: refused, and the model that was there stays."""
    install(SMALL, REGISTRY)
    before = onnx_path(SMALL).read_bytes()
    spoilt = onnx.load_from_string(before)
    biases = [
        i for i in spoilt.graph.initializer if len(i.dims) == 1 and i.data_type == onnx.TensorProto.FLOAT
    ]
    biases[-1].CopyFrom(numpy_helper.from_array(numpy_helper.to_array(biases[-1]) + 1, biases[-1].name))
    monkeypatch.setattr(convert, "_translate", lambda *_: spoilt.SerializeToString())
    with pytest.raises(ConversionFailed, match=r"face_detection: \w+ lies .* more than .* was not installed"):
        install(SMALL, REGISTRY, force=True)
    assert onnx_path(SMALL).read_bytes() == before
    assert [p.name for p in onnx_path(SMALL).parent.iterdir()] == ["model.onnx"]
