"""The embedded server: how it starts, what it says when it can't, and that it leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from importlib import metadata, util
from pathlib import Path
from types import ModuleType

import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from bridge.contracts import DECODE, reached
from bridge.errors import ServerUnavailable
from bridge.triton import embedded, processes, wheel
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.ports import HOST, Ports, reserve
from bridge.triton.startup import Progress
from export.pbtxt import Tuning, render
from tests.triton.tiny import LOOKUP, write_model, write_repository

BROKEN = """
raise RuntimeError("the weights are of another version")
"""


def processes_of(repository: Path) -> list[int]:
    """Return the processes whose command line names the repository: the server and its models."""
    lines = {path.parent.name: command_line(path) for path in Path("/proc").glob("[0-9]*/cmdline")}
    return [int(pid) for pid, line in lines.items() if str(repository).encode() in line]


def command_line(path: Path) -> bytes:
    """Read a process's command line; empty when it has just ended."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def gone(session: int, patience: float = 12.0) -> bool:
    """Wait until no process of the session lives."""
    end = time.monotonic() + patience
    while processes.members(session) and time.monotonic() < end:
        time.sleep(0.1)
    return not processes.members(session)


def test_progress_names_every_model_until_all_are_ready(tmp_path: Path) -> None:
    """A graph comes with the models that it needs; each loads, then is ready, and the last step says "all"."""
    steps: list[Progress] = []
    served = {"chain", "echo"}
    with EmbeddedTriton(write_repository(tmp_path), models=served, progress=steps.append) as server:
        for state in ("loading", "ready"):
            assert {step.model for step in steps if step.state == state} == served
        assert (steps[-1].ready, steps[-1].total) == (2, 2)
        assert 0 < server.ready_seconds < 20


def test_memory_counts_server_and_models(tiny_server: EmbeddedTriton) -> None:
    """The server and one process for each of four models; shared pages count once in PSS."""
    memory = tiny_server.memory()
    assert memory.processes == 5
    assert 50 < memory.pss < memory.rss < 2000


def test_what_no_caller_needs_is_closed(tiny_server: EmbeddedTriton) -> None:
    """Shared memory, tracing and logging by request, and changing the models while the server runs."""
    with triton.InferenceServerClient(tiny_server.url) as client:
        for call in (
            client.get_system_shared_memory_status,
            client.get_trace_settings,
            client.get_log_settings,
            lambda: client.load_model("echo"),
            lambda: client.unload_model("echo"),
        ):
            with pytest.raises(InferenceServerException, match=r"restricted|not allowed"):
                call()


def test_http_and_metrics_listen_where_they_are_wanted(tmp_path: Path) -> None:
    """With ports for them, HTTP and Prometheus metrics answer; otherwise nobody listens."""
    ports = Ports(grpc=0, http=0, metrics=0)
    with EmbeddedTriton(write_repository(tmp_path), models=["lookup"], ports=ports) as server:
        assert server.ports.http
        with urllib.request.urlopen(f"http://{HOST}:{server.ports.http}/v2/health/ready") as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"http://{HOST}:{server.ports.metrics}/metrics") as answer:
            assert b"nv_inference_count" in answer.read()


def test_a_port_in_use_is_said_at_once(tmp_path: Path) -> None:
    """Before any model is loaded, and also when the other program shares its port."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerUnavailable, match=f"Port {port} can't be used"):
            EmbeddedTriton(tmp_path, ports=Ports(grpc=port)).__enter__()


def test_reserved_ports_stay_free_for_the_server_only() -> None:
    """A program that shares no ports can't take one; two reservations never meet."""
    with reserve(Ports(grpc=0, http=0)) as first, reserve(Ports()) as second:
        assert len({first.grpc, first.http, second.grpc}) == 3
        assert first.metrics is None
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind((HOST, first.grpc or 0))


def test_models_that_fail_are_all_named_with_their_reasons(tmp_path: Path) -> None:
    """A missing network, a module that raises, and a config that Triton refuses; then nothing runs any more."""
    repository = tmp_path / "models"
    write_model(repository, "lookup", render(LOOKUP, Tuning()))
    write_model(repository, "decode", render(DECODE, Tuning()))
    (repository / "decode" / "1" / "model.py").write_text(BROKEN)
    write_model(repository, "odd", 'backend: "python"\ninput { name: "x" data_type: TYPE_FP32 }')
    states: list[tuple[str, str]] = []
    server = EmbeddedTriton(
        repository, log=tmp_path / "log", progress=lambda s: states.append((s.model, s.state))
    )
    with pytest.raises(ServerUnavailable) as caught, server:
        pass
    message = str(caught.value)
    assert "model lookup: lookup/1/model.onnx has not been built; run `make export` first" in message
    assert "model decode: RuntimeError: the weights are of another version" in message
    assert "model odd: " in message
    assert f"Its whole log: {tmp_path / 'log'}" in message
    assert {model for model, state in states if state == "failed"} == {"lookup", "decode", "odd"}
    assert not processes_of(repository)


def test_a_start_that_takes_too_long_leaves_nothing(tmp_path: Path) -> None:
    """The server is stopped, whatever it was doing."""
    repository = write_repository(tmp_path)
    with pytest.raises(ServerUnavailable, match="did not start"):
        EmbeddedTriton(repository, timeout=0.2, log=tmp_path / "log").__enter__()
    assert not processes_of(repository)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_every_end_of_the_program_is_the_end_of_the_server(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C unwind the ``with``; after a kill -9 the kernel tells the server."""
    repository = write_repository(tmp_path)
    program = Path(__file__).with_name("serve_tiny.py")
    command = [sys.executable, str(program), str(repository), str(tmp_path / "log")]
    with subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as running:
        assert running.stdout is not None
        session = int(running.stdout.readline())
        assert len(processes.members(session)) == 2
        running.send_signal(number)
        code = running.wait(20)
    assert gone(session)
    assert code == {signal.SIGTERM: 143, signal.SIGINT: -2, signal.SIGKILL: -9}[number]


@pytest.mark.parametrize(
    ("module", "name", "value", "sentence"),
    [
        (platform, "machine", lambda: "aarch64", "runs on Linux x86-64 only"),
        (util, "find_spec", lambda _: None, "pip install neurose-vfr[server]"),
        (metadata, "version", lambda _: "2.1.0", "numpy 2.1.0 is installed"),
        (sysconfig, "get_python_version", lambda: "3.14", "no part for Python 3.14"),
        (wheel, "SHARED_MEMORY_NEEDED", 2**60, "--shm-size=1g"),
    ],
)
def test_an_environment_that_cannot_run_it_is_told_why(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, value: object, sentence: str
) -> None:
    """Each trap that would end in silence or in a riddle is named before the start."""
    monkeypatch.setattr(module, name, value)
    with pytest.raises(ServerUnavailable, match=re.escape(sentence)):
        wheel.find_wheel()


def test_dependencies_come_with_a_model() -> None:
    """The models that an ensemble consists of, and those that these call, are served too."""
    served = reached(["perception"])
    assert {"perception", "decode", "pose", "pose_landmark", "selfie_segmentation"} <= served
    assert "garment" not in served


def test_a_port_lost_during_the_start_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The metrics' port can't be kept; when another program was faster, the start is tried again."""
    with socket.create_server((HOST, 0)) as faster:
        lost = Ports(grpc=0, metrics=faster.getsockname()[1])
        offers = iter([contextlib.nullcontext(lost), reserve(Ports(metrics=0))])
        monkeypatch.setattr(embedded, "reserve", lambda _: next(offers))
        wanted = Ports(metrics=0)
        with EmbeddedTriton(write_repository(tmp_path), models=["lookup"], ports=wanted) as server:
            assert server.ports.metrics != lost.metrics
            assert server.healthy()
