"""What an installation holds, and how one takes another's place."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from bridge.contracts import ANY
from bridge.finish.contracts import contracts
from bridge.finish.layout import Layout
from bridge.finish.prompt import tokenizers
from export.sdxl import installed
from export.sdxl.choice import Target
from export.sdxl.tensorrt import read_layout
from tests.finish import tiny


@pytest.fixture(scope="module")
def layout(tiny_repository: Path) -> Layout:
    """What the repository says that it holds."""
    return read_layout(tiny_repository)


def test_the_layout_is_the_checkpoints(layout: Layout) -> None:
    """Widths, kinds and switches come from the parts' own configurations."""
    assert layout.buckets == tiny.BUCKETS[:1]
    assert (layout.text_width, layout.pooled_width, layout.channels) == (2 * tiny.WIDTH, tiny.WIDTH, 32)
    assert (layout.union_kinds, layout.time_ids, layout.latent_factor) == (8, 6, 0.13025)
    assert layout.refiner is not None
    assert (layout.refiner.text_width, layout.refiner.time_ids, layout.refiner.aesthetics) == (
        tiny.WIDTH,
        5,
        True,
    )
    assert layout.scheduler["_class_name"] == "EulerDiscreteScheduler"
    assert (layout.licence, layout.commercial_use) == ("Apache-2.0", True)


def test_every_network_is_there_with_its_config_and_its_report(tiny_repository: Path, layout: Layout) -> None:
    """Named, shaped and typed as the contract says; each within its bound."""
    known = contracts(layout)
    assert {folder.name for folder in installed.networks(tiny_repository)} == set(known)
    for name, contract in known.items():
        folder = tiny_repository / name
        config = text_format.Parse((folder / "config.pbtxt").read_text(), pb.ModelConfig())
        assert (config.name, config.backend, config.max_batch_size) == (
            name,
            "onnxruntime",
            contract.max_batch,
        )
        report = json.loads((folder / "1" / "report.json").read_text())
        assert all(each["max_rel"] < each["bound"] for each in report["proof"]["differences"].values())
        assert report["proof"]["runner"] == "onnxruntime"
        assert report["weights_sha256"] == layout.sha256
        told = config.parameters["weights"].string_value
        assert told == f"{layout.sha256[:16]}-{report['file_sha256'][:16]}"


def test_the_graphs_have_the_contracts_tensors(tiny_repository: Path, layout: Layout) -> None:
    """Rows are free, a bucket's sides are fixed, the autoencoder's are free."""
    for name, contract in contracts(layout).items():
        graph = onnx.load(tiny_repository / name / "1" / "model.onnx").graph
        for found, tensors in ((graph.input, contract.inputs), (graph.output, contract.outputs)):
            assert [each.name for each in found] == [tensor.name for tensor in tensors]
            for each, tensor in zip(found, tensors, strict=True):
                rows, *shape = each.type.tensor_type.shape.dim
                assert rows.dim_param, (name, each.name)
                assert [size.dim_value or ANY for size in shape] == list(tensor.shape), (name, each.name)


def test_the_tokenizers_are_those_of_the_checkpoint(tiny_repository: Path, layout: Layout) -> None:
    """The finisher reads from them what transformers' tokenizer gives."""
    words = tokenizers(tiny_repository / "finish" / "1", layout)
    reference = tiny.tokenizer(tiny_repository.parent / "words")
    expected = reference("a photo", padding="max_length", max_length=77).input_ids
    assert [each.encode("a photo").ids for each in words] == [expected, expected]


def staged(folder: Path, *names: str) -> Path:
    """A checkpoint that is ready to be put in place."""
    for name in names:
        (folder / name / "1").mkdir(parents=True)
        (folder / name / "1" / "model.onnx").write_text(folder.name)
    (folder / "finish" / "1" / "tokenizer_1").mkdir(parents=True)
    return folder


def test_an_earlier_checkpoint_leaves_nothing_behind(tmp_path: Path, layout: Layout) -> None:
    """Buckets that the new one hasn't go; what is not the finisher's stays."""
    repository = tmp_path / "models"
    (repository / "pose" / "1").mkdir(parents=True)
    (repository / "finish" / "1").mkdir(parents=True)
    (repository / "finish" / "1" / "model.py").touch()
    installed.replace(repository, staged(tmp_path / "old", "denoise_64x96", "vae_encode"), layout)
    installed.replace(repository, staged(tmp_path / "new", "denoise_96x64"), layout)
    assert sorted(path.name for path in repository.iterdir()) == ["denoise_96x64", "finish", "pose"]
    assert (repository / "denoise_96x64" / "1" / "model.onnx").read_text() == "new"
    assert (repository / "finish" / "1" / "model.py").is_file()
    assert read_layout(repository) == layout


def test_an_installation_that_breaks_off_is_none(
    tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the layout is, everything is whole; so it goes first and comes last."""
    repository = tmp_path / "models"
    repository.mkdir()
    installed.replace(repository, staged(tmp_path / "old", "denoise_64x96"), layout)
    monkeypatch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(OSError("the disk is full")))
    with pytest.raises(OSError, match="full"):
        installed.replace(repository, staged(tmp_path / "new", "denoise_96x64"), layout)
    assert not installed.layout_path(repository).exists()


def test_packages_of_aotinductor_run_on_tritons_pytorch(tmp_path: Path, layout: Layout) -> None:
    """The config says which of that backend's two forms of model it is."""
    installed.write_config_files(tmp_path, layout, "cpu", Target.AOTI)
    config = text_format.Parse((tmp_path / "vae_encode" / "config.pbtxt").read_text(), pb.ModelConfig())
    assert (config.backend, config.platform) == ("pytorch", "torch_aoti")


def test_a_cards_configs_lie_beside_the_plain_ones(tmp_path: Path, layout: Layout) -> None:
    """What differs between them is how the networks run."""
    installed.write_config_files(tmp_path, layout, "l4", Target.ONNX)
    texts = [tmp_path / "denoise_64x96" / each for each in ("config.pbtxt", "configs/l4.pbtxt")]
    plain, l4 = (text_format.Parse(text.read_text(), pb.ModelConfig()) for text in texts)
    assert (plain.input, plain.output) == (l4.input, l4.output)
    assert l4.instance_group[0].kind == pb.ModelInstanceGroup.KIND_GPU
