"""The last part of a trace: the spans of a real Triton."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np

from bridge.triton.client import AsyncTritonClient
from bridge.triton.embedded import EmbeddedTriton
from tests.api.telemetry.wire import outside
from tests.triton.tiny import CONTRACTS, write_repository

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
X = {"x": np.arange(3, dtype=np.float32)}


def test_triton_joins_the_trace_of_who_carries_one(tmp_path: Path) -> None:
    """Its spans are children of the caller's; who carries none is not traced."""

    async def call(url: str, headers: dict[str, str]) -> None:
        async with AsyncTritonClient(url, contracts=CONTRACTS, headers=lambda: headers) as client:
            await client.infer("echo", X)

    with outside() as collector:
        repository = write_repository(tmp_path / "models")
        with EmbeddedTriton(repository, models=["echo"], collector=collector.url) as server:
            asyncio.run(call(server.url, {}))
            asyncio.run(call(server.url, {"traceparent": f"00-{TRACE}-{SPAN}-01"}))
            deadline = time.monotonic() + 20
            while not collector.told and time.monotonic() < deadline:
                time.sleep(0.1)
    spans = [
        span
        for told in collector.told
        for resource in told["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    assert {span["traceId"] for span in spans} == {TRACE}
    assert SPAN in {span["parentSpanId"] for span in spans}
