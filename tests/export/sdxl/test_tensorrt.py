"""TensorRT: the command lines, the profiles and the keys, which need neither TensorRT nor a card."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from bridge.errors import ArtifactMissing, ConfigError, ConversionFailed
from bridge.finish.contracts import contracts
from bridge.finish.layout import Layout
from export.cards import Card, Finishing, Rows, find_card
from export.sdxl.tensorrt import Machine, Plan, build, plan_key, plans, tensorrt_version

LAYOUT = Layout(
    source="tiny", sha256="0" * 64, licence="MIT", commercial_use=True, buckets=((1024, 1344), (768, 1024)),
    text_width=64, pooled_width=32, channels=32, union_kinds=8, face_width=512, scheduler={},
)  # fmt: skip
CARD = Card(
    finisher=Finishing(
        workspace_mib=2048, rows=Rows(min=2, opt=2, max=8), buckets={"768x1024": Rows(min=1, opt=4, max=16)}
    )
)
L4 = Machine("8.9", "10.13.3")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Installed networks whose graphs are empty files."""
    monkeypatch.setenv("VFR_ARTIFACTS", str(tmp_path / "artifacts"))
    for name in contracts(LAYOUT):
        (tmp_path / "models" / name / "1").mkdir(parents=True)
        (tmp_path / "models" / name / "1" / "model.onnx").write_text(name)
    layout = tmp_path / "models" / "finish" / "1" / "layout.json"
    layout.parent.mkdir(parents=True)
    layout.write_text(LAYOUT.model_dump_json())
    return tmp_path / "models"


def planned(repository: Path, name: str) -> Plan:
    """The plan of one network."""
    return next(plan for plan in plans(repository, LAYOUT, CARD, L4) if plan.contract.name == name)


def test_the_command_line_of_a_denoiser(repository: Path) -> None:
    """Strongly typed, one profile of rows, the card's memory."""
    plan = planned(repository, "denoise_1024x1344")
    command = plan.command()
    assert command[:4] == ["trtexec", f"--onnx={plan.onnx}", f"--saveEngine={plan.path}", "--stronglyTyped"]
    assert "--memPoolSize=workspace:2048M" in command
    shapes = {
        text.partition("=")[0]: text.partition("=")[2].split(",") for text in command if "Shapes=" in text
    }
    assert shapes["--minShapes"][:3] == ["latent:2x4x168x128", "timestep:2x1", "text:2x77x64"]
    assert shapes["--optShapes"][0] == "latent:2x4x168x128"
    assert shapes["--maxShapes"][0] == "latent:8x4x168x128"
    assert len(shapes["--maxShapes"]) == len(plan.contract.inputs)


@pytest.mark.parametrize(
    ("name", "tensor", "shapes"),
    [
        ("denoise_768x1024", "latent", ((1, 4, 128, 96), (4, 4, 128, 96), (8, 4, 128, 96))),
        ("vae_encode", "image", ((1, 3, 1024, 768), (1, 3, 1344, 1024), (8, 3, 1344, 1024))),
        ("vae_decode", "latent", ((1, 4, 128, 96), (1, 4, 168, 128), (8, 4, 168, 128))),
        ("text_encode", "ids_1", ((1, 77), (1, 77), (8, 77))),
        ("control_embed_768x1024", "control", ((1, 3, 1024, 768), (1, 3, 1024, 768), (8, 3, 1024, 768))),
    ],
)
def test_the_profiles(repository: Path, name: str, tensor: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    """A bucket's own rows, at most the contract's; the autoencoder's sides from the least to the largest bucket."""
    assert planned(repository, name).shapes[tensor] == shapes


def test_whatever_a_plan_depends_on_is_in_its_key() -> None:
    """Another network, file, card, version or set of buckets is another plan."""
    known = plan_key("denoise_64x96", "a" * 64, L4, LAYOUT)
    assert known == f"denoise_64x96.{'a' * 16}.sm89.trt10.13.3"
    others = {
        plan_key("denoise_96x64", "a" * 64, L4, LAYOUT),
        plan_key("denoise_64x96", "b" * 64, L4, LAYOUT),
        plan_key("denoise_64x96", "a" * 64, Machine("9.0", "10.13.3"), LAYOUT),
        plan_key("denoise_64x96", "a" * 64, Machine("8.9", "11.0.0"), LAYOUT),
        plan_key("vae_encode", "a" * 64, L4, LAYOUT),
        plan_key("vae_encode", "a" * 64, L4, LAYOUT.model_copy(update={"buckets": ((64, 64),)})),
        known,
    }
    assert len(others) == 7


@pytest.mark.parametrize(
    ("banner", "said"),
    [
        ("&&&& RUNNING TensorRT.trtexec [TensorRT v101303] [b9]", "10.13.3"),
        ("&&&& RUNNING TensorRT.trtexec [TensorRT v110400]", "11.4.0"),
    ],
)
def test_trtexec_says_its_version(banner: str, said: str) -> None:
    """In its first line."""
    assert tensorrt_version(banner) == said


@pytest.mark.parametrize(
    ("banner", "sentence"),
    [("[TensorRT v80601]", "8.6.1 is too old"), ("[TensorRT v8601]", "too old"), ("", "does not say")],
)
def test_a_tensorrt_that_is_too_old_is_refused(banner: str, sentence: str) -> None:
    """Before anything is built."""
    with pytest.raises(ConfigError, match=sentence):
        tensorrt_version(banner)


FAKE = """#!/bin/sh
echo "&&&& RUNNING TensorRT.trtexec [TensorRT v101303]"
for word in "$@"; do case "$word" in --saveEngine=*) {act} ;; esac; done
"""


def fake_trtexec(folder: Path, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    """Put a trtexec first in the path that counts how often it built."""
    folder.mkdir()
    script = folder / "trtexec"
    script.write_text(FAKE.format(act=act))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_plans_are_built_once_and_installed_for_their_card(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time they are there already; the card's config runs them, the plain one still runs the ONNX."""
    count = tmp_path / "count"
    fake_trtexec(tmp_path / "bin", monkeypatch, f'echo plan > "${{word#--saveEngine=}}"; echo x >> {count}')
    installed = build(repository, "l4")
    assert {path.name for path in installed} == {"model.plan"}
    assert len(count.read_text().split()) == len(installed) == len(contracts(LAYOUT))
    build(repository, "l4")
    assert len(count.read_text().split()) == len(installed)
    text = (repository / "denoise_768x1024" / "configs" / "l4.pbtxt").read_text()
    assert text_format.Parse(text, pb.ModelConfig()).backend == "tensorrt"


def test_a_plan_that_can_not_be_built_says_why(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With TensorRT's last words; nothing is left in the store."""
    fake_trtexec(tmp_path / "bin", monkeypatch, "echo Error: no such layer; exit 1")
    with pytest.raises(ConversionFailed, match=r"(?s)could not build text_encode.*no such layer"):
        build(repository, "l4")
    assert not list((tmp_path / "artifacts" / "plans").glob("*.plan"))


def test_without_tensorrt_the_container_is_named(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And without a checkpoint, the command that installs one."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ArtifactMissing, match="inside NVIDIA's container"):
        build(repository, "l4")
    with pytest.raises(ArtifactMissing, match="run `python -m export sdxl` first"):
        build(repository / "elsewhere", "l4")


def test_a_card_without_a_device_has_no_plans(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configuration for machines without a card is no card."""
    fake_trtexec(tmp_path / "bin", monkeypatch, ":")
    assert find_card("cpu").device is None
    with pytest.raises(ConfigError, match="no graphics card"):
        build(repository, "cpu")
