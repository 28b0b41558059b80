"""Events: told at least once, by each way, with every try on record."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from stores import Store
from toy_task import ACT, ToyTask, caller, endings, new_job, now, work_of

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import OPEN
from regard.domain.jobs import Event, Job, NotificationChannel
from regard.engine.jobs import webhook_target
from regard.engine.jobs.announcer import Announcer
from regard.engine.jobs.deliveries import Deliveries, NotDelivered, Target
from regard.engine.jobs.file_target import FileTarget
from regard.engine.jobs.queue import JobQueue
from regard.engine.jobs.sns_target import SnsOptions, SnsTarget
from regard.engine.jobs.webhook_target import WebhookTarget, is_public
from regard.store.outbox_rows import LONGEST_WAIT, OutboxRows

if TYPE_CHECKING:
    from s3_server import S3Server

pytest_plugins = ["s3_server"]
SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
SECRET_OF_HOOKS = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


@dataclass
class Office:
    """Jobs that end, and what tells of them; its clock is told."""

    store: Store
    announcer: Announcer
    targets: dict[str, Target]
    now: datetime = field(default_factory=lambda: datetime(2026, 3, 1, tzinfo=UTC))

    def __post_init__(self) -> None:
        self.outbox = OutboxRows(self.store.database)
        self.deliveries = Deliveries(self.outbox, self.targets, lambda: self.now)

    def done(self, topic: str | None = None, tag: str | None = None, **request: object) -> Job:
        """A job that has ended."""
        queue = JobQueue(self.store.database, account_id="1", kept=timedelta(days=7), clock=now)
        channel = NotificationChannel(topic_arn=topic, role_arn="arn:aws:iam::1:role/r") if topic else None
        asked = new_job(**request)
        asked = type(asked)(kind=asked.kind, request=asked.request, object=asked.object, tag=tag, channel=channel)
        with Gate(OPEN).open(caller(), ACT) as grant:
            job = queue.submit(grant, asked)
        ends = endings(self.store.database, announcer=self.announcer)
        ends.clock = lambda: self.now
        while claims := ends.claims.claim("w", 20):
            work_of(self.store.database, ends, ToyTask())(claims)
        return job

    def tries(self, job: Job) -> list[str]:
        [event] = self.outbox.of_job(job.id)
        return [each["outcome"] for each in event.tries]


class Flaky:
    """Refuses until it is told not to."""

    def __init__(self) -> None:
        self.got: list[Event] = []
        self.down = True

    def deliver(self, event: Event) -> None:
        if self.down:
            raise NotDelivered("It is down.")
        self.got.append(event)


@SQLITE
def test_an_event_is_tried_at_longer_and_longer_intervals_until_it_arrives_with_one_id(store: Store) -> None:
    target = Flaky()
    office = Office(store, Announcer(webhooks=("https://example.org/a",)), {"webhook": target})
    job = office.done(tag="my-tag")
    waits = []
    for _ in range(14):
        assert office.deliveries.deliver() == 1
        [event] = office.outbox.of_job(job.id)
        assert office.deliveries.deliver() == 0
        waits.append((event.next_try - office.now).total_seconds())
        office.now = event.next_try
    assert waits[:4] == [2, 4, 8, 16]
    assert waits[-1] == LONGEST_WAIT.total_seconds()
    office.now += timedelta(days=1)  # it was down for a day
    target.down = False
    assert office.deliveries.deliver() == 1
    assert office.deliveries.deliver() == 0
    assert [event.id for event in target.got] == [event.id]
    assert office.tries(job) == ["It is down."] * 14 + ["delivered"]
    told = json.loads(target.got[0].body)
    assert (told["JobId"], told["Status"], told["API"], told["JobTag"]) == (job.id, "SUCCEEDED", "StartToy", "my-tag")
    assert told["Timestamp"] == datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000
    assert told["Video"] == {"S3ObjectName": "clip.mp4", "S3Bucket": "videos"}


@SQLITE
def test_who_dies_after_telling_tells_again_with_the_same_id(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    target = Flaky()
    target.down = False
    office = Office(store, Announcer(webhooks=("https://example.org/a",)), {"webhook": target})
    office.done()
    with monkeypatch.context() as patched:
        patched.setattr(OutboxRows, "tried", lambda *_: None)  # killed before it could note that
        office.deliveries.deliver()
    assert office.deliveries.deliver() == 0
    office.now += timedelta(seconds=61)
    office.deliveries.deliver()
    assert len(target.got) == 2
    assert len({event.id for event in target.got}) == 1


@SQLITE
def test_an_event_is_not_put_off_by_a_clock_that_was_set_back(store: Store) -> None:
    target = Flaky()
    office = Office(store, Announcer(webhooks=("https://example.org/a",)), {"webhook": target})
    office.done()
    office.deliveries.deliver()
    target.down = False
    office.now -= timedelta(days=3)
    assert office.deliveries.deliver() == 1
    assert len(target.got) == 1


@SQLITE
def test_one_address_that_is_down_holds_up_no_other(store: Store) -> None:
    class Half(Flaky):
        def deliver(self, event: Event) -> None:
            self.down = event.address.endswith("down")
            super().deliver(event)

    target = Half()
    office = Office(store, Announcer(webhooks=("https://h/down", "https://h/up")), {"webhook": target})
    office.done()
    office.done()
    office.deliveries.deliver()
    assert [event.address for event in target.got] == ["https://h/up"] * 2


@SQLITE
def test_a_failed_job_is_told_of_as_well(store: Store) -> None:
    target = Flaky()
    target.down = False
    office = Office(store, Announcer(webhooks=("https://example.org/a",)), {"webhook": target})
    office.done(unreadable=True)
    office.deliveries.deliver()
    assert json.loads(target.got[0].body)["Status"] == "FAILED"


@SQLITE
def test_events_are_lines_of_a_file(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    office = Office(store, Announcer(file=str(file)), {"file": FileTarget()})
    jobs = [office.done(), office.done()]
    office.deliveries.deliver()
    told = [json.loads(line) for line in file.read_text().splitlines()]
    assert {each["JobId"] for each in told} == {job.id for job in jobs}
    assert {each["EventId"] for each in told} == {office.outbox.of_job(job.id)[0].id for job in jobs}
    lost = Office(store, Announcer(file=str(tmp_path / "no" / "folder")), {"file": FileTarget()})
    job = lost.done()
    lost.deliveries.deliver()
    assert "could not be written" in lost.tries(job)[0]


# -- SNS -------------------------------------------------------------------------------------------------------------


@SQLITE
def test_a_topic_that_a_client_named_has_the_message_in_snss_own_envelope(store: Store, s3: S3Server) -> None:
    access = {"endpoint_url": s3.url, "region_name": "us-east-1"}
    access |= {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret"}
    sns, sqs = boto3.client("sns", **access), boto3.client("sqs", **access)
    topic = sns.create_topic(Name="AmazonRekognition-done")["TopicArn"]
    queue = sqs.create_queue(QueueName="done")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    options = SnsOptions(endpoint=s3.url, access_key_id="AKIAEXAMPLE", secret_access_key="secret")
    office = Office(store, Announcer(), {"sns": SnsTarget(options)})
    job, gone = office.done(topic, "a-tag"), office.done(topic + "-gone")
    office.deliveries.deliver()
    [received] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    message = json.loads(json.loads(received["Body"])["Message"])
    assert (message["JobId"], message["Status"], message["API"]) == (job.id, "SUCCEEDED", "StartToy")
    assert message["JobTag"] == "a-tag"
    assert office.tries(job) == ["delivered"]
    assert office.tries(gone)[0].startswith("SNS answered NotFound")
    for client in (sns, sqs):
        client.close()


@SQLITE
def test_a_topic_that_cannot_be_reached_or_is_not_set_says_so_in_the_jobs_own_record(store: Store) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:AmazonRekognition"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = SnsOptions(endpoint=f"http://127.0.0.1:{port}", access_key_id="k", secret_access_key="s")
    for target, said in [(SnsTarget(options), "SNS did not answer"), (SnsTarget(None), "No SNS is set")]:
        office = Office(store, Announcer(), {"sns": target})
        job = office.done(topic)
        office.deliveries.deliver()
        assert office.tries(job)[0].startswith(said)


# -- webhooks --------------------------------------------------------------------------------------------------------


@dataclass
class Hook:
    """A server that gets events and answers as it is told; with `silent` it never does."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    silent: threading.Event | None = None
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@contextmanager
def listening(hook: Hook) -> Iterator[Hook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            if hook.silent is not None:
                hook.silent.wait(30)
                return
            self.send_response(hook.status)
            for name, value in hook.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        hook.url = f"http://127.0.0.1:{server.server_port}/regard?key=secret"
        try:
            yield hook
        finally:
            if hook.silent is not None:
                hook.silent.set()
            server.shutdown()


def event(address: str) -> Event:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    return Event(
        id="event-1", job_id="j", target="webhook", address=address, body='{"JobId": "j"}', count=1, next_try=moment,
        done_at=None, tries=(),
    )  # fmt: skip


@pytest.mark.parametrize("secret", [SECRET_OF_HOOKS, "plain words", None])
def test_a_webhook_gets_the_event_signed_as_standard_webhooks_are(secret: str | None) -> None:
    with listening(Hook()) as hook:
        WebhookTarget(secret, private=True).deliver(event(hook.url))
    [(headers, body)] = hook.got
    assert json.loads(body) == {"JobId": "j"}
    assert headers["webhook-id"] == "event-1"
    if secret is None:
        assert "webhook-signature" not in headers
        return
    key = b"0123456789abcdef01234567" if secret == SECRET_OF_HOOKS else secret.encode()
    content = b".".join([b"event-1", headers["webhook-timestamp"].encode(), body])
    wanted = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"


@pytest.mark.parametrize(("status", "said"), [(500, "answered 500"), (404, "answered 404"), (302, "not followed")])
def test_a_webhook_that_refuses_or_sends_elsewhere_has_not_got_it(status: int, said: str) -> None:
    with listening(Hook()) as other, listening(Hook(status=status, headers={"Location": other.url})) as hook:
        with pytest.raises(NotDelivered, match=said):
            WebhookTarget(None, private=True).deliver(event(hook.url))
        assert other.got == []


def test_a_webhook_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_target, "_STEP_SECONDS", 60.0)
    monkeypatch.setattr(webhook_target, "_SECONDS", 0.3)
    with listening(Hook(silent=threading.Event())) as hook, pytest.raises(NotDelivered, match="did not answer"):
        WebhookTarget(None, private=True).deliver(event(hook.url))


def test_a_webhook_within_the_network_is_not_called_unless_that_is_meant() -> None:
    with listening(Hook()) as hook:
        with pytest.raises(NotDelivered, match="private_webhooks"):
            WebhookTarget(None).deliver(event(hook.url))
        assert hook.got == []


def test_a_name_that_means_an_address_within_the_network_is_that_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(*_: object, **__: object) -> Sequence[object]:
        return [(socket.AF_INET, 0, 0, "", ("93.184.216.34", 80)), (socket.AF_INET, 0, 0, "", ("10.0.0.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    with pytest.raises(NotDelivered, match="private_webhooks"):
        WebhookTarget(None).deliver(event("http://rebound.example.org/"))


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        *((each, False) for each in ("127.0.0.1", "10.1.2.3", "169.254.169.254", "0.0.0.0", "100.64.0.1")),  # noqa: S104
        *((each, False) for each in ("::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "224.0.0.1")),
        *((each, False) for each in ("2002:7f00:1::", "::", "192.168.1.1")),
    ],
)
def test_public_addresses_are_told_from_others(address: str, public: bool) -> None:
    assert is_public(address) is public


@SQLITE
def test_no_secret_of_an_address_is_in_the_log(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with listening(Hook(status=500)) as hook:
        office = Office(store, Announcer(webhooks=(hook.url,)), {"webhook": WebhookTarget(None, private=True)})
        job = office.done()
        with caplog.at_level(logging.DEBUG):
            office.deliveries.deliver()
    assert office.tries(job) == ["127.0.0.1 answered 500."]
    assert "secret" not in caplog.text
