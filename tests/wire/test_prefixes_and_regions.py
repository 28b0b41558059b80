"""Endpoints behind a path, and clients of any Region."""

from __future__ import annotations

import http.client

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from .conftest import Serve
from .loopback import JSON, KEY, REGION, SECRET, TOYS, Server
from .test_endpoint import refused

TARGET = {"X-Amz-Target": "RekognitionService.ListCollections", "Content-Type": JSON}


def sent(server: Server, *, signed: str, path: str) -> int:
    """The status of a request that was signed for one path and arrives at another, as through a proxy."""
    request = AWSRequest("POST", server.url + signed, TARGET, b"{}")
    SigV4Auth(Credentials(KEY, SECRET), "rekognition", REGION).add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    server.clients.callback(connection.close)
    connection.request("POST", path, b"{}", dict(request.prepare().headers.items()))
    return connection.getresponse().status


@pytest.mark.parametrize("prefix", ["/faces", "/a/b", "/with-dots.and~more"])
def test_boto3_calls_an_endpoint_behind_a_prefix(serve: Serve, prefix: str) -> None:
    server = serve(TOYS, prefixes=("/other", prefix))
    for url in (server.url + prefix, server.url + prefix + "/", server.url):
        client = boto3.client(
            "rekognition",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )
        server.clients.callback(client.close)
        assert client.list_collections()["CollectionIds"] == ["c0", "c1", "c2"]


def test_a_proxy_may_take_the_prefix_off(serve: Serve) -> None:
    server = serve(TOYS, prefixes=("/faces",))
    assert sent(server, signed="/faces/", path="/") == 200
    assert sent(server, signed="/faces", path="/") == 200
    assert sent(server, signed="/faces", path="/faces") == 200


def test_a_path_that_is_not_set_is_neither_answered_nor_trusted(serve: Serve) -> None:
    server = serve(TOYS, prefixes=("/faces",))
    assert sent(server, signed="/other/", path="/other/") == 404
    assert sent(server, signed="/other/", path="/") == 400
    assert sent(server, signed="/faces/more/", path="/faces/more/") == 404
    assert sent(server, signed="/", path="/faces/") == 400


def test_any_region_is_answered_where_any_is_set(serve: Serve) -> None:
    server = serve(TOYS, regions=("any",))
    for region in ("us-east-1", "eu-west-1", "ap-southeast-2", "mars"):
        assert server.client(region=region).list_collections()["CollectionIds"]


def test_the_regions_of_a_list_are_answered_and_the_others_named(serve: Serve) -> None:
    server = serve(TOYS, regions=("eu-west-1", "eu-central-1"))
    for region in ("eu-west-1", "eu-central-1"):
        assert server.client(region=region).list_collections()["CollectionIds"]
    code, message = refused(server.client(region="us-east-1").list_collections)
    assert code == "InvalidSignatureException"
    assert "'eu-west-1' or 'eu-central-1', not 'us-east-1'" in message


def test_a_region_is_a_name_even_where_any_is_answered(serve: Serve) -> None:
    server = serve(TOYS, regions=("any",))
    request = AWSRequest("POST", server.url + "/", TARGET, b"{}")
    SigV4Auth(Credentials(KEY, SECRET), "rekognition", "eu:west").add_auth(request)
    answer = server.send(b"{}", dict(request.prepare().headers.items()))
    assert answer.status == 400
    with pytest.raises(ClientError):
        server.client(region="us-east-1", secret="wrong").list_collections()
