"""Run a command that is asked to stop (SIGTERM) as soon as the process that started it dies.

``python die_with_parent.py PARENT COMMAND …`` becomes the command; a signal handler would do nothing for a parent
that is killed, and setting this between fork and exec (``preexec_fn``) breaks in a process that uses gRPC.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

if __name__ == "__main__":
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the parent is already gone")
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the caller's own command
