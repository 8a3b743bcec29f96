"""Whole exports beyond the one that the fast tests share: few bits with every adapter, and compiled packages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import text_format
from safetensors.torch import save_file
from tritonclient.grpc import model_config_pb2 as pb

from export.sdxl.choice import Precision, Target
from export.sdxl.install import install
from export.sdxl.installed import report_path
from export.sdxl.proof import BOUNDS
from tests.finish import exported, tiny, tiny_adapters

pytestmark = pytest.mark.slow
BUCKET = ((64, 96),)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """A choice's words for every adapter and both kinds of ControlNets."""
    folder, unet = tmp_path_factory.mktemp("files"), tiny.unet()
    makes = {"garment": tiny_adapters.plus, "face": tiny_adapters.face, "identity": tiny_adapters.identity}
    for name, make in makes.items():
        flat = {f"{part}.{key}": each for part, group in make(unet).items() for key, each in group.items()}
        save_file({key: each.contiguous() for key, each in flat.items()}, folder / f"{name}.safetensors")
    tiny.net().save_pretrained(folder / "pose")
    tiny.net(5).save_pretrained(folder / "identity_net")
    return {
        "adapters": {name: str(folder / f"{name}.safetensors") for name in makes},
        "nets": {"pose": str(folder / "pose")},
        "identity_net": str(folder / "identity_net"),
    }


@pytest.mark.parametrize("precision", [Precision.FP16, Precision.BF16])
def test_every_network_in_few_bits(
    checkpoint: Path, tmp_path: Path, everything: dict[str, object], precision: Precision
) -> None:
    """Within its bound of float32, and not by being float32; the autoencoder stays whole."""
    choice = exported.choice(checkpoint, buckets=BUCKET, precision=precision, refiner=None, **everything)
    installed = install(choice, tmp_path / "models")
    errors = {
        report.model: next(iter(report.proof.differences.values())).max_rel for report in installed.reports
    }
    exact = {"vae_encode", "vae_decode"}
    assert all(1e-5 < error <= BOUNDS[precision] for name, error in errors.items() if name not in exact)
    assert all(errors[name] < 1e-5 for name in exact)
    runners = {report.proof.runner for report in installed.reports}
    assert runners == {"PyTorch" if precision is Precision.BF16 else "onnxruntime"}


def test_packages_of_aotinductor(checkpoint: Path, tmp_path: Path) -> None:
    """Compiled here, proven by running them, under the config of Triton's PyTorch backend."""
    choice = exported.choice(checkpoint, buckets=BUCKET, target=Target.AOTI, refiner=None)
    installed = install(choice, tmp_path / "models")
    for report in installed.reports:
        assert (tmp_path / "models" / report.model / "1" / "model.pt2").is_file()
        kept = json.loads(report_path(tmp_path / "models", report.model).read_text())
        assert kept["proof"]["runner"] == "AOTInductor"
    config = text_format.Parse(
        (tmp_path / "models" / "text_encode" / "config.pbtxt").read_text(), pb.ModelConfig()
    )
    assert (config.backend, config.platform) == ("pytorch", "torch_aoti")
