"""What Prometheus reads.

=================================== ========================= =========================================================
name                                labels                    what
=================================== ========================= =========================================================
``vfr_request_seconds``             route, status             histogram: of a request, first byte to last
``vfr_failures_total``              route, code               answers that are problems
``vfr_requests_in_flight``                                    requests that wait for their picture
``vfr_job_latency_seconds``         stage                     histogram: of ended jobs, each stage and ``total``
``vfr_job_failures_total``          reason                    jobs that failed, by the problem's code
``vfr_jobs_queued``, ``…_running``                            now, in the database: the same at every replica
``vfr_workers``                                               that gave a sign of life lately, in the database
``vfr_quality``                     metric                    histogram: scores of finished pictures; none, no sample
``vfr_qc_score``                    metric                    gauge: the same of the picture that was finished last
``vfr_provider_spend_units``        provider, tenant          charged and reserved since ever, in the database
``vfr_breaker_state``               name                      0 closed, 1 half open, 2 open, in this process
``vfr_deliveries``                  state                     webhooks that did not arrive (yet), in the database
``vfr_webhook_attempts_total``      outcome                   attempts to deliver: delivered, retry, disabled, refused
``vfr_database_up``                                           1 while the database answers
``vfr_triton_up``                                             1 while Triton answers
``vfr_stage_seconds``               model                     summary: time in each model, by Triton's own account
``vfr_stage_waiting_seconds_total`` model                     of it in the model's queue
=================================== ========================= =========================================================

Counters and histograms are of this process: sum them over all. What the database says is the same everywhere: take
the maximum. No label holds anything that a stranger types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from bridge.triton.wire import ModelStatistics

BUCKETS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""Upper bounds of a request's latency [s]: dense around the goal of 1.5 s."""
JOB_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Upper bounds of a job's stages [s], up to the time that a job has."""
SCORE_BUCKETS = (0.1, 0.2, 0.28, 0.32, 0.4, 0.5, 0.58, 0.65, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99, 1.0)
"""Upper bounds of scores: the thresholds of ``configs/pipeline.yaml`` are among them."""


@dataclass(frozen=True)
class Account:
    """What the database says of all replicas together."""

    queued: int
    running: int
    workers: int  # that live
    deliveries: Mapping[str, int]  # webhooks that did not arrive, by state
    spend: Mapping[tuple[str, str], float]  # by provider and tenant [units]


@dataclass(frozen=True)
class Seen:
    """What is looked up when Prometheus asks."""

    stages: Mapping[str, ModelStatistics] | None  # by model; None: Triton does not answer
    account: Account | None  # None: the database does not answer
    circuits: Mapping[str, int]  # the state of each circuit breaker


class Metrics:
    """The counters of one app; a registry of its own, so that two apps in one process don't mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.latency = Histogram(
            "vfr_request_seconds",
            "From the first byte of a request to the last of its answer.",
            ["route", "status"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.failures = self._counter("vfr_failures", "Answers that are problems, by code.", "route", "code")
        self.in_flight = Gauge(
            "vfr_requests_in_flight", "Requests that wait for Triton.", registry=self.registry
        )
        self.job_latency = Histogram(
            "vfr_job_latency_seconds",
            "What ended jobs spent in each stage, and in total.",
            ["stage"],
            buckets=JOB_BUCKETS,
            registry=self.registry,
        )
        self.job_failures = self._counter("vfr_job_failures", "Jobs that failed, by code.", "reason")
        self.quality = Histogram(
            "vfr_quality",
            "Scores of finished pictures; what was not measured has no sample.",
            ["metric"],
            buckets=SCORE_BUCKETS,
            registry=self.registry,
        )
        self.last_quality = Gauge(
            "vfr_qc_score",
            "Scores of the picture that was finished last and had them measured.",
            ["metric"],
            registry=self.registry,
        )
        self.webhooks = self._counter("vfr_webhook_attempts", "Attempts to deliver a webhook.", "outcome")

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(name, words, labels, registry=self.registry)

    def job_ended(self, stages: Mapping[str, float], reason: str | None, scores: Mapping[str, float]) -> None:
        """Count a job that ended.

        Args:
            stages: what each took [s].
            reason: the problem's code; None: it did not fail.
            scores: of its picture, those that were measured.
        """
        for stage, seconds in stages.items():
            self.job_latency.labels(stage).observe(seconds)
        for metric, score in scores.items():
            self.quality.labels(metric).observe(score)
            self.last_quality.labels(metric).set(score)
        if reason is not None:
            self.job_failures.labels(reason).inc()

    def text(self, seen: Seen) -> bytes:
        """Return all in Prometheus's format."""
        registry = CollectorRegistry()
        registry.register(_Now(seen))
        return generate_latest(self.registry) + generate_latest(registry)


class _Now(Collector):
    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def collect(self) -> Iterable[Metric]:
        yield from _triton(self._seen.stages)
        yield _gauge(
            "vfr_breaker_state", "0 closed, 1 half open, 2 open.", "name", values=self._seen.circuits
        )
        account = self._seen.account
        yield GaugeMetricFamily("vfr_database_up", "1 while the database answers.", value=account is not None)
        if account is not None:
            yield from _account(account)


def _triton(stages: Mapping[str, ModelStatistics] | None) -> Iterable[Metric]:
    yield GaugeMetricFamily("vfr_triton_up", "1 while Triton answers.", value=stages is not None)
    seconds = SummaryMetricFamily(
        "vfr_stage_seconds", "Time in each model, waiting included.", labels=["model"]
    )
    waiting = CounterMetricFamily(
        "vfr_stage_waiting_seconds", "Of it in the model's queue.", labels=["model"]
    )
    for name, stage in (stages or {}).items():
        seconds.add_metric([name], stage.requests, stage.total)
        waiting.add_metric([name], stage.queued)
    yield from (seconds, waiting)


def _account(account: Account) -> Iterable[Metric]:
    yield GaugeMetricFamily("vfr_jobs_queued", "Jobs that wait.", value=account.queued)
    yield GaugeMetricFamily("vfr_jobs_running", "Jobs that run.", value=account.running)
    yield GaugeMetricFamily("vfr_workers", "Workers that live.", value=account.workers)
    yield _gauge("vfr_deliveries", "Webhooks that did not arrive.", "state", values=account.deliveries)
    spend = GaugeMetricFamily(
        "vfr_provider_spend_units", "Charged and reserved by providers.", labels=["provider", "tenant"]
    )
    for labels, units in account.spend.items():
        spend.add_metric(labels, units)
    yield spend


def _gauge(name: str, words: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
