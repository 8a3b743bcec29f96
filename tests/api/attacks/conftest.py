"""The service under attack, and those who attack it."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.api.attacks.house import SECRET, WEBHOOK_SECRET
from tests.api.scripted import photo

ROOT = Path(__file__).parents[3]
START_SECONDS = 120


@dataclass
class House:
    """The service in its process, and what an insider knows of it."""

    port: int
    inside: int  # where the server listens that must not be touched
    folder: Path
    process: psutil.Process
    keys: dict[str, str]
    tokens: dict[str, str]
    touched: list[str] = field(default_factory=list)  # by whom the server inside was touched

    @property
    def log(self) -> str:
        """All that the process wrote, in every level."""
        return (self.folder / "log").read_text("utf-8", errors="replace")

    @property
    def secrets(self) -> list[str]:
        """What no answer and no log may hold."""
        return [SECRET, WEBHOOK_SECRET, *self.keys.values(), *self.tokens.values()]

    def caller(self, who: str | None) -> httpx2.Client:
        """Return a caller with the key or the token of that name; None: with nothing."""
        headers = {"Authorization": f"Bearer {(self.keys | self.tokens)[who]}"} if who else {}
        return httpx2.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers=headers,
            timeout=30,
            verify=False,  # there is no TLS, and reading certificates takes time
            event_hooks={"response": [self.check]},
        )

    def check(self, answer: httpx2.Response) -> None:
        """Check that an answer is no fault of ours and tells nothing that it should not."""
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return
        text = answer.read().decode("utf-8", "replace")
        assert answer.status_code < 500, text
        assert not [word for word in (*self.secrets, "Traceback", str(self.folder)) if word in text], text
        assert answer.headers["x-content-type-options"] == "nosniff"

    def hand_in(self, who: str, **fields: str) -> dict[str, object]:
        """Hand in a job and return the answer."""
        files = {"person": photo(), "garment": photo()}
        with self.caller(who) as caller:
            answer = caller.post("/v1/jobs", files=files, data=fields)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def finished(self, who: str, job: object) -> dict[str, object]:
        """Return a job once it is over."""
        with self.caller(who) as caller:
            for _ in range(200):
                told: dict[str, object] = caller.get(f"/v1/jobs/{job}").json()
                if told["ended"]:
                    return told
                time.sleep(0.05)
        raise AssertionError(f"the job {job} does not end")

    def raw(self, data: bytes, seconds: float = 10.0) -> bytes:
        """Send bytes as they are and return what comes back until the connection is closed."""
        with socket.create_connection(("127.0.0.1", self.port), seconds) as connection:
            with suppress(ConnectionError):  # it may hang up before all was sent
                connection.sendall(data)
                return b"".join(iter(lambda: connection.recv(65536), b""))
            return b""


@contextmanager
def inside(touched: list[str]) -> Iterator[int]:
    """Listen on this machine, and note whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        over = threading.Event()

        def wait() -> None:
            while not over.is_set():
                try:
                    connection, address = listener.accept()
                except TimeoutError:
                    continue
                touched.append(str(address))
                connection.close()

        thread = threading.Thread(target=wait)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join()


@contextmanager
def running(folder: Path, port: int) -> Iterator[tuple[subprocess.Popen[str], dict[str, object]]]:
    """Start the process, wait until it answers, and end it."""
    command = [sys.executable, "-m", "tests.api.attacks.house", str(folder), str(port)]
    environment = os.environ | {"ATTACKED_WEBHOOK_SECRET": WEBHOOK_SECRET}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT, env=environment
        )
        assert process.stdout
        try:
            assert select.select([process.stdout], [], [], START_SECONDS)[0], "it does not start"
            told = json.loads(process.stdout.readline())
            _answers(told["port"])
            yield process, told
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _answers(port: int) -> None:
    """Wait until it answers; the socket listens already, so that nobody is turned away meanwhile."""
    answer = httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=START_SECONDS)
    assert answer.status_code == 200


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One service for all attacks; in the end it must still run, and its log must hold no secret."""
    folder = tmp_path_factory.mktemp("house")
    touched: list[str] = []
    with inside(touched) as port, running(folder, port) as (process, told):
        found = House(
            folder=folder, inside=port, process=psutil.Process(process.pid), touched=touched, **told
        )
        yield found
        assert process.poll() is None, found.log[-2000:]
