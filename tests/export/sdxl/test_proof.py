"""The parity report: what it accepts, and that a wrong number anywhere makes it refuse."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from onnx import numpy_helper

from bridge.errors import ConversionFailed
from bridge.finish.contracts import contracts
from bridge.finish.layout import Layout
from bridge.registry import load_registry
from export.precision import BOUNDS, Precision
from export.proof import Tensors, onnx_runner, run_module
from export.sdxl import install as installing
from export.sdxl.install import install
from export.sdxl.layouts import make_layout
from export.sdxl.modules import networks
from export.sdxl.proof import prove, references
from export.sdxl.reading import read
from tests.finish import exported

NETWORK = "vae_decode"


@pytest.fixture(scope="module")
def decoder(checkpoint: Path) -> tuple[torch.nn.Module, Layout, list[Tensors]]:
    """The decoder in PyTorch, and what it computes."""
    choice = exported.choice(checkpoint)
    found = read(choice, load_registry())
    layout = make_layout(found, choice)
    module = networks(found.parts, layout)[NETWORK]
    return module, layout, references(module, contracts(layout)[NETWORK], layout)


def test_what_was_exported_is_within_its_bound(
    tiny_repository: Path, decoder: tuple[torch.nn.Module, Layout, list[Tensors]]
) -> None:
    """Far within: the bounds leave room for full size, not for mistakes."""
    _, layout, expected = decoder
    run = onnx_runner(tiny_repository / NETWORK / "1" / "model.onnx")
    proof = prove(run, "onnxruntime", contracts(layout)[NETWORK], layout, expected, Precision.FP32)
    assert 0 < proof.differences["image"].max_rel < BOUNDS[Precision.FP32] / 10
    assert proof.rows == (1, 3)


def test_a_wrong_weight_is_refused(
    tiny_repository: Path, tmp_path: Path, decoder: tuple[torch.nn.Module, Layout, list[Tensors]]
) -> None:
    """One number of one convolution, a tenth too large."""
    _, layout, expected = decoder
    model = onnx.load(tiny_repository / NETWORK / "1" / "model.onnx")
    weight = next(each for each in model.graph.initializer if each.name.endswith("decoder.conv_out.weight"))
    values = numpy_helper.to_array(weight).copy()
    values[0, 0] += 0.1
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(model, tmp_path / "wrong.onnx")
    with pytest.raises(
        ConversionFailed, match=r"vae_decode: image lies .* more than the 0.0002 .* nothing was installed"
    ):
        prove(
            onnx_runner(tmp_path / "wrong.onnx"), "onnxruntime", contracts(layout)[NETWORK], layout, expected,
            Precision.FP32,
        )  # fmt: skip


@pytest.mark.parametrize("spoiled", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(
    decoder: tuple[torch.nn.Module, Layout, list[Tensors]], spoiled: float
) -> None:
    """Also where only the last of several batches overflows."""
    module, layout, expected = decoder
    contract = contracts(layout)[NETWORK]

    def run(inputs: Tensors) -> Tensors:
        (image,) = run_module(module, contract, inputs).values()
        image[2:, 0, 0, 0] = spoiled
        return {"image": image}

    with pytest.raises(ConversionFailed, match="vae_decode: image lies"):
        prove(run, "PyTorch", contract, layout, expected, Precision.BF16)


def test_a_wrong_shape_or_type_is_refused(decoder: tuple[torch.nn.Module, Layout, list[Tensors]]) -> None:
    """The contract is what callers rely on."""
    module, layout, expected = decoder
    contract = contracts(layout)[NETWORK]

    def run(inputs: Tensors) -> Tensors:
        return {"image": run_module(module, contract, inputs)["image"].half()}

    with pytest.raises(ConversionFailed, match=r"came out as torch\.float16"):
        prove(run, "PyTorch", contract, layout, expected, Precision.FP16)


def test_what_is_refused_leaves_the_repository_as_it_was(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The installation before stays, and nothing is left beside it."""
    repository = tmp_path / "models"
    before = repository / "text_encode" / "1" / "model.onnx"
    before.parent.mkdir(parents=True)
    before.write_text("before")
    monkeypatch.setattr(
        installing, "onnx_runner", lambda _: lambda _: {"text": torch.ones(1), "pooled": torch.ones(1)}
    )
    with pytest.raises(ConversionFailed, match="text_encode: text came out as"):
        install(exported.choice(checkpoint, buckets=((64, 96),), refiner=None), repository)
    assert before.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["models"]
