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
from regard.telemetry.recent_load import RecentLoad


def instruments(settings: Settings, closing: ExitStack) -> tuple[Metrics, RecentLoad, Instruments]:
    """Metrics, the load of the last hour, and all instruments together; traces are sent only if the settings name a
    collector."""
    release = version("regard")
    metrics = Metrics(version=release, face_model=settings.models.embedder, detector=settings.models.detector)
    endpoint = settings.telemetry.otlp_endpoint
    sent = [traces.to_collector(endpoint, release)] if endpoint else []
    recent = RecentLoad()
    together = Instruments([metrics, recent, RequestLog(), SpareMemory(), *sent])
    closing.callback(together.close)
    return metrics, recent, together
