"""The Triton server inside the wheel ``nvidia-pytriton``: what it needs around it to run here.

Only the wheel's binaries are used, none of its Python. Each trap below was met; most of them end in a server
that starts and then fails in a way that doesn't name its cause, so they are checked before the start.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from bridge.errors import ServerUnavailable

INSTALL = "pip install neurose-vfr[server]"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - POSIX shared memory, where the server and its processes meet
SHARED_MEMORY_NEEDED = 256 * 2**20
"""Free shared memory below which a start is refused [bytes]; docker gives 64 MiB unless told otherwise."""

_OURS = Path(__file__).parent / "backends"


@dataclass(frozen=True)
class Wheel:
    """Where the wheel's parts lie."""

    server: Path
    libraries: Path
    backends: Path
    stub: Path


def find_wheel() -> Wheel:
    """Return the wheel's parts, after checking that they can run in this environment.

    Raises:
        ServerUnavailable: they can't; the message says why and what to do.
    """
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise ServerUnavailable("The embedded Triton runs on Linux x86-64 only; use NVIDIA's container here.")
    spec = util.find_spec("pytriton")
    if spec is None or spec.origin is None or util.find_spec("onnxruntime") is None:
        raise ServerUnavailable(f"The embedded Triton is not installed; run `{INSTALL}`.")
    root = Path(spec.origin).parent / "tritonserver"
    version = sysconfig.get_python_version()
    wheel = Wheel(
        server=root / "bin" / "tritonserver",
        libraries=root.parents[1] / "nvidia_pytriton.libs",
        backends=root / "backends",
        stub=root / "python_backend_stubs" / version / "triton_python_backend_stub",
    )
    _check(wheel, version)
    return wheel


def _check(wheel: Wheel, version: str) -> None:
    numpy = metadata.version("numpy")
    if not numpy.startswith("1."):
        raise ServerUnavailable(
            f"The embedded Triton speaks numpy 1 only, and numpy {numpy} is installed: tensors would arrive empty. "
            "Run `pip install numpy==1.26.4`."
        )
    if not wheel.stub.is_file():
        raise ServerUnavailable(
            f"The embedded Triton has no part for Python {version}; use Python 3.11 or 3.12."
        )
    room = os.statvfs(SHARED_MEMORY)
    if room.f_bavail * room.f_frsize < SHARED_MEMORY_NEEDED:
        raise ServerUnavailable(
            f"{SHARED_MEMORY} has less than {SHARED_MEMORY_NEEDED >> 20} MiB free, and images travel through it; "
            "start the container with --shm-size=1g."
        )


def copy_backends(wheel: Wheel, folder: Path) -> None:
    """Fill ``folder`` with the backends: the wheel's ``python`` and ours, some 3 MB.

    The Python backend starts the stub that lies beside it, and the wheel keeps one per Python version elsewhere.
    Links won't do: Triton refuses a backend that lies outside of its folder.
    """
    shutil.copytree(wheel.backends / "python", folder / "python")
    shutil.copy2(wheel.stub, folder / "python")
    for model in _OURS.glob("*/model.py"):
        (folder / model.parent.name).mkdir()
        shutil.copy2(model, folder / model.parent.name)


def environment(wheel: Wheel) -> dict[str, str]:
    """Return the server's environment; what the caller's environment sets for threads and memory is kept."""
    cores = len(os.sched_getaffinity(0))
    ours = {
        # The stub embeds Python without reading PYTHONPATH or PYTHONHOME; it finds this environment, as the
        # interpreter would, from the first python3 on the path.
        "PATH": _joined(Path(sys.executable).parent, os.environ.get("PATH")),
        # The stub links libpython of this version, which need not be the system's.
        "LD_LIBRARY_PATH": _joined(wheel.libraries, *_libpython(), os.environ.get("LD_LIBRARY_PATH")),
    }
    # Some twenty processes share the cores: each with a pool of threads of its own would waste memory and time.
    defaults = {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OPENCV_FOR_THREADS_NUM": str(min(cores, 4)),
        "MALLOC_ARENA_MAX": "2",
    }
    return {**defaults, **os.environ, **ours}


def _libpython() -> list[Path]:
    name = sysconfig.get_config_var("INSTSONAME") or ""
    folders = {Path(sys.base_prefix) / "lib", Path(sysconfig.get_config_var("LIBDIR") or "/")}
    return [folder for folder in folders if (folder / name).is_file()]


def _joined(*parts: Path | str | None) -> str:
    return os.pathsep.join(str(part) for part in parts if part)
