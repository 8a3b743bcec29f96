"""Taichi, started once per process: what the cloth and the splats compile their loops with.

A module of kernels imports Taichi at its top, so whoever needs one calls :func:`start` and imports it then.
"""

from __future__ import annotations

import io
import os
import warnings
from contextlib import redirect_stdout
from functools import cache


@cache
def start() -> None:
    """Import Taichi and start it on the CPU; call it before the first kernel, as often as you like.

    The import takes about half a second, so that it happens here and not with this module. The compiled kernels are
    kept in the user's cache folder, from where the next process takes them. The same work gives the same bits as
    long as no two threads write to one place.
    """
    os.environ.setdefault("ENABLE_TAICHI_HEADER_PRINT", "False")
    with warnings.catch_warnings():
        # Taichi 1.7.4, its last release, asks for the locale in a way that Python means to drop, and has stray
        # backslashes in its docstrings.
        for category in (DeprecationWarning, SyntaxWarning):
            warnings.simplefilter("ignore", category)
        import taichi as ti
    with redirect_stdout(io.StringIO()):  # it announces itself, whatever the log's level
        ti.init(arch=ti.cpu, random_seed=0, offline_cache=True, log_level=ti.ERROR)
