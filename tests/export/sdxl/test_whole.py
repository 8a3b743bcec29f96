"""Whole exports beyond the one that the fast tests share: few bits with every adapter, and a compiled package."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import save_file

from bridge.finish.contracts import contracts
from bridge.registry import load_registry
from export.precision import BOUNDS, Precision
from export.sdxl.aoti import package_runner, write_package
from export.sdxl.install import install
from export.sdxl.layouts import make_layout
from export.sdxl.modules import networks
from export.sdxl.proof import prove, references
from export.sdxl.reading import read
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


def test_a_package_of_aotinductor(checkpoint: Path, tmp_path: Path) -> None:
    """Compiled here, and proven by running it: any number of rows, a picture of any size."""
    choice = exported.choice(checkpoint, buckets=BUCKET, refiner=None)
    found = read(choice, load_registry())
    layout = make_layout(found, choice)
    module, contract = networks(found.parts, layout)["vae_decode"], contracts(layout)["vae_decode"]
    write_package(module, contract, layout, tmp_path / "model.pt2")
    expected = references(module, contract, layout)
    proof = prove(
        package_runner(tmp_path / "model.pt2", contract),
        "AOTInductor",
        contract,
        layout,
        expected,
        Precision.FP32,
    )
    assert proof.differences["image"].max_rel < 1e-4
