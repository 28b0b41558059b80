"""The whole server on a free loopback port, and real boto3 clients to call it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import IncompleteReadError

from regard.bootstrap.engine import Engine, open_engine
from regard.bootstrap.http import server as application_of
from regard.config.settings import load_settings
from regard.edge.connections import ConnectionLimits, Connections
from regard.edge.http_server import HttpServer, Listening


@dataclass
class Live:
    """A running server, its engine, and the key that opens it."""

    port: int
    engine: Engine
    key: str
    secret: str
    clients: ExitStack

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **options: Any) -> Any:
        """A client that neither retries nor checks what it sends, unless told otherwise."""
        settings = {
            "endpoint_url": self.url,
            "region_name": "us-east-1",
            "aws_access_key_id": self.key,
            "aws_secret_access_key": self.secret,
            "config": Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        }
        client = boto3.client("rekognition", **(settings | options))
        self.clients.callback(client.close)
        return client

    def get(self, path: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def put(self, name: str, content: bytes) -> dict[str, Any]:
        """Put a file into the bucket `photos`; the Image that names it."""
        file = self.engine.settings.buckets_folder / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return {"S3Object": {"Bucket": "photos", "Name": name}}


@contextmanager
def serving(engine: Engine) -> Iterator[Live]:
    """The engine behind HTTP; whoever opened it closes it."""
    key, secret = engine.access_keys.create("tester")
    application = application_of(engine, strict_output=True)
    ports: list[int] = []
    limits = ConnectionLimits(most=4096, most_strangers=4096, vouched_seconds=75)
    listening = Listening(host="127.0.0.1", port=0)
    server = HttpServer(application, listening, Connections(limits), announce=ports.append)
    with ExitStack() as clients:
        thread = threading.Thread(target=server.run)
        thread.start()
        while not ports:
            time.sleep(0.01)
        try:
            yield Live(ports[0], engine, key, secret, clients)
        finally:
            clients.close()
            server.should_exit = True
            thread.join()


@contextmanager
def with_models(models: Path, home: Path, /, **sections: Mapping[str, Any]) -> Iterator[Live]:
    """A server whose models are loaded before the first call; settings go by section, as to `load_settings`."""
    chosen = sections | {"models": {"folder": models, **sections.get("models", {})}}
    with open_engine(load_settings({}, home=home, **chosen)) as engine:
        engine.models.load()
        with serving(engine) as result:
            yield result


@contextmanager
def without_models(home: Path, **sections: Mapping[str, Any]) -> Iterator[Live]:
    """A server that has no model's file; settings go by section, as to `load_settings`."""
    with open_engine(load_settings({}, home=home, **sections)) as engine, serving(engine) as result:
        yield result


def whole(answer: dict[str, Any], member: str) -> Any:
    """What the answer has there. To boto3 one that was cut off is an answer without members, and a success."""
    if member not in answer:
        raise IncompleteReadError(actual_bytes=0, expected_bytes=1)
    return answer[member]
