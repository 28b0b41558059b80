"""The whole server on a free loopback port, and real boto3 clients to call it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
import uvicorn
from botocore.config import Config
from botocore.exceptions import ClientError
from people import astronaut, encoded

from regard import app, config
from regard.app import Regard


@dataclass
class Live:
    """A running server, its engine, and the key that opens it."""

    port: int
    regard: Regard
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


@contextmanager
def serving(regard: Regard) -> Iterator[Live]:
    key, secret = regard.access_keys.create("tester")
    application = app.server(regard, strict_output=True)
    server = uvicorn.Server(uvicorn.Config(application, log_config=None, lifespan="off"))
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener, ExitStack() as clients:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield Live(listener.getsockname()[1], regard, key, secret, clients)
        finally:
            clients.close()
            server.should_exit = True
            thread.join()
            regard.close()


@pytest.fixture(scope="session")
def live(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The server of most tests, with every model loaded."""
    regard = app.build(config.load({}, home=tmp_path_factory.mktemp("home"), model_dir=models))
    regard.models.load()
    with serving(regard) as result:
        yield result


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Live]:
    """A server that has no models."""
    with serving(app.build(config.load({}, home=tmp_path))) as result:
        yield result


@pytest.fixture(scope="session")
def client(live: Live) -> Any:
    return live.client()


@pytest.fixture
def collection(client: Any) -> Iterator[str]:
    """The name of an empty collection, which goes when the test ends."""
    name = f"c-{uuid4()}"
    client.create_collection(CollectionId=name)
    yield name
    with suppress(client.exceptions.ResourceNotFoundException):
        client.delete_collection(CollectionId=name)


@pytest.fixture(scope="session")
def portrait() -> bytes:
    """The astronaut as a JPEG."""
    return encoded(astronaut(), quality=92)


@pytest.fixture(scope="session")
def refused() -> Callable[..., tuple[str, str]]:
    """The code and message of the error that a call meets; the message says more than the code's name."""

    def call(operation: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            operation(**arguments)
        error = caught.value.response["Error"]
        assert len(error["Message"]) > 15
        return error["Code"], error["Message"]

    return call


@pytest.fixture
def bucket(live: Live) -> Callable[[str, bytes], dict[str, Any]]:
    """Put a file into the bucket `photos`; gives the Image that names it."""

    def put(name: str, content: bytes) -> dict[str, Any]:
        file = live.regard.settings.buckets / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return {"S3Object": {"Bucket": "photos", "Name": name}}

    return put
