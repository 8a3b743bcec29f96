"""A real Triton server in this environment, without a container: started, watched and stopped by a ``with``.

::

    with EmbeddedTriton() as server, TritonClient(server.url) as client:
        client.infer("tryon_basic", {"person": ..., "garment": ...})

It loads the same ``model_repository`` as NVIDIA's container. It listens on this machine only, its models can't
be changed while it runs, and what no caller needs (shared memory, tracing and logging by request) is closed.
"""

from __future__ import annotations

import contextlib
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple
from pathlib import Path
from types import TracebackType

from bridge.checkout import REPOSITORY
from bridge.contracts import CONTRACTS, reached
from bridge.errors import ServerUnavailable
from bridge.finish.contracts import is_network
from bridge.triton import drain, processes
from bridge.triton.memo import SECONDS as MEMO_SECONDS
from bridge.triton.ports import HOST, Ports, reserve
from bridge.triton.startup import Progress, StartLog
from bridge.triton.wheel import SHARED_MEMORY, Wheel, copy_backends, environment, find_wheel

START_SECONDS = 120.0
STOP_SECONDS = 15.0
DRAIN_SECONDS = 30.0
_EXIT_SECONDS = 5  # how long the server waits for requests in flight when it is asked to stop
_FAILING_SECONDS = 10  # how long to watch for more failures after the first
_ATTEMPTS = 3  # to find free ports
_SHARED_BYTES = 4 * 2**20  # of shared memory per model process, at first and each time it needs more
_CLOSED = "shared-memory,trace,logging"


class EmbeddedTriton:
    """The wheel's ``tritonserver`` over a model repository; entering the ``with`` starts it.

    Then ``ports`` holds the real numbers, ``ready_seconds`` how long the start took [s], and ``log`` the file
    with everything that the server says.
    """

    def __init__(
        self,
        repository: Path = REPOSITORY,
        *,
        models: Iterable[str] | None = None,
        ports: Ports | None = None,
        log: Path | None = None,
        progress: Callable[[Progress], None] | None = None,
        timeout: float = START_SECONDS,
        memo: bool = True,
        collector: str | None = None,
    ) -> None:
        """Prepare a server.

        Args:
            repository: the folder of the models.
            models: serve these, with the models that they use; all of them when left out.
            ports: where to listen; gRPC on a free port when left out.
            log: where to write the log; when left out a temporary file, kept only if the start fails.
            progress: is told what happens to each model during the start.
            timeout: how long the start may take [s].
            memo: whether models that are configured so give an earlier answer again; a measurement doesn't want that.
            collector: where spans of requests that carry a W3C trace context are sent by OTLP over HTTP, such as
                ``http://127.0.0.1:4318``; nothing is traced when left out.
        """
        self._options = _traced(collector)
        self._environment = {} if memo else {MEMO_SECONDS: "0"}
        self.ports = self._wanted = ports or Ports()
        self.ready_seconds = 0.0
        self._keep_log = log is not None
        own_log = Path(tempfile.gettempdir()) / f"vfr-triton-{secrets.token_hex(4)}.log"
        self.log = (log or own_log).resolve()
        self._repository = repository.resolve()
        self._models = None if models is None else reached(models)
        self._progress = progress or (lambda _: None)
        self._timeout = timeout
        self._gate = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._started: set[int] = set()
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> EmbeddedTriton:
        """Start the server and wait until every model is ready.

        Raises:
            ServerUnavailable: it can't run here, or a model can't be loaded; the message says which and why.
        """
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            stack.enter_context(_exit_on_sigterm())
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vfr-triton-")))
            wheel = find_wheel()
            copy_backends(wheel, folder / "backends")
            self._gate = folder / "gate"
            self._gate.mkdir()
            self._process = self._start(wheel, folder, stack)
            stack.callback(self.drain)
            self._cleanup = stack.pop_all()
        self._started = set(processes.members(self.pid))
        self.ready_seconds = time.monotonic() - began
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the jobs that run come to their end, then stop the server and whatever it started."""
        self._cleanup.close()
        self._process = None
        if not self._keep_log:
            self.log.unlink(missing_ok=True)

    @property
    def url(self) -> str:
        """The gRPC address, as clients take it."""
        return f"{HOST}:{self.ports.grpc}"

    @property
    def pid(self) -> int:
        """The server's process.

        Raises:
            ServerUnavailable: it doesn't run.
        """
        if self._process is None or self._process.poll() is not None:
            raise ServerUnavailable("The embedded Triton doesn't run; start it with `with EmbeddedTriton()`.")
        return self._process.pid

    def healthy(self) -> bool:
        """Tell whether the server and every model process live.

        Triton 24.10 reports a model as ready although its process has died, and doesn't start it again.
        """
        server = self._process
        if server is None or server.poll() is not None:
            return False
        return self._started <= set(processes.members(server.pid))

    def drain(self, patience: float = DRAIN_SECONDS) -> bool:
        """Let models that work on jobs end those, and take no new ones; see :mod:`bridge.triton.drain`.

        Returns:
            Whether all of them ended within ``patience`` [s].
        """
        return drain.drain(self._gate, patience)

    def memory(self) -> processes.Memory:
        """Return what the server and its model processes hold together."""
        return processes.memory(self.pid)

    def _start(self, wheel: Wheel, folder: Path, stack: contextlib.ExitStack) -> subprocess.Popen[bytes]:
        models = self._served(folder / "models")
        total = sum(1 for _ in models.glob("*/config.pbtxt"))
        for _ in range(_ATTEMPTS):
            region = f"vfr-{secrets.token_hex(4)}-"
            with reserve(self._wanted) as self.ports:
                command = _command(wheel, folder / "backends", models, region, self.ports) + self._options
                process = processes.spawn(command, self._variables(wheel), folder, self.log)
                stack.callback(_stop, process, region)
                if self._until_ready(process, StartLog(self.log, total)):
                    return process
        raise ServerUnavailable(f"No free port could be kept for the embedded Triton; see {self.log}.")

    def _variables(self, wheel: Wheel) -> dict[str, str]:
        return environment(wheel) | self._environment | {drain.FOLDER: str(self._gate)}

    def _served(self, links: Path) -> Path:
        """Return a folder with links to the wanted models.

        Links to all of them too: the Python backend can't start a model whose path holds a space.
        """
        links.mkdir()
        for config in self._repository.glob("*/config.pbtxt"):  # a deleted model may leave a folder of caches
            name = config.parent.name
            if self._models is None or name in self._models or (is_network(name) and _finishes(self._models)):
                (links / name).symlink_to(config.parent)
        return links

    def _until_ready(self, process: subprocess.Popen[bytes], log: StartLog) -> bool:
        """Return True once the server listens, False when it met a port that had been free."""
        wanted = {port for port in astuple(self.ports) if port is not None}
        deadline = time.monotonic() + self._timeout
        while True:
            ready = wanted <= processes.listening(process.pid)
            ended = process.poll() is not None or time.monotonic() > deadline
            for step in log.follow():
                self._progress(step)
                if step.state == "failed":
                    deadline = min(deadline, time.monotonic() + _FAILING_SECONDS)
            if ready or log.port_taken:
                return ready
            if ended:
                raise ServerUnavailable(
                    f"The embedded Triton did not start: {log.explain()}. Its whole log: {self.log}"
                )
            time.sleep(0.05)


def _command(wheel: Wheel, backends: Path, models: Path, region: str, ports: Ports) -> list[str]:
    """Return the command line of the server; the flags that close it follow Triton's deployment guide."""
    key = secrets.token_hex(16)
    options = {
        "model-repository": models,
        "backend-directory": backends,
        "backend-config": f"python,shm-region-prefix-name={region}",
        "model-control-mode": "none",
        "exit-on-error": "true",
        "strict-readiness": "true",
        "exit-timeout-secs": _EXIT_SECONDS,
        "allow-sagemaker": "false",
        "allow-vertex-ai": "false",
        "allow-gpu-metrics": "false",
        "grpc-restricted-protocol": f"{_CLOSED}:admin={key}",
        "http-restricted-api": f"{_CLOSED}:admin={key}",
    }
    return [
        str(wheel.server),
        "--disable-auto-complete-config",
        *(f"--{name}={value}" for name, value in options.items()),
        *(f"--backend-config=python,shm-{kind}-byte-size={_SHARED_BYTES}" for kind in ("default", "growth")),
        *_listen("grpc", ports.grpc, reuse=True),
        *_listen("http", ports.http, reuse=True),
        *_listen("metrics", ports.metrics, reuse=False),
    ]


def _traced(collector: str | None) -> list[str]:
    """Return what makes Triton trace the requests that carry a context, and no other (``rate=0``)."""
    if not collector:
        return []
    url = f"{collector.rstrip('/')}/v1/traces"
    told = ["mode=opentelemetry", f"opentelemetry,url={url}", "rate=0", "level=TIMESTAMPS"]
    return [f"--trace-config={setting}" for setting in told]


def _listen(protocol: str, port: int | None, *, reuse: bool) -> list[str]:
    if port is None:
        return [f"--allow-{protocol}=false"]
    address = [f"--{protocol}-address={HOST}", f"--{protocol}-port={port}"]
    return [*address, f"--reuse-{protocol}-port=true"] if reuse else address


def _stop(process: subprocess.Popen[bytes], region: str) -> None:
    processes.stop(process, STOP_SECONDS)
    for left in SHARED_MEMORY.glob(f"{region}*"):  # by a process that had to be killed
        left.unlink(missing_ok=True)


def _finishes(models: Iterable[str]) -> bool:
    """Tell whether one of the models calls the networks of the installed checkpoint, which no contract names."""
    return any(CONTRACTS[name].decoupled for name in models if name in CONTRACTS)


@contextlib.contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Let SIGTERM unwind the program as Ctrl-C does, unless somebody else already handles it."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
