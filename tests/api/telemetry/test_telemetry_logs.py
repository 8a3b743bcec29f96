"""The log: what is masked whoever wrote it, and how lines look for machines and for people."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator

import pytest
from dbos._logger import init_logger

from api.security.keys import MARK
from api.storage.links import Links
from api.telemetry import logs, traces
from tests.api.scripted import photo

LINK = Links(b"k" * 32, "https://fit.example.com").sign("tenants/lumen/users/-/jobs/1/result.png", 2e9)
PICTURE = base64.b64encode(photo()).decode()
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[io.StringIO, Terminal])
def stream(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Where the log goes, for machines and for people; afterwards it goes where it went."""
    loggers = [logging.getLogger(name) for name in (None, "vfr", "dbos", "uvicorn.access")]
    before = [(one, one.handlers[:], one.level, one.propagate, one.disabled) for one in loggers]
    made: io.StringIO = request.param()
    logs.configure(made)
    yield made
    for one, handlers, level, one.propagate, one.disabled in before:
        one.handlers[:] = handlers
        one.setLevel(level)


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        (f"GET {LINK} HTTP/1.1", LINK.rpartition("/")[2]),
        ("POST /webhooks/kling/0b9c7a4e/" + "ab" * 32, "ab" * 32),
        (f"the key {MARK}{'0' * 64} is wrong", "0" * 64),
        ("whsec_YXR0YWNrZWQtYXR0YWNrZWQ= is short", "YXR0YWNrZWQ"),
        (f"Authorization: Bearer {JWT}", "eyJ"),
        ('{"Authorization": "Bearer abc-def"}', "abc-def"),
        ("header: Basic YW5uOmh1bnRlcjI=", "YW5u"),
        (f"token {JWT} has expired", "c2lnbmF0dXJl"),
        ("postgresql://vfr:hunter2@db/vfr is away", "hunter2"),
        ("https://shop.example/p.png?size=2&token=hunter2&x=1", "hunter2"),
        ("https://s3.example/p?X-Amz-Signature=0badcafe", "0badcafe"),
        ("{'KLING_API_KEY': 'hunter2'}", "hunter2"),
        ('{"event": "{\\"api_key\\": \\"hunter2\\"}"}', "hunter2"),
        (f"the body was {PICTURE}", PICTURE[:64]),
    ],
)
def test_what_opens_a_door_is_masked(line: str, hidden: str) -> None:
    """Wherever in the line it is; the rest stays."""
    masked = logs.masked(line)
    assert hidden in line
    assert hidden not in masked
    assert "…" in masked


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "the job is over", "job": "75bcd6926254486a9c734ba89c468b05", "seconds": {"total": 0.2}}',
        "request 4bf92f3577b34da6a3ce929d0e0e4736 failed: the key of a blob, tenants/lumen/users/-/jobs/1/result.png",
        "http://127.0.0.1:8080/v1/jobs/1 answered 503; kling's picture of task 8812: it is away",
    ],
)
def test_what_opens_none_stays(line: str) -> None:
    """Ids, keys of blobs, addresses."""
    assert logs.masked(line) == line


def test_a_traceback_is_masked_too(stream: io.StringIO) -> None:
    """Also for people, whose tracebacks would be drawn with the values of variables."""
    photograph = PICTURE  # noqa: F841 - a local variable, as a step has them
    try:
        raise ValueError(f"can't reach {LINK}")
    except ValueError:
        logging.getLogger("vfr.jobs").exception("the step render broke")
    said = stream.getvalue()
    assert "Traceback" in said
    assert "/v1/results/…" in said
    assert LINK.rpartition("/")[2] not in said
    assert PICTURE[:64] not in said


def test_lines_carry_what_is_bound(stream: io.StringIO) -> None:
    """Also those of libraries, which are heard from warnings on; what is bound ends with its block."""
    with logs.bound_contextvars(job="a1", tenant="lumen"):
        logging.getLogger("uvicorn.error").warning("odd")
        logging.getLogger("uvicorn.access").warning("GET /v1/results/abc")
        init_logger()  # as DBOS does when it starts
        logging.getLogger("dbos").warning("its token: hunter2")
    logging.getLogger("vfr.requests").info("later", extra={"status": 200})
    odd, durable, later = stream.getvalue().splitlines()
    assert "lumen" in odd
    assert "lumen" in durable
    assert "hunter2" not in durable
    assert "lumen" not in later
    if not stream.isatty():
        assert (json.loads(odd)["job"], json.loads(later)["status"]) == ("a1", 200)


@pytest.mark.parametrize(
    ("parent", "kept"),
    [
        (f"00-{'a' * 32}-{'b' * 16}-01", True),
        (f"00-{'0' * 32}-{'b' * 16}-01", False),
        (f"00-{'a' * 32}-{'0' * 16}-01", False),
        (f"00-{'A' * 32}-{'b' * 16}-01", False),
        (f"00-{'a' * 32}-{'b' * 16}-01\nx", False),
        ("", False),
        (None, False),
    ],
)
def test_without_a_collector_a_callers_trace_is_carried_along(parent: str | None, *, kept: bool) -> None:
    """For the log and the job's row; nothing is sent, not even to Triton, and nonsense is no trace."""
    assert not traces.on()
    with traces.span("request", parent):
        assert traces.current() == (parent if kept else None)
        with traces.span("step"):
            assert traces.current() == (parent if kept else None)
        assert traces.headers() == {}
    assert traces.current() is None
