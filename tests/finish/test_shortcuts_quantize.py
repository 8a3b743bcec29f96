"""Denoisers of eight bits: what they compute, what is refused, and where they are put."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bridge.errors import ArtifactMissing, ConfigError, ConversionFailed
from bridge.finish.contracts import contracts
from export.sdxl.calibration import Rows
from export.sdxl.choice import Format
from export.sdxl.installed import layout_path
from export.sdxl.quantize import BOUND, quantize, quantized
from tests.finish.rows import NAME, layout


def network(path: Path) -> Path:
    """Write one convolution of random weights, from ``latent`` to ``noise``."""
    weights = np.random.default_rng(0).normal(size=(4, 4, 3, 3)).astype(np.float32)
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", 4, 8, 8])
        for name in ("latent", "noise")
    ]
    node = helper.make_node("Conv", ["latent", "weights"], ["noise"], pads=[1, 1, 1, 1])
    graph = helper.make_graph(
        [node], "one", values[:1], values[1:], [numpy_helper.from_array(weights, "weights")]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def step(seed: int, scale: float = 1.0) -> Rows:
    """Return what one step gives it."""
    return {"latent": (scale * np.random.default_rng(seed).normal(size=(2, 4, 8, 8))).astype(np.float32)}


def test_eight_bits_are_near(tmp_path: Path) -> None:
    """Weights are whole numbers with a scale per channel, and the noise of unseen steps is within some hundredths."""
    exact = network(tmp_path / "model.onnx")
    jobs = [[step(10 * job + n) for n in range(3)] for job in range(3)]
    found = quantized(exact, tmp_path / "denoise_64x96", jobs)
    assert (found.model, found.calibration_rows, found.proof_rows) == ("denoise_64x96", 12, 6)
    assert 1e-4 < found.error < 0.03
    graph = onnx.load(tmp_path / "denoise_64x96" / "model.onnx").graph
    kept = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    (weights,) = (array for array in kept.values() if array.shape == (4, 4, 3, 3))
    assert weights.dtype == np.int8
    assert any(array.shape == (4,) and array.dtype == np.float32 for array in kept.values())
    assert {node.op_type for node in graph.node} == {"QuantizeLinear", "DequantizeLinear", "Conv"}


def test_a_range_that_was_not_seen_is_refused(tmp_path: Path) -> None:
    """A network whose scales are too small for what comes is told from a good one, with both numbers."""
    exact = network(tmp_path / "model.onnx")
    with pytest.raises(ConversionFailed, match=f"more than {BOUND:g}; nothing was installed"):
        quantized(exact, tmp_path / "denoise_64x96", [[step(0)], [step(1, scale=5.0)]])


def test_fp8_says_what_it_needs(tmp_path: Path) -> None:
    """Without ModelOpt and a card there is no fp8."""
    with pytest.raises(ArtifactMissing, match="ModelOpt and a card of compute capability"):
        quantize(tmp_path, Format.FP8)


@pytest.mark.parametrize(
    ("precision", "sentence"), [("fp16", "--precision fp32 first"), ("fp32", "--target onnx first")]
)
def test_other_checkpoints_are_refused(precision: str, sentence: str, tmp_path: Path) -> None:
    """Only networks in fp32 as ONNX become others; nothing installed at all is told too."""
    with pytest.raises(ArtifactMissing, match="no checkpoint is installed"):
        quantize(tmp_path)
    path = layout_path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text(layout("sdxl").model_copy(update={"precision": precision}).model_dump_json())
    with pytest.raises(ConfigError, match=sentence):
        quantize(tmp_path)


def test_a_plan_has_no_second_version(tmp_path: Path) -> None:
    """Where TensorRT runs the networks, a version without a plan would keep Triton from loading them."""
    path = layout_path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text(layout("sdxl").model_dump_json())
    for name in contracts(layout("sdxl")):
        folder = tmp_path / name / "1"
        folder.mkdir(parents=True)
        (folder / "model.onnx").touch()
    (tmp_path / f"denoise_{NAME}" / "1" / "model.plan").touch()
    with pytest.raises(ConfigError, match="TensorRT plan"):
        quantize(tmp_path)


@pytest.mark.slow
def test_the_installed_denoisers(tiny_repository: Path, tmp_path: Path) -> None:
    """Each bucket's denoiser gets a second version of half the size, whose report says how far it lies."""
    repository = tmp_path / "model_repository"
    shutil.copytree(tiny_repository, repository)
    made = quantize(repository)
    assert [each.model for each in made] == ["denoise_64x96", "denoise_96x64"]
    for each in made:
        folder = repository / each.model / "2"
        assert json.loads((folder / "report.json").read_text())["error"] == each.error < BOUND
        assert (folder / "model.onnx").stat().st_size < 0.7 * each.exact_bytes
        assert (repository / each.model / "1" / "model.onnx").stat().st_size == each.exact_bytes
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model_repository"]
