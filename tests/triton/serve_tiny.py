"""A program that runs an embedded server until it is stopped; the lifecycle tests end it in every way."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from bridge.triton.embedded import EmbeddedTriton

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is started deaf to it
with EmbeddedTriton(Path(sys.argv[1]), models=["lookup"], log=Path(sys.argv[2])) as server:
    sys.stdout.write(f"{server.pid}\n")
    sys.stdout.flush()
    threading.Event().wait()
