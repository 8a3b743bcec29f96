"""What Prometheus reads: requests and failures of this service, stages of the inference server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from bridge.triton.wire import ModelStatistics

BUCKETS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""Upper bounds of the latency histogram [s]: dense around the goal of 1.5 s."""


class Metrics:
    """The counters of one app; a registry of its own, so that two apps in one process don't mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.latency = Histogram(
            "vfr_request_seconds",
            "From the first byte of a request to the last of its answer.",
            ["route", "status"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.failures = Counter(
            "vfr_failures", "Answers that are problems, by code.", ["route", "code"], registry=self.registry
        )
        self.in_flight = Gauge(
            "vfr_requests_in_flight", "Requests that wait for Triton.", registry=self.registry
        )

    def text(self, stages: Mapping[str, ModelStatistics] | None) -> bytes:
        """Return all in Prometheus's format; ``stages`` is the server's account, None when it is down."""
        registry = CollectorRegistry()
        registry.register(_Stages(stages))
        return generate_latest(self.registry) + generate_latest(registry)


class _Stages(Collector):
    def __init__(self, stages: Mapping[str, ModelStatistics] | None) -> None:
        self._stages = stages

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("vfr_triton_up", "1 while Triton answers.", value=self._stages is not None)
        seconds = SummaryMetricFamily(
            "vfr_stage_seconds", "Time in each model, waiting included.", labels=["model"]
        )
        waiting = CounterMetricFamily(
            "vfr_stage_waiting_seconds", "Of it in the model's queue.", labels=["model"]
        )
        for name, stage in (self._stages or {}).items():
            seconds.add_metric([name], stage.requests, stage.total)
            waiting.add_metric([name], stage.queued)
        return [up, seconds, waiting]
