"""Traces by OpenTelemetry, sent only if asked for: a span for each request, and below it one for each model run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from regard.domain.reporting import RequestRecord
from regard.errors import InternalServerError, SettingsError
from regard.telemetry.instruments import UNKNOWN, Instrument

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

#: The path of traces below a collector's address (OTLP specification 1, "OTLP/HTTP Request").
_PATH = "/v1/traces"
#: How long a collector may take to accept a batch, and so how long an absent one can delay the end of the server.
_EXPORT_SECONDS = 5


class Traces(Instrument):
    """Spans of requests and of the model runs they needed, sent by `provider`.

    They carry operations, models, request ids, statuses and error codes: nothing of a picture, and no message.
    """

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import trace  # noqa: PLC0415 - installed only with the extra

        self._api = trace
        self._provider = provider
        self._tracer = provider.get_tracer("regard")
        self._open: dict[str, Span] = {}

    @contextmanager
    def performing(self, operation: str, request_id: str, /) -> Iterator[None]:
        span = self._tracer.start_span(operation, kind=self._api.SpanKind.SERVER)
        self._open[request_id] = span
        # An exception's message can name a collection or a file: the span gets only its code, from the record.
        with self._api.use_span(span, record_exception=False, set_status_on_exception=False):
            yield

    def answered(self, record: RequestRecord) -> None:
        operation = record.operation or UNKNOWN
        span = self._open.pop(record.request_id, None) or self._tracer.start_span(
            operation, kind=self._api.SpanKind.SERVER, start_time=_ago(record.seconds)
        )
        span.set_attributes(
            {
                "rpc.system": "aws-api",
                "rpc.service": record.service or UNKNOWN,
                "rpc.method": operation,
                "aws.request_id": record.request_id,
                "http.response.status_code": record.status,
                "regard.waited_seconds": record.waited,
            }
        )
        if record.code:
            span.set_attribute("error.type", record.code)
        if record.status >= InternalServerError.status:
            span.set_status(self._api.StatusCode.ERROR)
        span.end()

    def model_ran(self, model: str, seconds: float) -> None:
        if self._api.get_current_span().is_recording():  # not at the start, when models are tried
            self._tracer.start_span(model, start_time=_ago(seconds)).end()

    def close(self) -> None:
        """Send what is left, and end the sending thread."""
        self._provider.shutdown()


def to_collector(endpoint: str, version: str) -> Traces:
    """Traces for the collector at the address `endpoint`, sent by OTLP over HTTP from a thread.

    Raises SettingsError if that is not an address, or the extra `otel` is not installed.
    """
    if urlsplit(endpoint).scheme not in ("http", "https") or not urlsplit(endpoint).netloc:
        raise SettingsError(f"otlp_endpoint is {endpoint!r}; it must be an address like http://127.0.0.1:4318")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError(
            "otlp_endpoint is set, but OpenTelemetry is not installed: pip install 'regard[otel]'"
        ) from error
    resource = Resource.create({"service.name": "regard", "service.version": version})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    place = endpoint.rstrip("/").removesuffix(_PATH) + _PATH
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(place, timeout=_EXPORT_SECONDS)))
    return Traces(provider)


def _ago(seconds: float) -> int:
    """The moment `seconds` ago, in nanoseconds since the Unix epoch."""
    return time.time_ns() - int(seconds * 1e9)
