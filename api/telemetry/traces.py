"""One trace from the caller through request and job to Triton, by W3C's ``traceparent``.

Where ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set, spans are sent there over HTTP; OpenTelemetry's other variables hold too
(``OTEL_TRACES_SAMPLER``, ``OTEL_SERVICE_NAME``). Where it is not, nothing of it is loaded; a caller's own
``traceparent`` is still carried along, so that the log's lines can be found by the trace's id.

The Triton that ``vfr serve`` starts joins by itself, another one with ``--trace-config mode=opentelemetry
--trace-config rate=0 --trace-config level=TIMESTAMPS --trace-config
opentelemetry,url=http://collector:4318/v1/traces``: it then traces exactly the requests that carry a context.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from structlog.contextvars import bound_contextvars

if TYPE_CHECKING:
    from opentelemetry.trace import Span as Recorded
    from opentelemetry.trace import Tracer

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""The variable of the environment that switches tracing on."""

_PARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
"""W3C Trace Context, section 3.2: version, trace, span, flags."""
_CARRIED: ContextVar[str] = ContextVar("traceparent", default="")
_TRACERS: list[Tracer] = []
"""At most one: what is open in this process."""

Kind = Literal["internal", "server"]


@dataclass
class Span:
    """What is told of a piece of work when it ends."""

    name: str
    attributes: dict[str, str | int | float] = field(default_factory=dict)
    fault: str = ""  # the code of what went wrong; never its words, which may quote the caller


@contextmanager
def exporting(role: str) -> Iterator[None]:
    """Send spans for as long as the block runs, where the environment says where to."""
    if not os.environ.get(ENDPOINT):
        yield
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", "neurose-vfr")
    provider = TracerProvider(resource=Resource.create({"service.name": name, "vfr.role": role}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _TRACERS.append(provider.get_tracer("vfr"))
    try:
        yield
    finally:
        _TRACERS.clear()
        provider.shutdown()


@contextmanager
def span(name: str, parent: str | None = None, kind: Kind = "internal") -> Iterator[Span]:
    """Trace the block's work.

    Args:
        name: what it is.
        parent: the ``traceparent`` of whoever asked for it, taken as it came; nonsense is no parent, and then it is
            what is traced around the block.
        kind: ``server`` for a request.
    """
    carried = parent if parent and _PARENT.fullmatch(parent) else _CARRIED.get()
    told = Span(name)
    if not _TRACERS:
        with _carrying(carried):
            yield told
        return
    recorded = _begun(_TRACERS[0], name, carried, kind)
    context = recorded.get_span_context()
    try:
        with _carrying(f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"):
            yield told
    except BaseException as error:
        told.fault = told.fault or type(error).__name__
        raise
    finally:
        _ended(recorded, told)


def on() -> bool:
    """Return whether spans are sent."""
    return bool(_TRACERS)


def ids(traceparent: str | None) -> dict[str, str]:
    """Return what a line of the log says of a trace: its ``trace_id``; nothing where there is none."""
    known = _PARENT.fullmatch(traceparent or "")
    return {"trace_id": known[1]} if known else {}


def current() -> str | None:
    """Return the ``traceparent`` of what is going on here, for whoever goes on with it elsewhere."""
    return _CARRIED.get() or None


def headers() -> Mapping[str, str]:
    """Return what goes along with a call of Triton; nothing while no spans are sent, or of what is not sampled."""
    carried = _CARRIED.get()
    return {"traceparent": carried} if _TRACERS and carried.endswith("1") else {}


@contextmanager
def _carrying(carried: str) -> Iterator[None]:
    token = _CARRIED.set(carried)
    try:
        with bound_contextvars(**ids(carried)):
            yield
    finally:
        _CARRIED.reset(token)


def _begun(tracer: Tracer, name: str, parent: str, kind: Kind) -> Recorded:
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    around = TraceContextTextMapPropagator().extract({"traceparent": parent}, Context())
    return tracer.start_span(name, around, SpanKind.SERVER if kind == "server" else SpanKind.INTERNAL)


def _ended(recorded: Recorded, told: Span) -> None:
    from opentelemetry.trace import Status, StatusCode

    recorded.update_name(told.name)
    recorded.set_attributes(told.attributes)
    if told.fault:
        recorded.set_status(Status(StatusCode.ERROR, told.fault))
    recorded.end()
