"""A real server on a free loopback port, and real clients to call it."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as Signer
from starlette.applications import Starlette
from starlette.routing import Route

from regard.domain.callers import Credential, Principal
from regard.domain.results import Result
from regard.edge.connections import ConnectionLimits, Connections
from regard.edge.http_server import HttpServer, Listening
from regard.edge.request_pipeline import RequestPipeline
from regard.edge.turns import Turns
from regard.wire.endpoint import Options, endpoint
from regard.wire.json_protocol import JsonProtocol
from regard.wire.query_protocol import QueryProtocol
from regard.wire.schema import Schema
from regard.wire.service import Handler, Service

KEY, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-west-1"
JSON = "application/x-amz-json-1.1"


class Keys:
    """One access key, and a temporary one that needs its session token."""

    def lookup(self, access_key_id: str, session_token: str | None) -> Credential | None:
        known = {(KEY, None): "ada", ("ASIATEMPORARY", "the-token"): "grace"}
        name = known.get((access_key_id, session_token))
        if name is None:
            return None
        return Credential(secret=SECRET, principal=Principal(access_key_id=access_key_id, name=name))

    def recall(self, access_key_id: str, session_token: str | None) -> Credential | None:
        return None


@dataclass
class Server:
    """A running server; `now` freezes its clock."""

    port: int = 0
    now: datetime | None = None
    clients: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def clock(self) -> datetime:
        return self.now or datetime.now(UTC)

    def client(
        self,
        key: str = KEY,
        secret: str = SECRET,
        region: str = REGION,
        token: str | None = None,
        service: str = "rekognition",
        attempts: int = 1,
    ) -> Any:
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": attempts}, parameter_validation=False),
        )
        self.clients.callback(client.close)
        return client

    def post(self, body: bytes, operation: str = "DetectFaces", **headers: str) -> http.client.HTTPResponse:
        """A signed POST of a body that boto3 would not send."""
        wanted = {"X-Amz-Target": f"RekognitionService.{operation}", "Content-Type": JSON}
        wanted |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send(body, sign(self.url, body, wanted))

    def send(self, body: bytes, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.clients.callback(connection.close)
        connection.request("POST", "/", body, dict(headers))
        return connection.getresponse()


def sign(url: str, body: bytes, headers: Mapping[str, str], *, service: str = "rekognition") -> dict[str, str]:
    """`headers` with botocore's signature."""
    request = AWSRequest("POST", url + "/", dict(headers), body)
    SigV4Auth(Signer(KEY, SECRET), service, REGION).add_auth(request)
    return dict(request.prepare().headers.items())


def signed_head(server: Server, length: int, operation: str = "ListCollections") -> bytes:
    """The head of a request, signed with a key that is known, for a body that will not be what was signed."""
    target = {"X-Amz-Target": f"RekognitionService.{operation}", "Content-Type": JSON, "Content-Length": str(length)}
    headers = sign(server.url, b"", target)
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if name.lower() != "content-length"]
    return (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: {length}\r\n{''.join(lines)}\r\n".encode()
    )


def speaking(schema: Schema, handlers: Mapping[str, Handler], **more: Any) -> Service:
    """The service of a model, in the protocol it has."""
    codec = JsonProtocol(schema) if schema.target else QueryProtocol(schema)
    return Service(schema=schema, codec=codec, handlers=handlers, **more)


SHARED = ("turns", "arrivals", "rates", "observer")


@contextmanager
def running(
    *services: Service, pipeline: RequestPipeline | None = None, beside: Sequence[Route] = (), **options: Any
) -> Iterator[Server]:
    """The endpoint, with the routes `beside` it; `options` are its own, or those that make its `pipeline`."""
    server = Server()
    shared = {name: options.pop(name) for name in SHARED if name in options}
    routes = endpoint(
        services,
        credentials=Keys(),
        pipeline=pipeline or RequestPipeline(**({"turns": Turns.of(16)} | shared)),
        options=replace(Options(regions=(REGION,), clock=server.clock, strict_output=True), **options),
    )
    application = Starlette(routes=[*routes, *beside])
    ports: list[int] = []
    limits = ConnectionLimits(most=4096, most_strangers=4096, vouched_seconds=75)
    listening = Listening(host="127.0.0.1", port=0)
    http_server = HttpServer(application, listening, Connections(limits), announce=ports.append)
    with server.clients:
        thread = threading.Thread(target=http_server.run)
        thread.start()
        while not ports:
            time.sleep(0.01)
        server.port = ports[0]
        try:
            yield server
        finally:
            server.clients.close()
            http_server.should_exit = True
            thread.join()


def describe(principal: Principal, given: Mapping[str, Any], request_id: str) -> Result:
    """DetectFaces: the width is the number of bytes received, the height how many are distinct."""
    image = given["Image"].get("Bytes", b"")
    box = {"Width": len(image), "Height": len(set(image)), "Left": None}
    return Result(members={"FaceDetails": [{"BoundingBox": box, "Confidence": 99.5}]})


def create(principal: Principal, given: Mapping[str, Any], request_id: str) -> Result:
    """CreateCollection: who made it and with what tags, in the ARN."""
    arn = f"{principal.name}:{given['CollectionId']}:{given.get('Tags')}"
    return Result(members={"StatusCode": 200, "CollectionArn": arn})


def list_all(principal: Principal, given: Mapping[str, Any], request_id: str) -> Result:
    """ListCollections: as many names as asked for."""
    return Result(members={"CollectionIds": [f"c{n}" for n in range(given.get("MaxResults", 3))], "NextToken": None})


def identify(principal: Principal, given: Mapping[str, Any], request_id: str) -> Result:
    """GetCallerIdentity: the name, marked up."""
    return Result(members={"UserId": f"<{principal.name} & co>\x00", "Account": None})


def assume(principal: Principal, given: Mapping[str, Any], request_id: str) -> Result:
    """AssumeRole: what was given, retold."""
    noon = datetime(2024, 1, 1, 12, tzinfo=UTC)
    key = {"AccessKeyId": "A" * 16, "SecretAccessKey": repr(given), "SessionToken": "", "Expiration": noon}
    return Result(members={"Credentials": key, "SessionTokenSize": given.get("DurationSeconds", 0)})


STS_TOYS: dict[str, Handler] = {"GetCallerIdentity": identify, "AssumeRole": assume}
TOYS: dict[str, Handler] = {"DetectFaces": describe, "CreateCollection": create, "ListCollections": list_all}
