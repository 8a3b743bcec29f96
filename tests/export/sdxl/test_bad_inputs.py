"""What can't be exported is refused before anything is translated, with a sentence that says what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bridge.errors import (
    ArtifactCorrupt,
    ArtifactMissing,
    ConfigError,
    ConversionFailed,
    LicenceForbids,
    VfrError,
)
from bridge.registry import Tier, load_registry
from export.sdxl.choice import Choice, Family, parse_bucket, parse_lora, parse_named
from export.sdxl.reading import read
from tests.finish import exported, tiny

UNET = "unet/diffusion_pytorch_model.safetensors"


def changed(path: Path, **changes: object) -> None:
    """Change a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def quantised(path: Path) -> None:
    """Turn one tensor of a file into bytes."""
    weights = load_file(path)
    weights["conv_in.weight"] = weights["conv_in.weight"].to(torch.int8)
    save_file(weights, path)


def cut_short(path: Path) -> None:
    """Leave the half of a file."""
    path.write_bytes(path.read_bytes()[:1000])


def five_channels(base: Path) -> None:
    """Exchange the denoiser for one that reads a latent of five channels."""
    shutil.rmtree(base / "unet")
    changes = tiny._unet(in_channels=5)
    tiny.randomize(
        tiny.UNet2DConditionModel(**changes, up_block_types=("CrossAttnUpBlock2D", "UpBlock2D")), 0
    ).save_pretrained(base / "unet")


FILES: dict[str, tuple[Callable[[Path], object], type[VfrError], str]] = {
    "no weights": (
        lambda b: (b / UNET).unlink(),
        ArtifactMissing,
        r"unet has no diffusion_pytorch_model.safetensors .*stable-diffusion-xl-base-1.0 under LicenseRef-OpenRAIL",
    ),
    "no config": (lambda b: (b / "vae/config.json").unlink(), ArtifactMissing, "vae has no config.json"),
    "no part": (lambda b: shutil.rmtree(b / "text_encoder_2"), ArtifactMissing, "no folder .*text_encoder_2"),
    "no scheduler": (
        lambda b: shutil.rmtree(b / "scheduler"),
        ArtifactMissing,
        "scheduler_config.json is missing",
    ),
    "a pickle": (
        lambda b: (b / UNET).rename(b / "unet/diffusion_pytorch_model.bin"),
        ConversionFailed,
        "is a pickle.*python -m export safetensors",
    ),
    "half a file": (lambda b: cut_short(b / UNET), ArtifactCorrupt, "can't be read .*fetch it anew"),
    "bytes for weights": (lambda b: quantised(b / UNET), ConversionFailed, "conv_in.weight of .* is I8"),
    "another config": (
        lambda b: changed(b / "unet/config.json", in_channels=8),
        ConversionFailed,
        "don't suit its config.json",
    ),
    "a fifth channel": (five_channels, ConversionFailed, "takes 5 channels and gives 4; .*must take 4, or 9"),
    "an unknown scheduler": (
        lambda b: changed(b / "scheduler/scheduler_config.json", _class_name="Magic"),
        ConversionFailed,
        "names no scheduler of diffusers",
    ),
    "no JSON": (
        lambda b: (b / "model_index.json").write_text("{"),
        ArtifactCorrupt,
        "model_index.json can't be read",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_files_that_are_not_as_they_should_be(checkpoint: Path, tmp_path: Path, case: str) -> None:
    """Which one, what is wrong with it, where another comes from."""
    spoil, error, sentence = FILES[case]
    shutil.copytree(checkpoint / "base", tmp_path / "base")
    spoil(tmp_path / "base")
    with pytest.raises(error, match=sentence):
        read(exported.choice(tmp_path, refiner=None), load_registry())


CHOICES: dict[str, tuple[dict[str, object], type[VfrError], str]] = {
    "nobody says that it may be sold": (
        {"commercial_use": False},
        LicenceForbids,
        "nobody said that base may be sold, so the tier pro .*--tier basic",
    ),
    "a registry's file for research": ({"source": "instantid_net"}, LicenceForbids, "forbids commercial use"),
    "a registry's file that isn't here": (
        {"source": "sdxl_base"},
        ArtifactMissing,
        "python -m export fetch sdxl_base",
    ),
    "a registry's file that nobody pinned": (
        {"source": "ip_adapter_faceid_plusv2_sdxl", "tier": Tier.BASIC},
        ArtifactMissing,
        "write sha256, size and commit into configs/registry.yaml",
    ),
    "neither a path nor an id": ({"source": "sdxl_bse"}, ArtifactMissing, "nor is it an id"),
    "a bucket between": ({"buckets": ((72, 96),)}, ConfigError, "72x96 .*multiples of 16 px; 64x96 would do"),
    "a LoRA that isn't one": (
        {"loras": (("{base}/vae", 1.0),)},
        ConversionFailed,
        "no LoRA's of kohya's or diffusers",
    ),
    "an adapter that isn't one": ({"adapters": {"garment": "{base}/vae"}}, ConversionFailed, "is no adapter"),
    "a ControlNet of another width": (
        {"nets": {"pose": "{narrow}"}},
        ConversionFailed,
        "don't belong together",
    ),
    "the base as the refiner": (
        {"refiner": "{base}"},
        ConversionFailed,
        "the refiner and the last text encoder",
    ),
}


@pytest.mark.parametrize("case", CHOICES)
def test_choices_that_cannot_be_meant(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """Licences, ids, sizes, and parts that are not made for each other."""
    changes, error, sentence = CHOICES[case]
    monkeypatch.setenv("VFR_ARTIFACTS", str(tmp_path))
    places = {"base": checkpoint / "base", "narrow": tmp_path / "net"}
    if "narrow" in str(changes):
        tiny.net(width=tiny.WIDTH).save_pretrained(places["narrow"])
    with pytest.raises(error, match=sentence):
        read(exported.choice(checkpoint, **_filled(changes, places)), load_registry())


def _filled(changes: dict[str, object], places: dict[str, Path]) -> dict[str, object]:
    """Put folders into a table's words."""

    def fill(value: object) -> object:
        if isinstance(value, str) and not isinstance(value, Tier):
            return value.format(**places)
        if isinstance(value, dict):
            return {key: fill(each) for key, each in value.items()}
        return tuple(fill(each) for each in value) if isinstance(value, tuple) else value

    return {key: fill(value) for key, value in changes.items()}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: parse_bucket("1024*1344"), "is no bucket; write width x height"),
        (lambda: parse_bucket("0x64"), "is no bucket"),
        (lambda: parse_named("pose"), "write name=folder"),
        (lambda: parse_named("=dir"), "write name=folder"),
        (lambda: parse_lora("a.safetensors:much"), "a number from -4 to 4"),
        (lambda: parse_lora("a.safetensors:9"), "a number from -4 to 4"),
        (lambda: Choice("x", ()), "at least one bucket"),
        (lambda: Choice("x", ((64, 64),), adapters={"hat": "f"}), "an adapter is garment, face, identity"),
        (lambda: Choice("x", ((64, 64),), Family.SD15, refiner="r"), "has no refiner"),
        (lambda: Choice("x", ((64, 64),), identity_net="n"), "--adapter identity=FILE"),
    ],
)
def test_words_of_the_command_line(make: Callable[[], object], sentence: str) -> None:
    """A slip is answered with the form that is meant."""
    with pytest.raises(ConfigError, match=sentence):
        make()


def test_the_forms_of_the_command_line() -> None:
    """What is meant is understood."""
    assert parse_bucket("1024x1344") == (1024, 1344)
    assert parse_named("pose=a/b=c") == ("pose", "a/b=c")
    assert parse_lora("a.safetensors") == ("a.safetensors", 1.0)
    assert parse_lora("a.safetensors:0.5") == ("a.safetensors", 0.5)
