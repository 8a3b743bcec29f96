"""What the server's log means, line by line; the lines are the server's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.triton.startup import StartLog, quiet

HEAD = "I1120 23:36:49.784065 8391 model_lifecycle.cc:472] "


def read(path: Path, *lines: str) -> StartLog:
    """Follow a log that holds these lines."""
    path.write_text("".join(f"{line}\n" for line in lines))
    log = StartLog(path, total=2)
    list(log.follow())
    return log


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "E1 1 model_lifecycle.cc:642] \"failed to load 'pose' version 1: Internal: ModuleNotFoundError: "
            "No module named 'onnxruntime'\\n\\nAt:\\n  /repo/pose/1/model.py(2): <module>\\n\"",
            "model pose: ModuleNotFoundError: No module named 'onnxruntime' "
            "(install what is missing: `pip install neurose-vfr[server]`)",
        ),
        (
            "E1 1 model_lifecycle.cc:642] \"failed to load 'hand' version 1: Internal: ArtifactMissing: "
            'hand/1/model.onnx has not been built; run `make export` first\\n\\nAt:\\n  x\\n"',
            "model hand: hand/1/model.onnx has not been built; run `make export` first",
        ),
        (
            "E1 1 model_lifecycle.cc:642] \"failed to load 'x' version 1: Invalid argument: backend library x\"",
            "model x: backend library x",
        ),
        (
            "E1 1 model_repository_manager.cc:1460] \"Poll failed for model directory 'outer': ensemble tensor "
            "'q' is unused in ensemble 'outer'\"",
            "model outer: ensemble tensor 'q' is unused in ensemble 'outer'",
        ),
        (
            "tritonserver: error while loading shared libraries: libpython3.11.so.1.0: cannot open",
            "tritonserver: error while loading shared libraries: libpython3.11.so.1.0: cannot open "
            "(install the shared library of this Python, or use a Python that has it (pyenv, uv, Debian's))",
        ),
        ("", "it said nothing"),
    ],
)
def test_a_failure_is_explained_in_a_sentence(tmp_path: Path, line: str, sentence: str) -> None:
    """The model, the last line of its error without the traceback, and a hint where there is one."""
    assert read(tmp_path / "log", line).explain() == sentence


def test_half_a_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    """The server may be writing while its log is read."""
    path = tmp_path / "log"
    path.write_text(f'{HEAD}"successfully loa')
    log = StartLog(path, total=1)
    assert not list(log.follow())
    with path.open("a") as file:
        file.write("ded 'face'\"\n")
    assert [(step.model, step.state, step.ready) for step in log.follow()] == [("face", "ready", 1)]


def test_a_taken_port_is_recognised(tmp_path: Path) -> None:
    """It is the one failure that another try can mend."""
    line = "E main.cc:245] \"failed to start GRPC service: Unavailable - Socket '127.0.0.1:59099' already in use \""
    assert read(tmp_path / "log", line).port_taken == 59099


def test_what_a_machine_without_a_card_always_says_is_left_out() -> None:
    """The three harmless lines about CUDA, NVML and DCGM go; a real error stays."""
    lines = [
        'W1 pinned_memory_manager.cc:273] "Unable to allocate pinned system memory, pinned memory pool will not"',
        'E1 server.cc:241] "CudaDriverHelper has not been initialized."',
        "Error: Failed to initialize NVML",
        'W1 metrics.cc:798] "DCGM unable to start: DCGM initialization error"',
        'E1 main.cc:245] "failed to start GRPC service"',
    ]
    assert quiet(lines) == lines[-1:]
