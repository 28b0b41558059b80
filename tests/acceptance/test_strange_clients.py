"""What programs compare, and where they are pointed: sentences to the letter, Regions, the address in a browser."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from live_server import Live, with_models, without_models
from people import encoded, nobody

from regard.console.assets import Assets


def raw(live: Live, operation: str, **members: Any) -> dict[str, Any]:
    """The whole JSON of an answer, of which botocore shows only a part."""
    body = json.dumps(members).encode()
    target = {"X-Amz-Target": f"RekognitionService.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", live.url + "/", target, body)
    SigV4Auth(Credentials(live.key, live.secret), "rekognition", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)
    try:
        connection.request("POST", "/", body, dict(request.prepare().headers.items()))
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return answer


def test_what_helps_more_than_awss_sentence_is_beside_it(live: Live, collection: str) -> None:
    lost = "00000000-0000-0000-0000-000000000000"
    answer = raw(live, "SearchFaces", CollectionId=collection, FaceId=lost)
    assert answer["Message"] == "faceId was not found in the collection."
    assert "ListFaces" in answer["Detail"]
    assert lost not in answer["Detail"]
    assert collection not in answer["Detail"]
    assert "Detail" not in raw(live, "DescribeCollection", CollectionId="nowhere")


@pytest.mark.parametrize("role", ["source", "target"])
def test_the_detail_says_which_of_two_pictures_has_no_face(live: Live, portrait: bytes, role: str) -> None:
    images = {"source": portrait, "target": portrait} | {role: encoded(nobody())}
    sent = {f"{name.title()}Image": {"Bytes": b64encode(image).decode()} for name, image in images.items()}
    answer = raw(live, "CompareFaces", **sent)
    assert (answer["Code"], answer["Message"]) == ("InvalidParameterException", "Request has invalid parameters")
    assert f"in the {role} image" in answer["Detail"]


@pytest.mark.parametrize("operation", ["list_collections", "list_faces", "list_users"])
def test_an_empty_token_is_none(client: Any, collection: str, operation: str) -> None:
    about = {} if operation == "list_collections" else {"CollectionId": collection}
    answers = [getattr(client, operation)(**about, **token) for token in ({}, {"NextToken": ""})]
    for answer in answers:
        del answer["ResponseMetadata"]
    assert answers[0] == answers[1]


@pytest.fixture(scope="module")
def worldwide(tmp_path_factory: pytest.TempPathFactory, models: Any) -> Iterator[Live]:
    settings = {"region": "any", "path_prefixes": ["/faces"]}
    with with_models(models, tmp_path_factory.mktemp("home"), server=settings) as live:
        yield live


def test_arns_carry_the_region_that_a_request_was_signed_for(worldwide: Live) -> None:
    here, there = (worldwide.client(region_name=region) for region in ("eu-west-1", "ap-south-1"))
    created = here.create_collection(CollectionId="world", Tags={"a": "b"})["CollectionArn"]
    assert created == "arn:aws:rekognition:eu-west-1:000000000000:collection/world"
    seen = there.describe_collection(CollectionId="world")["CollectionARN"]
    assert seen == "arn:aws:rekognition:ap-south-1:000000000000:collection/world"
    for arn in (created, seen):
        assert there.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"a": "b"}


def test_the_whole_server_is_there_at_its_prefix(worldwide: Live) -> None:
    client = worldwide.client(endpoint_url=worldwide.url + "/faces")
    assert "CollectionIds" in client.list_collections()
    assert worldwide.get("/faces/health/live") == (200, {"status": "live"})


def test_whoever_opens_the_address_is_told_what_it_is(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Assets.__init__, "__defaults__", (tmp_path / "no-console",))
    with without_models(tmp_path) as bare:
        for accept, kind in (("text/html", "text/html; charset=utf-8"), ("*/*", "text/plain; charset=utf-8")):
            connection = http.client.HTTPConnection("127.0.0.1", bare.port, timeout=10)
            connection.request("GET", "/", headers={"Accept": accept})
            answer = connection.getresponse()
            content = answer.read().decode()
            connection.close()
            assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
            assert "Regard" in content
            assert bare.key not in content
