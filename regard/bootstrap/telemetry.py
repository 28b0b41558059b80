"""The instruments that observe every request and model run."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.metadata import version

from regard.bootstrap.spare_memory import SpareMemory
from regard.config.settings import Settings
from regard.telemetry import traces
from regard.telemetry.instruments import Instruments
from regard.telemetry.logs import RequestLog
from regard.telemetry.metrics import Metrics


def instruments(settings: Settings, closing: ExitStack) -> tuple[Metrics, Instruments]:
    """Metrics, and all instruments together; traces are sent only if the settings name a collector."""
    release = version("regard")
    metrics = Metrics(version=release, face_model=settings.models.embedder, detector=settings.models.detector)
    endpoint = settings.telemetry.otlp_endpoint
    sent = [traces.to_collector(endpoint, release)] if endpoint else []
    together = Instruments([metrics, RequestLog(), SpareMemory(), *sent])
    closing.callback(together.close)
    return metrics, together
