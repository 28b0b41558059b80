"""Jobs: the doors to ask for them and to mind them, and what tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from regard.bootstrap.stores import Stores
from regard.config.sections import split
from regard.config.settings import Settings
from regard.domain.jobs import JobState
from regard.engine.jobs.announcer import FILE, SNS, WEBHOOK, Announcer
from regard.engine.jobs.control import JobControl
from regard.engine.jobs.deliveries import Deliveries, Target
from regard.engine.jobs.endings import Endings
from regard.engine.jobs.file_target import FileTarget
from regard.engine.jobs.queue import JobQueue
from regard.engine.jobs.sns_target import SnsOptions, SnsTarget
from regard.engine.jobs.webhook_target import WebhookTarget
from regard.store.job_result_rows import JobResultRows
from regard.store.job_rows import JobRows
from regard.store.outbox_rows import OutboxRows
from regard.telemetry.metrics import JobFigures, Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDoors:
    """Where clients ask for jobs, and where the operator minds them."""

    queue: JobQueue
    control: JobControl


def job_doors(settings: Settings, stores: Stores, metrics: Metrics) -> JobDoors:
    """The doors of a server, whose metrics tell of the jobs there are."""
    show_jobs(metrics, stores)
    return JobDoors(queue=job_queue(settings, stores), control=job_control(settings, stores))


def job_queue(settings: Settings, stores: Stores) -> JobQueue:
    """Where clients ask for jobs and get what they found."""
    kept = timedelta(days=settings.jobs.retention_days)
    return JobQueue(stores.database, account_id=settings.server.account_id, kept=kept, clock=_now)


def job_control(settings: Settings, stores: Stores) -> JobControl:
    """Where the operator minds everybody's jobs."""
    return JobControl(endings(settings, stores), OutboxRows(stores.database), JobResultRows(stores.database))


def endings(settings: Settings, stores: Stores) -> Endings:
    """How jobs end, and whom these settings tell of it."""
    chosen = settings.events
    announcer = Announcer(webhooks=split(chosen.webhooks), file=str(chosen.file) if chosen.file else None)
    return Endings(stores.database, announcer, _now, lease=timedelta(seconds=settings.jobs.lease_seconds))


def deliveries(settings: Settings, stores: Stores) -> Deliveries:
    """What tells those who are to be told."""
    chosen = settings.events
    sns = chosen.sns_endpoint and SnsOptions(
        endpoint=chosen.sns_endpoint,
        access_key_id=chosen.sns_access_key_id,
        secret_access_key=chosen.sns_secret_access_key,
    )
    targets: dict[str, Target] = {
        SNS: SnsTarget(sns or None),
        WEBHOOK: WebhookTarget(chosen.webhook_secret, private=chosen.private_webhooks),
        FILE: FileTarget(),
    }
    return Deliveries(OutboxRows(stores.database), targets, _now)


def show_jobs(metrics: Metrics, stores: Stores) -> None:
    """Let metrics tell of the jobs of the whole database, each time they are read."""
    jobs, outbox = JobRows(stores.database), OutboxRows(stores.database)

    def look() -> JobFigures:
        oldest = jobs.oldest_waiting()
        waited = 0.0 if oldest is None else max(0.0, (_now() - oldest).total_seconds())
        return JobFigures(
            states=jobs.counts(), oldest_seconds=waited, chunks_done=jobs.chunks_done(), events_waiting=outbox.waiting()
        )

    metrics.show_jobs(look, [str(state) for state in JobState])


def _now() -> datetime:
    return datetime.now(UTC)
