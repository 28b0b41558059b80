from __future__ import annotations

import http.client
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError

from regard.errors import Serialization
from regard.wire.query_protocol import QueryProtocol
from regard.wire.schema import Schema, Shape

from .loopback import KEY, REGION, Server, sign

FORM = "application/x-www-form-urlencoded; charset=utf-8"
NAMESPACE = "{https://sts.amazonaws.com/doc/2011-06-15/}"
VERSION = "Version=2011-06-15&"


def post(server: Server, body: str | bytes, **headers: str) -> http.client.HTTPResponse:
    content = body if isinstance(body, bytes) else body.encode()
    return server.send(content, sign(server.url, content, {"Content-Type": FORM} | headers, service="sts"))


def refusal(response: http.client.HTTPResponse) -> tuple[int, str]:
    """Status and code of a refusal, whose form is checked on the way."""
    assert response.headers["Content-Type"].partition(";")[0] == "text/xml"
    root = ElementTree.fromstring(response.read())  # noqa: S314 - what our own server wrote
    assert root.tag == f"{NAMESPACE}ErrorResponse"
    assert root.findtext(f"{NAMESPACE}RequestId") == response.headers["x-amzn-RequestId"]
    error = {child.tag.removeprefix(NAMESPACE): child.text or "" for child in root[0]}
    assert list(error) == ["Type", "Code", "Message"]
    assert error["Type"] == "Sender"
    assert error["Message"]
    return response.status, error["Code"]


def refused(call: Any, **arguments: Any) -> tuple[int, str, str]:
    """What boto3 makes of a refusal."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    assert UUID(response["ResponseMetadata"]["RequestId"])
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


def test_boto3_calls_an_operation_and_reads_its_result(toys: Server) -> None:
    response = toys.client(service="sts").get_caller_identity()
    assert response["UserId"] == "<ada & co>\ufffd"
    assert "Account" not in response
    metadata = response["ResponseMetadata"]
    assert metadata["RequestId"] == metadata["HTTPHeaders"]["x-amzn-requestid"]


def test_every_parameter_arrives_as_its_type_and_a_moment_goes_back(toys: Server) -> None:
    given = {
        "RoleArn": "arn:aws:iam::000000000000:role/é&=+ %",
        "RoleSessionName": "s1",
        "DurationSeconds": 900,
        "Tags": [{"Key": f"k{n}", "Value": ""} for n in range(12)],
        "TransitiveTagKeys": [],
        "PolicyArns": [{"arn": "arn:aws:iam::aws:policy/x"}],
    }
    response = toys.client(service="sts").assume_role(**given)
    assert response["Credentials"]["SecretAccessKey"] == repr({name: given[name] for name in sorted(given, key=ORDER)})
    assert response["Credentials"]["SessionToken"] == ""
    assert response["Credentials"]["Expiration"].isoformat() == "2024-01-01T12:00:00+00:00"
    assert response["SessionTokenSize"] == 900


#: The model's own order of members, in which they are validated.
ORDER = ["RoleArn", "RoleSessionName", "PolicyArns", "DurationSeconds", "Tags", "TransitiveTagKeys"].index


def test_both_services_are_told_apart_and_each_has_its_own_scope(toys: Server) -> None:
    assert toys.client().list_collections()["CollectionIds"]
    assert toys.client(service="sts").get_caller_identity()["UserId"]
    body = f"{VERSION}Action=GetCallerIdentity".encode()
    wrong = toys.send(body, sign(toys.url, body, {"Content-Type": FORM}, service="rekognition"))
    assert refusal(wrong) == (403, "SignatureDoesNotMatch")


def test_a_client_of_the_global_endpoint_signs_for_its_region(toys: Server) -> None:
    for region in (REGION, "us-east-1"):
        assert toys.client(service="sts", region=region).get_caller_identity()["UserId"]
    status, code, message = refused(toys.client(service="sts", region="us-west-2").get_caller_identity)
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert f"valid region: '{REGION}'" in message


def test_each_fault_has_the_code_and_status_that_this_protocol_gives_it(toys: Server) -> None:
    stranger = toys.client(service="sts", key="AKIDOTHER").get_caller_identity
    assert refused(stranger) == (
        403,
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    )
    assert refused(toys.client(service="sts", secret="wrong").get_caller_identity)[:2] == (403, "SignatureDoesNotMatch")
    client = toys.client(service="sts")
    status, code, message = refused(client.assume_role, RoleSessionName="a b", DurationSeconds=1)
    assert (status, code) == (400, "ValidationError")
    assert message.startswith("3 validation errors detected: ")
    assert refused(client.get_session_token) == (
        403,
        "AccessDenied",
        "This server does not provide GetSessionToken yet.",
    )
    unsigned = toys.send(f"{VERSION}Action=GetCallerIdentity".encode(), {"Content-Type": FORM})
    assert refusal(unsigned) == (403, "MissingAuthenticationToken")


@pytest.mark.parametrize("form", ["", "Action=GetCallerIdentity", "Action=GetCallerIdentity&Version=1", VERSION])
def test_an_action_that_nobody_knows_is_refused_before_the_caller_is_asked_for(toys: Server, form: str) -> None:
    assert refusal(toys.send(form.encode(), {"Content-Type": FORM})) == (400, "InvalidAction")
    assert refusal(toys.send(f"{VERSION}Action=ReadMinds".encode(), {"Content-Type": FORM}))[1] == "InvalidAction"


@pytest.mark.parametrize(
    "form",
    [
        b"Action=A&Action=B",
        b"\xff=1",
        b"a=%ff",
        b"&".join(b"a%d=1" % n for n in range(1001)),
        f"{VERSION}Action=AssumeRole&RoleArn.x=1".encode(),
        f"{VERSION}Action=AssumeRole&RoleArn.x=1&RoleArn=2".encode(),
        f"{VERSION}Action=AssumeRole&RoleArn=2&RoleArn.x.y=1".encode(),
        f"{VERSION}Action=AssumeRole&DurationSeconds=1e3".encode(),
        f"{VERSION}Action=AssumeRole&DurationSeconds={'9' * 5000}".encode(),
        f"{VERSION}Action=AssumeRole&Tags=x".encode(),
        f"{VERSION}Action=AssumeRole&Tags.1.Key=x".encode(),
        f"{VERSION}Action=AssumeRole&Tags.member.0.Key=x".encode(),
        f"{VERSION}Action=AssumeRole&Tags.member.{'1' * 5000}.Key=x".encode(),
        f"{VERSION}Action=AssumeRole&Tags.member.1=x".encode(),
        f"{VERSION}Action=AssumeRole&Tags.member=x".encode(),
    ],
)
def test_a_form_that_cannot_be_read_is_malformed(toys: Server, form: bytes) -> None:
    assert refusal(post(toys, form)) == (400, "MalformedInput")


def test_deep_names_do_no_harm(toys: Server) -> None:
    deep = f"{VERSION}Action=GetCallerIdentity&{'a.' * 40_000}b=1"
    assert post(toys, deep).status == 200


def test_a_body_has_a_limit_of_its_own(toys: Server) -> None:
    assert refusal(post(toys, VERSION + "a" * 100_000)) == (413, "RequestEntityTooLargeException")


def test_a_character_that_xml_cannot_hold_breaks_no_refusal(toys: Server) -> None:
    body = f"{VERSION}Action=AssumeRole&RoleArn={'a' * 20}&RoleSessionName=%00%EF%BF%BF%3Cx"
    assert refusal(post(toys, body)) == (400, "ValidationError")


def test_every_input_of_the_service_can_be_read(sts: Schema) -> None:
    def types(shape: Shape) -> set[str]:
        inner = [*shape.members.values(), *([shape.element] if shape.element else [])]
        return {shape.type}.union(*map(types, inner))

    found = set().union(*(types(operation.input) for operation in sts.operations.values()))
    assert found <= {"structure", "list", "string", "integer"}


def test_items_of_a_list_come_in_the_order_of_their_numbers(sts: Schema) -> None:
    operation = sts.operations["AssumeRole"]
    form = "&".join(f"TransitiveTagKeys.member.{n}=k{n}" for n in (10, 2, 1)).encode()
    codec = QueryProtocol(sts)
    assert codec.parse(operation, form) == {"TransitiveTagKeys": ["k1", "k2", "k10"]}
    assert codec.parse(operation, b"TransitiveTagKeys=") == {"TransitiveTagKeys": []}
    with pytest.raises(Serialization, match=r"'DurationSeconds' must be a whole number"):
        codec.parse(operation, b"DurationSeconds=")


def test_the_key_of_the_examples_is_the_one_the_server_knows(toys: Server) -> None:
    assert toys.client(key=KEY, service="sts").get_caller_identity()["UserId"]
