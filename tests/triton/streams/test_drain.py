"""The gate through which jobs come in, and which who stops the server shuts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bridge.errors import ServerUnavailable
from bridge.triton import drain
from bridge.triton.drain import FOLDER, Gate


def test_without_a_folder_it_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment names none, nobody can shut it."""
    monkeypatch.delenv(FOLDER, raising=False)
    gate = drain.from_environment()
    with gate.job(), gate.job():
        assert gate.open()


def test_who_is_inside_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one of two jobs still inside the house isn't empty; nobody new comes in; in the end it is."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    gate = drain.from_environment()
    with gate.job():
        with gate.job():
            assert gate.open()
        assert not drain.drain(tmp_path, 0.1)
        assert not gate.open()
        with pytest.raises(ServerUnavailable, match="takes no new jobs"), gate.job():
            raise AssertionError
    assert drain.drain(tmp_path, 0)


def test_a_job_that_fails_is_gone(tmp_path: Path) -> None:
    """An error leaves nothing behind."""
    with pytest.raises(ValueError, match="oh"), Gate(tmp_path).job():
        raise ValueError("oh")
    assert drain.drain(tmp_path, 0)


def test_the_command_waits_for_other_processes(tmp_path: Path) -> None:
    """What a container runs before it stops: status 1 while jobs run, 0 once they have ended or their process has."""
    program = f"""
import sys
from pathlib import Path
from bridge.triton.drain import Gate
with Gate(Path({str(tmp_path)!r})).job():
    print("inside", flush=True)
    sys.stdin.read()
"""
    command = [sys.executable, "-m", "bridge.triton.drain", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        assert subprocess.run([*command, "0.1"], stderr=subprocess.DEVNULL, check=False).returncode == 1
        worker.kill()
    assert subprocess.run([*command, "5"], check=False).returncode == 0
