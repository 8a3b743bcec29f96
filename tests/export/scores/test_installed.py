"""What an installation holds, and how a network takes the place of the one before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from bridge.contracts import CONTRACTS, LEARNED, LPIPS, Contract
from bridge.errors import ConversionFailed
from bridge.registry import sha256_of
from export.pbtxt import config_path, installed, write_configs
from export.scores.choice import Score
from export.scores.installing import install


def config_of(repository: Path, contract: Contract, card: str = "cpu") -> pb.ModelConfig:
    """Return a network's config as Triton reads it."""
    return text_format.Parse(config_path(repository, card, contract.name).read_text(), pb.ModelConfig())


def test_every_learned_score_has_a_network() -> None:
    """And every network is one's."""
    assert {score.contract.name: score.contract for score in Score} == LEARNED
    assert Score.LPIPS.files == ("alexnet", "lpips_alex")


@pytest.mark.parametrize("score", Score)
def test_a_network_is_its_contracts(repository: Path, score: Score) -> None:
    """Config and file agree on names and shapes; the file says whose it is, the report how far it lies."""
    contract, folder = score.contract, repository / score.contract.name / "1"
    config = config_of(repository, contract)
    assert (config.name, config.backend, config.max_batch_size) == (contract.name, "onnxruntime", 8)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    for values, tensors in (
        (session.get_inputs(), contract.inputs),
        (session.get_outputs(), contract.outputs),
    ):
        assert [(v.name, tuple(v.shape[1:])) for v in values] == [(t.name, t.shape) for t in tensors]
        assert all(isinstance(value.shape[0], str) for value in values)
    report = json.loads((folder / "report.json").read_text())
    assert report["file_sha256"] == sha256_of(folder / "model.onnx")
    assert all(each["max_rel"] <= each["bound"] for each in report["proof"]["differences"].values())
    about = {each.key: each.value for each in onnx.load(folder / "model.onnx").metadata_props}
    assert about["source"] == report["source"]
    assert about["source_sha256"] == report["weights_sha256"]


def test_two_sources_two_licences(repository: Path) -> None:
    """LPIPS stands on AlexNet."""
    model = onnx.load(repository / LPIPS.name / "1" / "model.onnx")
    about = {each.key: each.value for each in model.metadata_props}
    assert about["licence"] == "BSD-3-Clause AND BSD-2-Clause"
    assert about["source"] == "alexnet 1.0.0 + lpips_alex 0.1.4"


def test_the_configs_of_what_is_installed_are_written_with_the_others(
    repository: Path, tmp_path: Path
) -> None:
    """For another card later; what isn't installed gets none, since Triton would look for its file."""
    assert installed(tmp_path) == {}
    shutil.copytree(repository / "aesthetic", tmp_path / "aesthetic")
    written = {path.parents[1].name for path in write_configs(tmp_path, "h200")}
    assert written == {*CONTRACTS, "aesthetic"}
    (before, after) = (config_of(folder, LEARNED["aesthetic"], "cpu") for folder in (repository, tmp_path))
    assert before.parameters["weights"].string_value
    assert before == after


def test_on_a_large_card_the_large_networks_run_there(sources: Mapping[str, Path], tmp_path: Path) -> None:
    """Beside the config for machines without one; half floats are half the file, and near enough."""
    (report,) = install(sources, tmp_path, scores=[Score.CLIP], half=True, card="h200")
    contract = Score.CLIP.contract
    kinds = [config_of(tmp_path, contract, card).instance_group[0].kind for card in ("cpu", "h200")]
    assert kinds == [pb.ModelInstanceGroup.KIND_CPU, pb.ModelInstanceGroup.KIND_GPU]
    assert report.precision == "fp16"
    weights = onnx.load(tmp_path / contract.name / "1" / "model.onnx").graph.initializer
    assert sum(w.data_type == onnx.TensorProto.FLOAT16 for w in weights) > 50
    assert 1e-5 < report.proof.differences["embedding"].max_rel < 2e-2


def test_a_network_takes_its_predecessors_place(sources: Mapping[str, Path], tmp_path: Path) -> None:
    """Whole: nothing of the folder before stays."""
    left_over = tmp_path / "models" / "aesthetic" / "2" / "model.onnx"
    left_over.parent.mkdir(parents=True)
    left_over.touch()
    install(sources, tmp_path / "models", scores=[Score.AESTHETIC])
    assert not left_over.exists()
    session = onnxruntime.InferenceSession(tmp_path / "models" / "aesthetic" / "1" / "model.onnx")
    assert session.run(None, {"embedding": np.zeros((1, 768), np.float32)})[0].shape == (1, 1)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["models"]


def test_what_is_refused_leaves_what_was_there(sources: Mapping[str, Path], tmp_path: Path) -> None:
    """The networks before it in the order are new, it and those behind it as they were."""
    before = tmp_path / "models" / "face_embed" / "1" / "model.onnx"
    before.parent.mkdir(parents=True)
    before.write_text("before")
    wrong = tmp_path / "wrong.onnx"
    with pytest.raises(ConversionFailed):
        install(
            {**sources, "auraface": _other_face(wrong)}, tmp_path / "models",
            scores=[Score.AESTHETIC, Score.FACE],
        )  # fmt: skip
    assert before.read_text() == "before"
    assert {path.name for path in (tmp_path / "models").iterdir()} == {"aesthetic", "face_embed"}
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["models"]


def _other_face(path: Path) -> Path:
    """Write a network that takes faces and gives two numbers."""
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("ReduceMean", ["a"], ["b"], axes=[2, 3], keepdims=0)], "g",
        [value("a", 1, [1, 3, 112, 112])], [value("b", 1, [1, 3])],
    )  # fmt: skip
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), path)
    return path


def test_a_wrong_weight_is_found(
    sources: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof looks at the file that was written, not at what it was written from."""
    from export.scores import networks

    def spoiled(module: torch.nn.Module, *rest: object) -> None:
        with torch.no_grad():
            module.layers[0].bias += 1e-3
        write(module, *rest)

    write = networks.write_onnx
    monkeypatch.setattr(networks, "write_onnx", spoiled)
    with pytest.raises(ConversionFailed, match=r"aesthetic: rating lies .* nothing was installed"):
        install(sources, tmp_path / "models", scores=[Score.AESTHETIC])
    assert not list((tmp_path / "models").iterdir())
