"""What is told of a job that has ended, and to whom."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from regard.domain.instants import microseconds
from regard.domain.jobs import Job, JobState, NewEvent

#: How an event reaches whom it is for.
SNS, WEBHOOK, FILE = "sns", "webhook", "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcer:
    """Makes the events of a job: for the topic that its client named, and for everybody the operator named."""

    webhooks: Sequence[str] = ()
    file: str | None = None

    def events(self, job: Job, state: JobState, now: datetime) -> list[NewEvent]:
        """What to put into the outbox, in the transaction that ends the job."""
        body = json.dumps(message(job, state, now))
        addresses = [(SNS, job.channel.topic_arn)] if job.channel else []
        addresses += [(WEBHOOK, each) for each in self.webhooks]
        addresses += [(FILE, self.file)] if self.file else []
        return [NewEvent(target=target, address=address, body=body) for target, address in addresses]


def message(job: Job, state: JobState, now: datetime) -> dict[str, object]:
    """As Rekognition's ("Getting the completion status of an Amazon Rekognition Video analysis request"). Programs read
    JobTag without looking whether it is there."""
    return {
        "JobId": job.id,
        "Status": state.told,
        "API": job.operation,
        "JobTag": job.tag or "",
        "Timestamp": microseconds(now) // 1000,
        "Video": {"S3ObjectName": job.object.name, "S3Bucket": job.object.bucket},
    }
