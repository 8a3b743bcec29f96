"""The memory that the finisher needs: counted without computing, summed by the card's rules."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from benchmarks import memory
from benchmarks.__main__ import app
from benchmarks.activations import weight, workspace
from benchmarks.finisher_networks import layout, modules, parts
from benchmarks.memory_table import of_memory
from bridge.errors import ConfigError
from export.sdxl.architectures import ARCHITECTURES


class Chain(torch.nn.Module):
    """Two layers, one after the other, of which the first's result dies before the second's is squared."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Linear(10, 100, bias=False), torch.nn.Linear(100, 10, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x)) ** 2


class Attention(torch.nn.Module):
    """Attention of a sequence to itself."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.scaled_dot_product_attention(x, x, x)


def test_what_lives_at_the_same_time_counts() -> None:
    """Weights and inputs don't; a tensor that nobody holds any more doesn't either."""
    with torch.device("meta"):
        chain = Chain()
        assert workspace(chain, [torch.empty(3, 10)]) == 4 * 3 * (100 + 10)
    assert weight(chain) == 4 * 2 * 1000


def test_attention_needs_its_output_alone() -> None:
    """As the kernels compute it: the matrix of all with all is never there."""
    with torch.device("meta"):
        assert workspace(Attention(), [torch.empty(1, 2, 5000, 64)]) == 4 * 2 * 5000 * 64


def test_the_full_denoiser_weighs_what_its_parts_do() -> None:
    """Denoiser, ControlNet-Union, and for each of two adapters the 340.8 million of its keys and values."""
    product = layout("fp16").model_copy(update={"refiner": None, "buckets": ((1024, 1344),)})
    made = modules(parts(product, "meta"), product, "meta")
    names = ("unet", "union")
    expected = sum(ARCHITECTURES[name].parameters for name in names) + 2 * 340.8
    assert weight(made["denoise_1024x1344"]) / 2e6 == pytest.approx(expected, abs=0.5)
    tokens = weight(made["image_encode"]) / 2e6 - ARCHITECTURES["image_encoder"].parameters
    assert tokens + 340.8 == pytest.approx(847.517512 / 2, abs=0.2)  # IP-Adapter Plus's file, two bytes each


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The layout of tiny networks, and the networks themselves."""
    chosen = layout("fp32", tiny=True)
    made = parts(chosen, "meta", tiny=True)
    path = tmp_path_factory.mktemp("tiny") / "layout.json"
    path.write_text(chosen.model_dump_json())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "parts", lambda layout, device: made)
        yield path


@pytest.fixture(scope="module")
def plans(tiny: Path) -> memory.Memory:
    """What TensorRT's plans need of a small card."""
    return memory.run("rtx4090", tiny, "tensorrt", ())


def test_a_small_card_shares_what_takes_turns(tiny: Path, plans: memory.Memory) -> None:
    """The sum is the sum; of what takes turns the largest counts, for TensorRT's plans all."""
    found = memory.run("rtx4090", tiny, "onnx", ())
    turns = [each["workspace"] for each in found["networks"] if each["takes_turns"]]
    always = sum(each["workspace"] for each in found["networks"] if not each["takes_turns"])
    assert len(turns) == 6
    assert (found["workspace_shared"], found["workspace_resident"]) == (max(turns), always)
    parts = (
        found["weights"],
        found["workspace_shared"],
        found["workspace_resident"],
        *found["others"].values(),
    )
    assert found["needed"] == sum(parts)
    assert (plans["workspace_shared"], plans["workspace_resident"]) == (0, always + sum(turns))


def test_what_was_measured_on_the_card_is_found(tmp_path: Path) -> None:
    """By network and rows, where the precision is the same."""
    row = {"network": "vae_decode", "rows": 1, "column": "eager", "workspace_mib": 777}
    run = {"precision": "fp32", "tiny": False, "sections": {"networks": {"rows": [row, {"what": "copy"}]}}}
    (tmp_path / "finisher-h200.json").write_text(json.dumps(run))
    assert memory.measured("h200", "fp32", tmp_path) == {("vae_decode", 1): 777}
    assert memory.measured("h200", "bf16", tmp_path) == memory.measured("l4", "fp32", tmp_path) == {}


def test_what_is_known_replaces_what_is_counted(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights by the files of what is installed, workspaces by a run on the card, rows by the card's profile."""
    folder = tmp_path / "vae_decode" / "1"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(bytes(2**20))
    (folder / "model.onnx.data").write_bytes(bytes(2**21))
    (folder / "report.json").write_text("{}")
    monkeypatch.setattr(memory, "REPOSITORY", tmp_path)
    monkeypatch.setattr(memory, "measured", lambda card, precision: {("vae_decode", 1): 777})
    found = {each["name"]: each for each in memory.run("l4", tiny, "onnx", ((64, 128),))["networks"]}
    decoder, encoder = found["vae_decode"], found["vae_encode"]
    assert (decoder["weights"], decoder["weights_from"], encoder["weights_from"]) == (
        3,
        "file",
        "architecture",
    )
    assert (decoder["workspace"], decoder["workspace_from"]) == (777, "measured")
    assert (encoder["workspace_from"], encoder["rows"]) == ("counted", 1)
    assert (found["denoise_64x128"]["rows"], found["refine_64x128"]["rows"]) == (4, 4)
    assert "denoise_128x192" not in found


def test_the_learned_scores_count_where_they_are_installed(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their files and a session each, on the cards on which they run."""
    key = "the learned scores' networks"
    monkeypatch.setattr(memory, "REPOSITORY", tmp_path)
    assert key not in memory.run("h200", tiny, "onnx", ())["others"]
    folder = tmp_path / "clip_image" / "1"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(bytes(2**21))
    assert memory.run("h200", tiny, "onnx", ())["others"][key] == 2 + memory.SESSION_MIB
    assert key not in memory.run("rtx4090", tiny, "onnx", ())["others"]


def test_the_table_gives_a_verdict(plans: memory.Memory) -> None:
    """In words, with what to do where it doesn't fit."""
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(of_memory(plans), of_memory({**plans, "fits": False, "needed": plans["usable"] + 1000}))
    shown = console.export_text()
    for word in ("denoise_128x192", "It fits, with", "1,000 MiB are missing", "--target onnx", "24,207"):
        assert word in shown


def test_the_command_writes_and_says_what_is_wrong(tiny: Path, tmp_path: Path) -> None:
    """Exit status 0 where it fits; a sentence for what can't be meant."""
    file = tmp_path / "memory.json"
    asked = ["memory", "--card", "l4", "--layout", str(tiny), "--bucket", "64x128", "--json", str(file)]
    assert CliRunner().invoke(app, asked).exit_code == 0
    assert json.loads(file.read_text())["card"] == "l4"
    assert "there is no card 'l5'" in CliRunner().invoke(app, ["memory", "--card", "l5"]).output
    assert CliRunner().invoke(app, [*asked, "--bucket", "large"]).exit_code == 2
    with pytest.raises(ConfigError, match="has no memory of its own"):
        memory.run("cpu", tiny, "onnx", ())
    with pytest.raises(ConfigError, match="no bucket 32x32"):
        memory.run("l4", tiny, "onnx", ((32, 32),))
