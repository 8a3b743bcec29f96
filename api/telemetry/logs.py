"""The log: one line per request and per job's end, and what goes wrong, with the ids that belong to it.

Everything goes through the standard library's ``logging``, also what libraries say; structlog adds the ids that are
bound to the request or the step (``request_id``, ``job``, ``tenant``, ``trace_id``) and renders: JSON for machines,
colours for a terminal. What looks like a secret is masked in the finished line, whoever wrote it, tracebacks included.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TextIO

import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars, merge_contextvars
from structlog.typing import Processor

__all__ = ["bind_contextvars", "bound_contextvars", "configure", "masked"]

_MASK = "…"
_SECRETS = re.compile(
    r"""
      (?<=/v1/results/)[\w.%=-]+                      # links to pictures: whoever holds one may look
    | (?<=/webhooks/kling/)[\w%-]+/[\w%]+             # addresses of callbacks
    | vfr_live_\w+ | whsec_[\w+/=-]+                  # keys of ours, secrets of webhooks
    | eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?               # JSON web tokens
    | (?<=earer\ )[^\s"',]+ | (?<=asic\ )[^\s"',]+    # the header Authorization
    | (?<=://)[^\s/"'@:]*:[^\s/"'@]+(?=@)             # user and password in an address
    | [A-Za-z0-9+/_-]{256,}={0,2}                     # base64 of that length is a picture
    """,
    re.VERBOSE,
)
_NAMED = re.compile(
    r"""
      ( (?<![\w-]) [\w-]{0,60} (?:password|secret|token|signature|authorization|api[_-]?key)
        (?:\\?["'])? \s* [:=] \s* (?:\\?["'])? )
      (?: (?:bearer|basic)\ + )? [^\s"'\\&,;(){}\[\]]+
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What is named as a secret, as in ``?token=…`` or ``"api_key": "…"``."""

_SHARED: tuple[Processor, ...] = (
    merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)
_DBOS = "dbos"
"""It gives its logger a handler of its own unless it finds one there."""


class _Masking(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def configure(stream: TextIO = sys.stderr, *, level: int = logging.INFO) -> None:
    """Let this process log to a stream, once, before anything else logs.

    Args:
        stream: a terminal gets lines for people, everything else JSON.
        level: of our own lines; libraries are heard from WARNING on.
    """
    render: tuple[Processor, ...] = (
        # Not rich's tracebacks: they show local variables, which hold photos and keys.
        (structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),)
        if stream.isatty()
        else (structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False))
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        _Masking(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("vfr").setLevel(level)
    dbos = logging.getLogger(_DBOS)
    dbos.handlers[:] = [handler]
    dbos.propagate = False
    for name in ("uvicorn", "uvicorn.error"):
        server = logging.getLogger(name)  # whatever another server in this process set up for itself
        server.handlers.clear()
        server.setLevel(logging.NOTSET)
        server.propagate, server.disabled = True, False
    logging.getLogger("uvicorn.access").disabled = True  # its paths hold links; we have a line of our own


def masked(line: str) -> str:
    """Return a line without what opens a door: keys, tokens, links, passwords; and without pictures."""
    return _NAMED.sub(rf"\1{_MASK}", _SECRETS.sub(_MASK, line))
