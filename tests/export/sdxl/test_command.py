"""`python -m export sdxl`, `plan` and `safetensors`: what a person sees."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from export.__main__ import app
from export.console import table
from export.installation import Report
from export.proof import Difference, Proof


def said(*words: str) -> tuple[int, str]:
    """Run a command; return its exit status and its words without line breaks."""
    done = CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (
            "sdxl",
            "--source --bucket --family --precision --target --vae --refiner --controlnet --net --adapter "
            "--image-encoder --identity-net --lora --licence --commercial-use --tier --max-rows --card --repository",
        ),
        ("plan", "--card --repository"),
        ("safetensors", ".ckpt"),
    ],
)
def test_help_names_every_option(command: str, options: str) -> None:
    """With what it means."""
    status, words = said(command, "--help")
    assert status == 0
    assert all(option in words for option in options.split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("sdxl", "--source", "nowhere", "--bucket", "1024x1344"),
            "ArtifactMissing: there is no file or folder nowhere",
        ),
        (("sdxl", "--source", "nowhere", "--bucket", "wide"), "ConfigError: 'wide' is no bucket"),
        (
            ("sdxl", "--source", "x", "--bucket", "64x64", "--net", "pose"),
            "ConfigError: 'pose' names nothing",
        ),
        (("plan", "--card", "l4", "--repository", "nowhere"), "no checkpoint is installed"),
    ],
)
def test_a_refusal_is_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    """An exit status of 1 and no traceback."""
    status, output = said(*words)
    assert status == 1
    assert sentence in output
    assert "Traceback" not in output


def test_a_wrong_word_is_refused_with_the_right_ones() -> None:
    """An exit status of 2, as for any wrong argument."""
    status, output = said("sdxl", "--source", "x", "--bucket", "64x64", "--precision", "fp8")
    assert status == 2
    assert "bf16" in output


def test_the_report_as_a_table() -> None:
    """One line per output, the network's name and size once."""
    proof = Proof({"a": Difference(1e-6, 2e-7, 2e-4), "b": Difference(0, 0, 2e-4)}, (1, 3), "onnxruntime", {})
    shown = table(
        [Report("vae", "tiny", "0" * 64, "fp32", "model.onnx", "0" * 64, 2_500_000, 1.0, "2026", proof)]
    )
    assert shown.row_count == 2
    columns = {str(column.header): list(column.cells) for column in shown.columns}
    assert columns["network"] == ["vae", ""]
    assert columns["relative"] == ["2.0e-07", "0.0e+00"]
    assert columns["size"] == ["2.5 MB", ""]


def test_a_pickle_is_rewritten_once(tmp_path: Path) -> None:
    """Tensors only; groups become parts of the names, as adapters in safetensors have them."""
    path = tmp_path / "adapter.bin"
    shared = torch.arange(4.0)
    torch.save({"image_proj": {"latents": shared}, "ip_adapter": {"1.to_k_ip.weight": shared[:2]}}, path)
    status, output = said("safetensors", str(path))
    assert (status, output) == (0, str(path.with_suffix(".safetensors")))
    found = load_file(path.with_suffix(".safetensors"))
    assert set(found) == {"image_proj.latents", "ip_adapter.1.to_k_ip.weight"}
    assert torch.equal(found["ip_adapter.1.to_k_ip.weight"], shared[:2])


class Trap:
    """What a pickle may carry beside numbers."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("sprung"),)  # type: ignore[return-value]


@pytest.mark.parametrize("content", [{"a": Trap()}, {"a": 1}, [1, 2]])
def test_a_pickle_of_anything_else_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: object
) -> None:
    """Nothing in it runs."""
    monkeypatch.chdir(tmp_path)
    torch.save(content, tmp_path / "weights.bin")
    status, output = said("safetensors", str(tmp_path / "weights.bin"))
    assert status == 1
    assert "use another copy of it" in output
    assert [path.name for path in tmp_path.iterdir()] == ["weights.bin"]
