"""Files that are something else: told in words, and nothing of them runs."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from safetensors.torch import load_file, save_file

from bridge.errors import ArtifactCorrupt, ArtifactMissing, ConversionFailed, LicenceForbids
from bridge.registry import FileSource, Registry, load_registry, sha256_of
from export import pickles
from export.scores.choice import Score, locate
from export.scores.installing import install
from tests.scores import tiny

Weights = dict[str, torch.Tensor]


def refused(sources: Mapping[str, Path], score: Score, tmp_path: Path, **changed: Path) -> None:
    """Install one network of changed files; it must be refused and leave nothing."""
    try:
        install({**sources, **changed}, tmp_path / "models", scores=[score])
    finally:
        assert not list((tmp_path / "models").iterdir())


# --- CLIP -------------------------------------------------------------------------------------------------


def _projected(weights: Weights) -> None:
    weights["visual_projection.weight"] = weights["visual_projection.weight"][:512].contiguous()


def _finer(weights: Weights) -> None:
    width = tiny.WIDTH
    weights["vision_model.embeddings.position_embedding.weight"] = torch.zeros(101, width)


def _headless(weights: Weights) -> None:
    del weights["visual_projection.weight"]


def _torn(weights: Weights) -> None:
    del weights["vision_model.encoder.layers.1.mlp.fc2.weight"]


def _quantized(weights: Weights) -> None:
    weights["visual_projection.weight"] = weights["visual_projection.weight"].to(torch.int8)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_projected, r"CLIP of 224 px, 128 channels and 512 numbers, where ViT-L/14's 224 px and 768"),
        (_finer, r"CLIP of 320 px"),
        (_headless, r"no CLIP in transformers' names: it has no 'visual_projection.weight'"),
        (_torn, r"holds another network .*layers\.1\.mlp\.fc2\.weight"),
        (_quantized, r"visual_projection.weight of .* is I8; export reads BF16, F16, F32"),
    ],
)
def test_another_clip(
    sources: Mapping[str, Path], tmp_path: Path, change: Callable[[Weights], None], sentence: str
) -> None:
    """Of another size, of one tower, torn, or in whole numbers."""
    path = tmp_path / "clip.safetensors"
    weights = load_file(sources["clip_vit_large_patch14"])
    change(weights)
    save_file(weights, path)
    with pytest.raises(ConversionFailed, match=sentence):
        refused(sources, Score.CLIP, tmp_path, clip_vit_large_patch14=path)


def test_a_file_cut_short(sources: Mapping[str, Path], tmp_path: Path) -> None:
    """Whatever its form."""
    for artifact, score in (("clip_vit_large_patch14", Score.CLIP), ("auraface", Score.FACE)):
        content = sources[artifact].read_bytes()
        path = tmp_path / sources[artifact].name
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(ArtifactCorrupt, match="fetch it anew"):
            refused(sources, score, tmp_path, **{artifact: path})


# --- pickles ----------------------------------------------------------------------------------------------


class Bomb:
    """Makes a file where it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize(
    ("artifact", "score"),
    [("aesthetic_predictor", Score.AESTHETIC), ("alexnet", Score.LPIPS), ("lpips_alex", Score.LPIPS)],
)
def test_nothing_in_a_pickle_runs(
    sources: Mapping[str, Path], tmp_path: Path, artifact: str, score: Score
) -> None:
    """Tensors are read, and a file with more is none of ours."""
    fired, path = tmp_path / "fired", tmp_path / "weights.pth"
    torch.save({"layers.0.weight": Bomb(fired)}, path)
    with pytest.raises(ConversionFailed, match="not only tensors"):
        refused(sources, score, tmp_path, **{artifact: path})
    assert not fired.exists()
    pickle.loads(pickle.dumps(Bomb(fired)))  # noqa: S301 - shows that the file would have run
    assert fired.exists()


def test_other_weights_under_the_name(sources: Mapping[str, Path], tmp_path: Path) -> None:
    """The predictor of a smaller CLIP, VGG's heads, a trunk that lost a layer."""
    path = tmp_path / "weights.pth"
    for artifact, score, change in (
        ("aesthetic_predictor", Score.AESTHETIC, ("layers.0.weight", torch.zeros(1024, 512))),
        ("lpips_alex", Score.LPIPS, ("lin1.model.1.weight", torch.zeros(1, 128, 1, 1))),
        ("alexnet", Score.LPIPS, ("features.3.weight", torch.zeros(192, 64, 3, 3))),
    ):
        torch.save({**pickles.read(sources[artifact]), change[0]: change[1]}, path)
        with pytest.raises(ConversionFailed, match="holds another network"):
            refused(sources, score, tmp_path, **{artifact: path})


# --- faces ------------------------------------------------------------------------------------------------


def _external(model: onnx.ModelProto) -> None:
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "weights.bin")
    model.graph.initializer[0].ClearField("raw_data")


def _foreign(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "com.somebody"
    model.opset_import.append(helper.make_opsetid("com.somebody", 1))


def _function(model: onnx.ModelProto) -> None:
    model.functions.append(helper.make_function("com.somebody", "Trick", [], [], [], []))


def _smaller(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 96


def _two(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("mask", 1, [1, 1]))


def _bytes(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8


def _scaling(model: onnx.ModelProto) -> None:
    first = model.graph.node[0]
    model.graph.initializer.append(numpy_helper.from_array(torch.ones(1).numpy(), "one"))
    scaling = [
        helper.make_node("Sub", ["input.1", "one"], ["s"]),
        helper.make_node("Mul", ["s", "one"], ["m"]),
    ]
    first.input[0] = "m"
    nodes = [*scaling, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _one_row(model: onnx.ModelProto) -> None:
    """Flatten into one row, however many faces come."""
    flatten = next(node for node in model.graph.node if node.op_type == "Flatten")
    shape = numpy_helper.from_array(torch.tensor([1, 576]).numpy(), "shape")
    model.graph.initializer.append(shape)
    flatten.CopyFrom(helper.make_node("Reshape", [flatten.input[0], "shape"], [flatten.output[0]]))


def _open(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    model.graph.output[0].type.tensor_type.ClearField("shape")


def test_sizes_that_a_file_leaves_open_are_tried(sources: Mapping[str, Path], tmp_path: Path) -> None:
    """The proof runs it at the contract's."""
    path = tmp_path / "face.onnx"
    model = onnx.load(sources["auraface"])
    _open(model)
    onnx.save(model, path)
    install({"auraface": path}, tmp_path / "models", scores=[Score.FACE])
    made = onnx.load(tmp_path / "models" / "face_embed" / "1" / "model.onnx").graph
    shapes = [
        [size.dim_value for size in v.type.tensor_type.shape.dim[1:]] for v in (*made.input, *made.output)
    ]
    assert shapes == [[3, 112, 112], [512]]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_external, "in another file; use the publisher's whole one"),
        (_foreign, "needs com.somebody's Conv, which is no operator of ONNX"),
        (_function, "needs com.somebody's Trick"),
        (
            _smaller,
            r"another network: where one fp32 tensor of rows x \[3, 112, 112\] belongs, it has input.1 \[3, 96",
        ),
        (_two, r"it has input.1 \[3, 112, 112\] and mask \[1\]"),
        (_bytes, "another network"),
        (_scaling, "takes pixels from 0 to 255"),
        (_one_row, "onnxruntime can't run the network; nothing was installed"),
    ],
)
def test_another_face_network(
    sources: Mapping[str, Path], tmp_path: Path, change: Callable[[onnx.ModelProto], None], sentence: str
) -> None:
    """One that needs more than its file, is of another kind, or can't do several faces at once."""
    path = tmp_path / "face.onnx"
    model = onnx.load(sources["auraface"])
    change(model)
    onnx.save(model, path)
    with pytest.raises(ConversionFailed, match=sentence):
        refused(sources, Score.FACE, tmp_path, auraface=path)


# --- files ------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_given(sources: Mapping[str, Path], tmp_path: Path) -> None:
    """With the command that fetches it."""
    rest = {artifact: path for artifact, path in sources.items() if artifact != "alexnet"}
    with pytest.raises(ArtifactMissing, match=r"alexnet .* `python -m export fetch alexnet`"):
        refused(rest, Score.LPIPS, tmp_path)


@pytest.fixture
def registry(sources: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry whose files are the small ones."""
    monkeypatch.setenv("VFR_WEIGHTS", "/")
    known = load_registry()
    return Registry(
        {
            name: replace(
                known[name], source=FileSource(str(path)), sha256=sha256_of(path), size=path.stat().st_size
            )
            for name, path in sources.items()
        }
    )


def test_files_are_found_by_the_registry(sources: Mapping[str, Path], registry: Registry) -> None:
    """Each checked, and only those that are needed."""
    assert locate(Score, registry) == sources
    assert set(locate([Score.LPIPS], registry)) == {"alexnet", "lpips_alex"}


def test_a_file_that_is_another_one_is_not_used(registry: Registry) -> None:
    """Its sha256 says so."""
    registry["auraface"] = replace(registry["auraface"], sha256="0" * 64)
    with pytest.raises(ArtifactCorrupt, match="auraface"):
        locate([Score.FACE], registry)


def test_what_may_not_be_sold_is_not_used(registry: Registry) -> None:
    """The scores judge the pictures of every tier."""
    registry["auraface"] = replace(registry["auraface"], commercial_use=False, licence="LicenseRef-research")
    with pytest.raises(LicenceForbids, match="auraface is under LicenseRef-research"):
        locate([Score.FACE], registry)
