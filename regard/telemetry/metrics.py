"""What Prometheus reads: counts and times, by operation and by model, and nothing about any person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from regard.domain.reporting import RequestRecord
from regard.errors import RegardError
from regard.telemetry.figures import Figure, Figures
from regard.telemetry.instruments import OK, UNKNOWN, Instrument

#: Seconds: from a listing that touches one row to a crowd on a busy machine.
REQUEST_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10)
#: Seconds: from an empty queue to one so long that clients give up.
WAIT_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
#: Seconds: from a small model on one crop to a detector at its largest scale.
MODEL_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)


class Index(Protocol):
    """What is shown of an index: the bytes of memory it takes, and the vectors it holds."""

    @property
    def memory(self) -> int: ...

    @property
    def size(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFigures:
    """Jobs now: how many in each state, how long the oldest has waited to begin, chunks done of all there are, and
    events that have not arrived."""

    states: Mapping[str, int]
    oldest_seconds: float
    chunks_done: int
    events_waiting: int


class Metrics(Instrument):
    """The counters of one server, in a registry of its own.

    The values of every label are bounded: services, operations, error codes and the names of model cards.
    """

    def __init__(self, *, version: str, face_model: str, detector: str) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        build = Info("regard_build", "The version of Regard and the models in use", registry=registry)
        build.info({"version": version, "face_model": face_model, "detector": detector})
        by = ("service", "operation")
        self._requests = Counter("regard_requests", "Requests answered", (*by, "code"), registry=registry)
        self._seconds = Histogram(
            "regard_request_duration_seconds",
            "From a request's head to its answer",
            by,
            buckets=REQUEST_BUCKETS,
            registry=registry,
        )
        self._waited = Histogram(
            "regard_request_wait_seconds",
            "The part of it spent waiting for a thread",
            buckets=WAIT_BUCKETS,
            registry=registry,
        )
        self._waiting = Gauge("regard_requests_waiting", "Requests waiting for a thread now", registry=registry)
        self._running = Gauge("regard_requests_running", "Operations running now", ("operation",), registry=registry)
        self._received = Counter("regard_received_bytes", "Bytes of the requests' bodies", by, registry=registry)
        self._sent = Counter("regard_sent_bytes", "Bytes of the answers' bodies", by, registry=registry)
        self._faces = Counter("regard_faces_detected", "Faces found in pictures", registry=registry)
        of = ("index",)
        self._index_bytes = Gauge("regard_index_bytes", "Memory of the embedded index", of, registry=registry)
        self._index_vectors = Gauge("regard_index_vectors", "Vectors that it holds", of, registry=registry)
        self._models = Histogram(
            "regard_model_run_seconds", "One run of a model", ("model",), buckets=MODEL_BUCKETS, registry=registry
        )

    def show_index(self, name: str, index: Index) -> None:
        """Show this index under `name`; it is asked each time the metrics are read."""
        self._index_bytes.labels(name).set_function(lambda: index.memory)
        self._index_vectors.labels(name).set_function(lambda: index.size)

    def show_jobs(self, look: Callable[[], JobFigures], states: Sequence[str]) -> None:
        """Show what `look` sees each time the metrics are read."""
        self._registry.register(_JobCollector(look, states))

    def waiting(self, requests: int) -> None:
        self._waiting.set(requests)

    def performing(self, operation: str, _request_id: str, /) -> AbstractContextManager[object]:
        return self._running.labels(operation).track_inprogress()

    def answered(self, record: RequestRecord) -> None:
        by = (record.service or UNKNOWN, record.operation or UNKNOWN)
        self._requests.labels(*by, record.code or OK).inc()
        self._seconds.labels(*by).observe(record.seconds)
        self._waited.observe(record.waited)
        self._received.labels(*by).inc(record.received)
        self._sent.labels(*by).inc(record.sent)

    def model_ran(self, model: str, seconds: float) -> None:
        self._models.labels(model).observe(seconds)

    def faces_found(self, count: int) -> None:
        self._faces.inc(count)

    def figures(self) -> Figures:
        """The same, for people."""
        samples = (sample for family in self._registry.collect() for sample in family.samples)
        return Figures(Figure(each.name, each.labels, each.value) for each in samples)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Everything counted so far, and its content type: OpenMetrics for clients that accept it, else plain text."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _JobCollector(Collector):
    """Asks once for all figures of a reading."""

    def __init__(self, look: Callable[[], JobFigures], states: Sequence[str]) -> None:
        self._look = look
        self._states = states

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        try:
            found = self._look()
        except RegardError:  # a database that cannot be read is told of by /health/ready
            return
        jobs = GaugeMetricFamily("regard_jobs", "Jobs that are kept, by state", labels=("state",))
        for state in self._states:
            jobs.add_metric((state,), found.states.get(state, 0))
        yield jobs
        oldest = "How long the oldest job has waited to begin"
        yield GaugeMetricFamily("regard_jobs_oldest_waiting_seconds", oldest, value=found.oldest_seconds)
        yield GaugeMetricFamily("regard_job_chunks_done", "Chunks done of the jobs that are kept", found.chunks_done)
        waiting = "Events of jobs that have not arrived"
        yield GaugeMetricFamily("regard_job_events_waiting", waiting, value=found.events_waiting)
