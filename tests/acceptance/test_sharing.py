"""What operations share: pages, tokens that make a request count once, tags, the quality filter, response metadata."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import PIL.Image
import PIL.ImageFilter
import pytest
from botocore.exceptions import ClientError
from live_server import with_models
from people import crowd, encoded, head

from regard.domain.arrays import ByteArray

Refused = Callable[..., tuple[str, str]]

USED = "The ClientRequestToken: again you have supplied is already in use."


def indexed(client: Any, collection: str, rows: int, columns: int) -> list[str]:
    """The ids of rows × columns faces, just enrolled."""
    picture = {"Bytes": encoded(crowd(rows, columns, 100), quality=95)}
    records = client.index_faces(CollectionId=collection, Image=picture, MaxFaces=100)["FaceRecords"]
    assert len(records) == rows * columns
    return [record["Face"]["FaceId"] for record in records]


# -- pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "pages"), [(1, 6), (2, 3), (4, 2), (6, 1), (500, 1)])
def test_botocores_paginators_meet_every_face_and_user_once(
    client: Any, collection: str, size: int, pages: int
) -> None:
    ids = indexed(client, collection, 2, 3)
    names = [f"user-{number}" for number in range(6)]
    for name in names:
        client.create_user(CollectionId=collection, UserId=name)
    asked = {"CollectionId": collection, "PaginationConfig": {"PageSize": size}}
    faces = list(client.get_paginator("list_faces").paginate(**asked))
    users = list(client.get_paginator("list_users").paginate(**asked))
    assert len(faces) == len(users) == pages
    assert sorted(face["FaceId"] for page in faces for face in page["Faces"]) == sorted(ids)
    assert [user["UserId"] for page in users for user in page["Users"]] == names


def test_a_walk_goes_on_undisturbed_while_others_come_and_go(client: Any, collection: str) -> None:
    names = [f"user-{number}" for number in range(6)]
    for name in names:
        client.create_user(CollectionId=collection, UserId=name)
    seen = []
    pages = client.get_paginator("list_users").paginate(CollectionId=collection, PaginationConfig={"PageSize": 2})
    for number, page in enumerate(pages):
        seen += [user["UserId"] for user in page["Users"]]
        if number == 0:
            for gone in ("user-0", "user-1", "user-4"):  # seen already, the one the token names, not seen yet
                client.delete_user(CollectionId=collection, UserId=gone)
            client.create_user(CollectionId=collection, UserId="a-late-one")
    assert seen == ["user-0", "user-1", "user-2", "user-3", "user-5", "a-late-one"]


def test_a_token_goes_on_with_its_own_listing_only(client: Any, refused: Refused, collection: str) -> None:
    ids = indexed(client, collection, 2, 3)
    for name in ("ada", "bob"):
        client.create_user(CollectionId=collection, UserId=name)
    faces = client.list_faces(CollectionId=collection, MaxResults=2)["NextToken"]
    users = client.list_users(CollectionId=collection, MaxResults=1)["NextToken"]
    named = client.list_faces(CollectionId=collection, MaxResults=2, FaceIds=ids[:4])["NextToken"]
    here = {"CollectionId": collection}
    for operation, arguments in (
        (client.list_faces, {**here, "NextToken": users}),
        (client.list_users, {**here, "NextToken": faces}),
        (client.list_faces, {**here, "NextToken": named}),
        (client.list_faces, {**here, "NextToken": faces, "FaceIds": ids[:4]}),
        (client.list_faces, {**here, "NextToken": named, "FaceIds": ids[1:5]}),
        (client.list_collections, {"NextToken": faces}),
    ):
        refusal = refused(operation, **arguments)
        assert refusal == ("InvalidPaginationTokenException", "Invalid Pagination Token")
    rest = client.list_faces(**here, NextToken=named, FaceIds=ids[:4], MaxResults=1)
    assert len(rest["Faces"]) == 1
    assert rest["NextToken"] != named


def test_a_token_outlives_the_server_that_gave_it_and_not_the_collection(models: Path, tmp_path: Path) -> None:
    names = ["a", "b", "c", "d", "e"]
    with with_models(models, tmp_path) as live:
        client = live.client()
        for name in names:
            client.create_collection(CollectionId=name)
        client.create_user(CollectionId="a", UserId="one")
        client.create_user(CollectionId="a", UserId="two", ClientRequestToken="again")
        collections = client.list_collections(MaxResults=2)
        users = client.list_users(CollectionId="a", MaxResults=1)
    with with_models(models, tmp_path) as live:
        client = live.client()
        assert client.list_collections(NextToken=collections["NextToken"])["CollectionIds"] == names[2:]
        rest = client.list_users(CollectionId="a", NextToken=users["NextToken"])
        assert [user["UserId"] for user in rest["Users"]] == ["two"]
        client.delete_collection(CollectionId="a")
        client.create_collection(CollectionId="a")
        with pytest.raises(client.exceptions.InvalidPaginationTokenException):
            client.list_users(CollectionId="a", NextToken=users["NextToken"])


# -- requests that count once ----------------------------------------------------------------------------------------


def test_a_request_sent_again_with_its_token_is_answered_again_and_does_nothing_again(
    live: Any, client: Any, refused: Refused, collection: str
) -> None:
    here, again = {"CollectionId": collection, "UserId": "ada"}, {"ClientRequestToken": "again"}
    for _ in range(3):
        client.create_user(**here, **again)
    assert len(client.list_users(CollectionId=collection)["Users"]) == 1
    mismatch = ("IdempotentParameterMismatchException", USED)
    assert refused(client.create_user, **(here | {"UserId": "bob"}), **again) == mismatch
    assert refused(client.create_user, **here)[0] == "ConflictException"  # boto3 makes up a new token each time
    key, secret = live.engine.access_keys.create("somebody else")
    stranger = live.client(aws_access_key_id=key, aws_secret_access_key=secret)
    assert refused(stranger.create_user, **here, **again)[0] == "ConflictException"
    for _ in range(2):
        client.delete_user(**here, **again)
    assert client.list_users(CollectionId=collection)["Users"] == []
    client.create_user(**here, **again)  # an answer from before: nobody is made
    assert client.list_users(CollectionId=collection)["Users"] == []


def test_faces_change_hands_once_and_who_has_them_is_found(client: Any, refused: Refused, collection: str) -> None:
    ids = indexed(client, collection, 1, 2)
    here = {"CollectionId": collection, "UserId": "ada"}
    client.create_user(**here)
    asked = {**here, "FaceIds": [*ids, "00000000-1111-2222-3333-444444444444"], "ClientRequestToken": "again"}
    first, second = client.associate_faces(**asked), client.associate_faces(**asked)
    for answer in (first, second):
        answer.pop("ResponseMetadata")
    assert second == first
    assert {face["FaceId"] for face in first["AssociatedFaces"]} == set(ids)
    assert [each["Reasons"] for each in first["UnsuccessfulFaceAssociations"]] == [["FACE_NOT_FOUND"]]
    (match,) = client.search_users(CollectionId=collection, FaceId=ids[0])["UserMatches"]
    assert match["User"]["UserId"] == "ada"
    assert refused(client.associate_faces, **(asked | {"FaceIds": ids}))[1] == USED
    asked = {**here, "FaceIds": ids, "ClientRequestToken": "again"}
    for _ in range(2):
        assert len(client.disassociate_faces(**asked)["DisassociatedFaces"]) == 2
    assert client.search_users(CollectionId=collection, FaceId=ids[0])["UserMatches"] == []
    assert refused(client.disassociate_faces, **(asked | {"FaceIds": ids[:1]}))[1] == USED


def test_what_was_refused_may_be_sent_again_once_the_reason_is_gone(
    client: Any, refused: Refused, collection: str
) -> None:
    here = {"CollectionId": collection, "UserId": "ada", "ClientRequestToken": "later"}
    client.create_user(CollectionId=collection, UserId="ada")
    assert refused(client.create_user, **here)[0] == "ConflictException"
    client.delete_user(CollectionId=collection, UserId="ada")
    client.create_user(**here)
    assert len(client.list_users(CollectionId=collection)["Users"]) == 1


def test_of_many_clients_with_one_token_all_are_told_of_the_one_user(live: Any, collection: str) -> None:
    clients = [live.client() for _ in range(6)]

    def create(each: Any) -> str:
        try:
            answer = each.create_user(CollectionId=collection, UserId="ada", ClientRequestToken="race")
            return str(answer["ResponseMetadata"]["HTTPStatusCode"])
        except ClientError as error:
            return str(error.response["Error"]["Code"])

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(create, clients)) == ["200"] * 6
    assert len(clients[0].list_users(CollectionId=collection)["Users"]) == 1
    assert live.engine.index_sync.agreement() == []


@pytest.mark.parametrize("wrong", ["", "x" * 65, "a b", "a.b", "é"])
def test_a_token_that_the_model_does_not_allow_is_refused(
    client: Any, refused: Refused, collection: str, wrong: str
) -> None:
    code, message = refused(client.create_user, CollectionId=collection, UserId="ada", ClientRequestToken=wrong)
    assert code == "ValidationException"
    assert "at 'clientRequestToken' failed to satisfy constraint" in message


# -- tags ------------------------------------------------------------------------------------------------------------


def test_tags_are_set_at_creation_added_listed_and_removed(client: Any) -> None:
    arn = client.create_collection(CollectionId="tagged", Tags={"team": "red", "site": "Ålesund"})["CollectionArn"]
    client.tag_resource(ResourceArn=arn, Tags={"team": "blue", "note": ""})
    tags = client.list_tags_for_resource(ResourceArn=arn)["Tags"]
    assert tags == {"team": "blue", "site": "Ålesund", "note": ""}
    client.untag_resource(ResourceArn=arn, TagKeys=["site", "never set"])
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"team": "blue", "note": ""}
    client.delete_collection(CollectionId="tagged")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_tags_for_resource(ResourceArn=arn)


def test_tags_keep_to_awss_limits(client: Any, refused: Refused, collection: str) -> None:
    arn = client.describe_collection(CollectionId=collection)["CollectionARN"]
    client.tag_resource(ResourceArn=arn, Tags={f"{number:03}" + "k" * 125: "v" * 256 for number in range(200)})
    assert len(client.list_tags_for_resource(ResourceArn=arn)["Tags"]) == 200
    code, message = refused(client.tag_resource, ResourceArn=arn, Tags={"one more": ""})
    assert code == "ServiceQuotaExceededException"
    assert "201" in message
    for wrong in ({"aws:team": "red"}, {"": "v"}, {"k" * 129: "v"}, {"k": "v" * 257}, {"k?": "v"}, {"k": "<b>"}):
        assert refused(client.tag_resource, ResourceArn=arn, Tags=wrong)[0] == "ValidationException"
        assert refused(client.create_collection, CollectionId="no", Tags=wrong)[0] == "ValidationException"
    assert refused(client.untag_resource, ResourceArn=arn, TagKeys=["aws:team"])[0] == "ValidationException"


def test_what_cannot_be_tagged_says_why(client: Any, refused: Refused, collection: str) -> None:
    arn = client.describe_collection(CollectionId=collection)["CollectionARN"]
    elsewhere = arn.replace("000000000000", "999999999999"), arn.replace("us-east-1", "eu-west-1")
    for unknown in (*elsewhere, arn + "x", arn.replace("collection/", "streamprocessor/")):
        assert refused(client.tag_resource, ResourceArn=unknown, Tags={"a": "b"})[0] == "ResourceNotFoundException"
    for malformed in (collection, "arn:aws:s3:::a-bucket-of-mine", arn + " "):
        assert refused(client.list_tags_for_resource, ResourceArn=malformed)[0] == "InvalidParameterException"
    assert refused(client.list_tags_for_resource, ResourceArn="x" * 2049)[0] == "ValidationException"


# -- the quality filter ----------------------------------------------------------------------------------------------


def tile(face: ByteArray, side: int = 220) -> ByteArray:
    """A face in the middle of a grey square."""
    edge = side - len(face)
    around = (edge // 2, edge - edge // 2)
    return np.pad(face, (around, around, (0, 0)), constant_values=128)


def blurred(radius: int) -> ByteArray:
    return np.asarray(PIL.Image.fromarray(head(200)).filter(PIL.ImageFilter.GaussianBlur(radius)))


def dimmed(factor: float) -> ByteArray:
    return (head(200) * factor).astype(np.uint8)


@pytest.mark.slow
def test_each_level_of_the_filter_lets_fewer_faces_in_and_says_why(client: Any, collection: str) -> None:
    sizes = [tile(head(side)) for side in (200, 96, 60, 32)]
    faults = [tile(face) for face in (blurred(5), blurred(8), dimmed(0.25), dimmed(0.07))]
    picture = encoded(np.concatenate([np.concatenate(row, axis=1) for row in (sizes, faults)]), quality=95)
    asked = {"CollectionId": collection, "Image": {"Bytes": picture}}
    kept, reasons = {}, {}
    for level in ("NONE", "AUTO", "LOW", "MEDIUM", "HIGH"):
        answer = client.index_faces(**asked, QualityFilter=level)
        kept[level] = {record["Face"]["FaceId"] for record in answer["FaceRecords"]}
        reasons[level] = {reason for face in answer["UnindexedFaces"] for reason in face["Reasons"]}
        assert len(kept[level]) + len(answer["UnindexedFaces"]) == 8
    assert kept["NONE"] > kept["AUTO"] >= kept["LOW"] > kept["MEDIUM"] > kept["HIGH"]
    assert len(kept["HIGH"]) == 1
    assert reasons["NONE"] == set()
    assert reasons["AUTO"] >= {"LOW_BRIGHTNESS", "LOW_FACE_QUALITY"}
    assert reasons["LOW"] >= {"LOW_BRIGHTNESS", "LOW_SHARPNESS"}
    assert reasons["HIGH"] >= {"LOW_BRIGHTNESS", "LOW_SHARPNESS", "LOW_CONFIDENCE", "SMALL_BOUNDING_BOX"}
    usual = client.index_faces(**asked)
    assert {record["Face"]["FaceId"] for record in usual["FaceRecords"]} == kept["AUTO"]
    assert client.describe_collection(CollectionId=collection)["FaceCount"] == 8


def test_max_faces_keeps_the_largest_and_names_the_others(client: Any, collection: str) -> None:
    picture = encoded(np.concatenate([tile(head(side)) for side in (100, 200, 150)], axis=1), quality=95)
    asked = {"CollectionId": collection, "Image": {"Bytes": picture}}
    everyone = client.index_faces(**asked)
    assert (len(everyone["FaceRecords"]), everyone["UnindexedFaces"]) == (3, [])
    two = client.index_faces(**asked, MaxFaces=2)
    assert two["FaceRecords"] == everyone["FaceRecords"][:2]
    assert [left["FaceDetail"] for left in two["UnindexedFaces"]] == [everyone["FaceRecords"][2]["FaceDetail"]]
    assert two["UnindexedFaces"][0]["Reasons"] == ["EXCEEDS_MAX_FACES"]


# -- response metadata -----------------------------------------------------------------------------------------------


def test_every_answer_and_every_refusal_carries_the_requests_id(client: Any) -> None:
    answers = [client.list_collections()["ResponseMetadata"] for _ in range(2)]
    with pytest.raises(ClientError) as caught:
        client.describe_collection(CollectionId="nobody")
    answers.append(caught.value.response["ResponseMetadata"])
    assert [answer["HTTPStatusCode"] for answer in answers] == [200, 200, 400]
    assert len({UUID(answer["RequestId"]) for answer in answers}) == 3
    for answer in answers:
        headers = answer["HTTPHeaders"]
        assert headers["x-amzn-requestid"] == answer["RequestId"]
        assert headers["content-type"] == "application/x-amz-json-1.1"
        assert int(headers["content-length"]) > 0
        assert answer["RetryAttempts"] == 0
