from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import pytest

from .conftest import Photographs
from .drivers import Driver

NOBODYS = "00000000-1111-2222-3333-444444444444"


@pytest.fixture
def faces(reference: Any, collection: str, photographs: Photographs) -> dict[str, str]:
    """The ids of everybody's first face."""
    ids = {}
    for name, (first, _) in photographs.items():
        indexed = reference.index_faces(CollectionId=collection, Image={"Bytes": first}, MaxFaces=1)
        ids[name] = indexed["FaceRecords"][0]["Face"]["FaceId"]
    return ids


def wait_until_active(driver: Driver, collection: str, user: str) -> None:
    """As a client must: users are made up in their own time."""
    deadline = time.monotonic() + 10
    while {"UserId": user, "UserStatus": "ACTIVE"} not in driver.call("ListUsers", CollectionId=collection)["Users"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_user_is_found_by_another_photograph_while_a_face_is_theirs(
    driver: Driver, collection: str, faces: dict[str, str], photographs: Photographs
) -> None:
    someone = next(iter(photographs))
    face, second = faces[someone], {"Bytes": photographs[someone][1]}
    driver.call("CreateUser", CollectionId=collection, UserId=someone)
    joined = driver.call("AssociateFaces", CollectionId=collection, UserId=someone, FaceIds=[face])
    assert joined["AssociatedFaces"] == [{"FaceId": face}]
    assert joined["UnsuccessfulFaceAssociations"] == []
    wait_until_active(driver, collection, someone)

    by_image = driver.call("SearchUsersByImage", CollectionId=collection, Image=second)
    assert [match["User"] for match in by_image["UserMatches"]] == [{"UserId": someone, "UserStatus": "ACTIVE"}]
    assert by_image["SearchedFace"]["FaceDetail"]["BoundingBox"]
    by_face = driver.call("SearchUsers", CollectionId=collection, FaceId=face)
    assert [match["User"]["UserId"] for match in by_face["UserMatches"]] == [someone]
    (theirs,) = driver.call("ListFaces", CollectionId=collection, UserId=someone)["Faces"]
    assert (theirs["FaceId"], theirs["UserId"]) == (face, someone)

    parted = driver.call("DisassociateFaces", CollectionId=collection, UserId=someone, FaceIds=[face, NOBODYS])
    assert parted["DisassociatedFaces"] == [{"FaceId": face}]
    assert parted["UnsuccessfulFaceDisassociations"] == [{"FaceId": NOBODYS, "Reasons": ["FACE_NOT_FOUND"]}]
    assert driver.call("SearchUsersByImage", CollectionId=collection, Image=second)["UserMatches"] == []
    driver.call("DeleteUser", CollectionId=collection, UserId=someone)
    fault = driver.refused("SearchUsers", CollectionId=collection, UserId=someone)
    assert fault.code == "ResourceNotFoundException"


def test_a_request_is_performed_once_however_often_it_is_sent(driver: Driver, collection: str) -> None:
    token = uuid4().hex
    for _ in range(2):
        driver.call("CreateUser", CollectionId=collection, UserId="ada", ClientRequestToken=token)
    fault = driver.refused("CreateUser", CollectionId=collection, UserId="bea", ClientRequestToken=token)
    assert fault.code == "IdempotentParameterMismatchException"
    assert driver.refused("CreateUser", CollectionId=collection, UserId="ada").code == "ConflictException"
