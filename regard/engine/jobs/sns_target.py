"""Events to SNS topics, through botocore's own client."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from regard.domain.jobs import Event
from regard.engine.jobs.deliveries import NotDelivered

#: The endpoint that means AWS itself.
AWS = "aws"
_CONNECT_SECONDS, _READ_SECONDS = 5, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SnsOptions:
    """Which service, and the key that opens it."""

    endpoint: str
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)


class SnsTarget:
    """Publishes to the topic that an event names, in the Region that its ARN says. SNS puts the event in its envelope,
    as it does for Rekognition."""

    def __init__(self, options: SnsOptions | None) -> None:
        """Without `options` nothing is published, and each event says so."""
        self._options = options
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def deliver(self, event: Event) -> None:
        if self._options is None:
            raise NotDelivered("No SNS is set: say with [events] sns_endpoint where the topics are.")
        message: dict[str, Any] = {
            "TopicArn": event.address,
            "Message": event.body,
            "MessageAttributes": {"EventId": {"DataType": "String", "StringValue": event.id}},
        }
        if event.address.endswith(".fifo"):
            message |= {"MessageGroupId": event.job_id, "MessageDeduplicationId": event.id}
        try:
            self._client(self._options, _region(event.address)).publish(**message)
        except ClientError as error:
            words = error.response["Error"]
            raise NotDelivered(f"SNS answered {words.get('Code')}: {words.get('Message')}") from error
        except BotoCoreError as error:
            raise NotDelivered(f"SNS did not answer: {error}") from error

    def _client(self, options: SnsOptions, region: str) -> Any:
        with self._lock:  # a session is not safe for threads, a client is
            if region not in self._clients:
                self._clients[region] = botocore.session.Session().create_client(
                    "sns",
                    region_name=region,
                    endpoint_url=None if options.endpoint == AWS else options.endpoint,
                    aws_access_key_id=options.access_key_id,
                    aws_secret_access_key=options.secret_access_key,
                    config=Config(
                        connect_timeout=_CONNECT_SECONDS,
                        read_timeout=_READ_SECONDS,
                        retries={"mode": "standard", "total_max_attempts": 1},
                        ignore_configured_endpoint_urls=True,
                    ),
                )
            return self._clients[region]


def _region(topic_arn: str) -> str:
    """arn:aws:sns:REGION:ACCOUNT:NAME"""
    steps = topic_arn.split(":")
    return steps[3] if len(steps) > 3 and steps[3] else "us-east-1"
