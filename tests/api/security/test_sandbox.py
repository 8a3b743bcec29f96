"""The process in which strangers' bytes meet a parser."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from api.security import sandbox as module
from api.security.sandbox import Sandbox
from bridge.errors import ImageError, NotAnImage
from bridge.imaging.decode import NO_REGION, decode_image
from tests.imaging.pictures import encoded, scene

PHOTO = encoded(scene())


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """One, ended after the test."""
    opened = Sandbox()
    yield opened
    opened.close()


def process_of(sandbox: Sandbox) -> psutil.Process:
    """Return its process; it must have been asked before."""
    assert sandbox._process
    return psutil.Process(sandbox._process.pid)


def test_one_process_answers_again_and_again(sandbox: Sandbox) -> None:
    """After good pictures and bad ones, of any size."""
    pids = set()
    for data in (PHOTO, b"", b"<svg/>", PHOTO[:300], encoded(scene((2000, 1500))), PHOTO):
        try:
            read = sandbox.read(data, NO_REGION)
        except ImageError as error:
            assert "Please send" in str(error)  # noqa: PT017 - some are refused
        else:
            np.testing.assert_array_equal(decode_image(read.data), decode_image(data))
        pids.add(process_of(sandbox).pid)
    assert len(pids) == 1


def test_it_may_do_next_to_nothing(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded memory, no files, no processes, and no secrets in its environment."""
    monkeypatch.setenv("VFR_SECRET", "T0P")
    sandbox.read(PHOTO, NO_REGION)
    process = process_of(sandbox)
    assert process.rlimit(resource.RLIMIT_AS) == (2**30, 2**30)
    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_CORE):
        assert process.rlimit(limit) == (0, 0)
    assert not [name for name in process.environ() if name.startswith("VFR")]


def test_one_that_was_killed_is_replaced(sandbox: Sandbox) -> None:
    """Between two pictures: the caller notices nothing."""
    sandbox.read(PHOTO, NO_REGION)
    process_of(sandbox).kill()
    assert sandbox.read(PHOTO, NO_REGION).width == scene().width


def test_a_picture_that_hangs_it_is_refused(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frozen, as an endless loop would: it is killed after its time, and the next picture passes."""
    sandbox.read(PHOTO, NO_REGION)
    process_of(sandbox).suspend()
    start = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr(module, "SECONDS", 0.5)
        patch.setattr(module, "_ATTEMPTS", 1)
        with pytest.raises(NotAnImage):
            sandbox.read(PHOTO, NO_REGION)
    assert 0.4 < time.monotonic() - start < 5
    assert sandbox.read(PHOTO, NO_REGION).height == scene().height


def test_one_that_dies_of_every_picture_refuses_in_words(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is decoded here instead, and nothing hangs."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(NotAnImage, match="save it anew"):
        sandbox.read(PHOTO, NO_REGION)


def test_it_ends_when_its_parent_is_killed() -> None:
    """Even by SIGKILL, which nobody can handle."""
    code = (
        "from api.security.sandbox import Sandbox\nfrom tests.imaging.pictures import *\nimport time\n"
        "box = Sandbox(); box.read(encoded(scene()), (0, 0)); print(box._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout
    with parent.stdout:
        pid = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait(10)
    deadline = time.monotonic() + 10
    while _runs(pid):
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_no_watch_is_left_behind(sandbox: Sandbox) -> None:
    """The threads that guard the time end with the picture."""
    sandbox.read(PHOTO, NO_REGION)
    before = threading.active_count()
    for _ in range(5):
        sandbox.read(PHOTO, NO_REGION)
    time.sleep(0.05)
    assert threading.active_count() <= before
