"""`python -m export`: what a person sees."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from export.__main__ import app
from export.recipes import RECIPES


def test_help_names_every_command() -> None:
    """The list of commands is what one sees first."""
    shown = CliRunner().invoke(app, ["--help"]).output
    assert all(command in shown for command in ("weights", "fetch", "report", "configs"))


def test_without_a_network_one_sentence_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exit status of 1, no traceback, and the way to bring the file by hand."""
    monkeypatch.setenv("VFR_ARTIFACTS", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    done = CliRunner().invoke(app, ["weights", "--only", "face_detection"])
    assert done.exit_code == 1
    assert "ArtifactMissing: mediapipe-0.10.21" in done.output
    assert "put the wheel into" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("artifact", "said"), [("lpips_alex", "put the wheel into"), ("lpip_alex", "did you mean 'lpips_alex'")]
)
def test_a_file_that_can_not_be_fetched_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, artifact: str, said: str
) -> None:
    """Without a network, and with a slip in the id."""
    monkeypatch.setenv("VFR_ARTIFACTS", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    done = CliRunner().invoke(app, ["fetch", artifact])
    assert done.exit_code == 1
    assert said in done.output
    assert "Traceback" not in done.output


def test_an_unknown_model_is_refused_with_the_list() -> None:
    """An exit status of 2, as for any wrong argument."""
    done = CliRunner().invoke(app, ["weights", "--only", "face"])
    assert done.exit_code == 2
    assert "pose_landmark" in done.output


def test_what_is_current_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line per model."""
    monkeypatch.setattr("export.convert.install", lambda *_, **__: None)
    monkeypatch.setattr("export.anny.install", lambda *_, **__: None)
    done = CliRunner().invoke(app, ["weights"])
    assert done.exit_code == 0
    assert [line.split() for line in done.stdout.splitlines()] == [
        [name, "current"] for name in (*RECIPES, "fit_body")
    ]


def test_the_report_lists_what_was_never_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No report is no failure."""
    monkeypatch.setenv("VFR_ARTIFACTS", str(tmp_path))
    done = CliRunner().invoke(app, ["report"])
    assert done.exit_code == 0
    assert done.output.count("not converted yet") == len(RECIPES)


def test_configs_are_written_by_their_own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command prints every file that was written."""
    monkeypatch.setattr("export.pbtxt.write_configs", lambda card: [tmp_path / card / "config.pbtxt"])
    done = CliRunner().invoke(app, ["configs"])
    assert str(Path("cpu", "config.pbtxt")) in done.output
    done = CliRunner().invoke(app, ["configs", "--card", "l4"])
    assert str(Path("l4", "config.pbtxt")) in done.output


def test_an_unknown_card_is_told_with_those_that_are_known() -> None:
    """A sentence, not a traceback."""
    done = CliRunner().invoke(app, ["configs", "--card", "l5"])
    assert done.exit_code == 1
    assert "no card 'l5'" in done.output
    assert "rtx4090" in done.output
