"""User vectors, as a boto3 client meets them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_server import serving
from people import astronaut, encoded, head, nobody
from stores import new_faces, units

from regard.bootstrap.engine import open_engine
from regard.bootstrap.stores import Stores
from regard.domain.arrays import ByteArray
from regard.media.image_decoder import decode

Refused = Callable[..., tuple[str, str]]

UNKNOWN_FACE = "00000000-1111-2222-3333-444444444444"
PEOPLE, EACH = 6, 4
#: The middle of a photograph, where its owner is; at the edges others look in, who may be larger.
MIDDLE = slice(40, 210)


def sent(pixels: ByteArray) -> dict[str, bytes]:
    return {"Bytes": encoded(pixels, quality=95)}


def index(client: Any, collection: str, pixels: ByteArray, **options: Any) -> list[str]:
    answer = client.index_faces(CollectionId=collection, Image=sent(pixels), QualityFilter="NONE", **options)
    return [record["Face"]["FaceId"] for record in answer["FaceRecords"]]


@pytest.fixture
def ada(client: Any, collection: str) -> dict[str, str]:
    """The arguments that name a new user."""
    named = {"CollectionId": collection, "UserId": "ada"}
    client.create_user(**named)
    return named


@pytest.fixture
def heads(client: Any, collection: str) -> list[str]:
    """Five enrolled faces of one person."""
    return [face_id for side in (90, 110, 130, 150, 170) for face_id in index(client, collection, head(side))]


def listed(client: Any, collection: str) -> dict[str, str]:
    users = client.list_users(CollectionId=collection)["Users"]
    return {user["UserId"]: user["UserStatus"] for user in users}


# -- users -----------------------------------------------------------------------------------------------------------


def test_a_user_comes_and_goes(client: Any, collection: str, refused: Refused) -> None:
    named = {"CollectionId": collection, "UserId": "a.b_c-d:1"}
    assert set(client.create_user(**named)) == {"ResponseMetadata"}
    assert listed(client, collection) == {"a.b_c-d:1": "CREATED"}
    assert client.describe_collection(CollectionId=collection)["UserCount"] == 1
    assert refused(client.create_user, **named)[0] == "ConflictException"
    assert set(client.delete_user(**named)) == {"ResponseMetadata"}
    assert listed(client, collection) == {}
    code, message = refused(client.delete_user, **named)
    assert (code, "a.b_c-d:1 does not exist" in message) == ("ResourceNotFoundException", True)


def test_every_operation_wants_a_collection_and_a_user_that_are_there(
    client: Any, collection: str, portrait: bytes, refused: Refused
) -> None:
    faces = {"FaceIds": [UNKNOWN_FACE]}
    for operation, more in (
        (client.create_user, {"UserId": "x"}),
        (client.list_users, {}),
        (client.search_users_by_image, {"Image": {"Bytes": portrait}}),
    ):
        assert refused(operation, CollectionId="nowhere", **more)[0] == "ResourceNotFoundException"
    for operation, more in (
        (client.delete_user, {}),
        (client.associate_faces, faces),
        (client.disassociate_faces, faces),
        (client.search_users, {}),
        (client.list_faces, {}),
    ):
        for place in ("nowhere", collection):
            code, message = refused(operation, CollectionId=place, UserId="nobody", **more)
            assert code == "ResourceNotFoundException"
            assert ("nobody" if place == collection else "nowhere") in message


def test_users_are_listed_in_pages_that_stay_as_they_were(client: Any, collection: str, refused: Refused) -> None:
    names = [f"user-{number}" for number in range(7)]
    for name in names:
        client.create_user(CollectionId=collection, UserId=name)
    pages = client.get_paginator("list_users").paginate(CollectionId=collection, PaginationConfig={"PageSize": 3})
    assert [[user["UserId"] for user in page["Users"]] for page in pages] == [names[:3], names[3:6], names[6:]]
    first = client.list_users(CollectionId=collection, MaxResults=3)
    client.delete_user(CollectionId=collection, UserId=names[1])
    client.create_user(CollectionId=collection, UserId="late")
    rest = client.list_users(CollectionId=collection, NextToken=first["NextToken"])
    assert [user["UserId"] for user in rest["Users"]] == [*names[3:], "late"]
    assert "NextToken" not in rest
    for wrong in (0, 501):
        assert refused(client.list_users, CollectionId=collection, MaxResults=wrong)[0] == "ValidationException"
    wrong = {"NextToken": first["NextToken"][:-2]}
    assert refused(client.list_users, CollectionId=collection, **wrong)[0] == "InvalidPaginationTokenException"


# -- their faces -----------------------------------------------------------------------------------------------------


def test_faces_become_a_users_and_are_given_back(client: Any, ada: dict[str, str], heads: list[str]) -> None:
    collection = ada["CollectionId"]
    answer = client.associate_faces(**ada, FaceIds=[heads[0], heads[1], heads[0]])
    assert answer["AssociatedFaces"] == [{"FaceId": face_id} for face_id in heads[:2]]
    assert (answer["UnsuccessfulFaceAssociations"], answer["UserStatus"]) == ([], "ACTIVE")
    assert listed(client, collection) == {"ada": "ACTIVE"}
    again = client.associate_faces(**ada, FaceIds=heads[:3])
    assert again["AssociatedFaces"] == [{"FaceId": heads[2]}]  # the model: what is theirs already is ignored
    assert again["UnsuccessfulFaceAssociations"] == []

    assert [face["FaceId"] for face in client.list_faces(**ada)["Faces"]] == heads[:3]
    everyone = client.list_faces(CollectionId=collection)["Faces"]
    assert [face.get("UserId") for face in everyone] == ["ada"] * 3 + [None] * 2
    chosen = client.list_faces(**ada, FaceIds=[heads[4], heads[1]])["Faces"]
    assert [face["FaceId"] for face in chosen] == [heads[1]]
    paged = client.get_paginator("list_faces").paginate(**ada, PaginationConfig={"PageSize": 2})
    assert [[face["FaceId"] for face in page["Faces"]] for page in paged] == [heads[:2], heads[2:3]]
    found = client.search_faces(CollectionId=collection, FaceId=heads[4])["FaceMatches"]
    assert {match["Face"]["FaceId"]: match["Face"].get("UserId") for match in found} == {
        face_id: "ada" if face_id in heads[:3] else None for face_id in heads[:4]
    }

    back = client.disassociate_faces(**ada, FaceIds=[*heads[:2], heads[4]])
    assert back["DisassociatedFaces"] == [{"FaceId": face_id} for face_id in heads[:2]]
    assert (back["UnsuccessfulFaceDisassociations"], back["UserStatus"]) == ([], "ACTIVE")
    assert client.disassociate_faces(**ada, FaceIds=heads[2:3])["UserStatus"] == "CREATED"
    assert listed(client, collection) == {"ada": "CREATED"}
    assert client.list_faces(**ada)["Faces"] == []


def test_why_faces_do_not_become_a_users(
    client: Any, ada: dict[str, str], heads: list[str], shared_data: Path, refused: Refused
) -> None:
    collection = ada["CollectionId"]
    client.create_user(CollectionId=collection, UserId="bea")
    client.associate_faces(CollectionId=collection, UserId="bea", FaceIds=heads[:1])
    client.associate_faces(**ada, FaceIds=heads[1:3])
    photograph = sorted((shared_data / "lfw-dev").glob("*/*.jpg"))[0]
    (stranger,) = index(client, collection, decode(photograph.read_bytes()).pixels[MIDDLE, MIDDLE], MaxFaces=1)
    answer = client.associate_faces(**ada, FaceIds=[heads[0], stranger, UNKNOWN_FACE, heads[3]])
    assert answer["AssociatedFaces"] == [{"FaceId": heads[3]}]
    failures = {each["FaceId"]: each for each in answer["UnsuccessfulFaceAssociations"]}
    assert failures[UNKNOWN_FACE] == {"FaceId": UNKNOWN_FACE, "Reasons": ["FACE_NOT_FOUND"]}
    assert failures[heads[0]] == {
        "FaceId": heads[0],
        "UserId": "bea",
        "Reasons": ["ASSOCIATED_TO_A_DIFFERENT_USER"],
    }
    assert failures[stranger]["Reasons"] == ["LOW_MATCH_CONFIDENCE"]
    assert 0 <= failures[stranger]["Confidence"] < 75
    assert client.associate_faces(**ada, FaceIds=[stranger], UserMatchThreshold=0)["AssociatedFaces"]

    parted = client.disassociate_faces(**ada, FaceIds=[heads[0], UNKNOWN_FACE])
    assert parted["DisassociatedFaces"] == []
    assert {
        each["FaceId"]: (each.get("UserId"), each["Reasons"]) for each in parted["UnsuccessfulFaceDisassociations"]
    } == {
        heads[0]: ("bea", ["ASSOCIATED_TO_A_DIFFERENT_USER"]),
        UNKNOWN_FACE: (None, ["FACE_NOT_FOUND"]),
    }
    for operation in (client.associate_faces, client.disassociate_faces):
        for wrong in ([], [UNKNOWN_FACE] * 101, ["no-uuid"]):
            assert refused(operation, **ada, FaceIds=wrong)[0] == "ValidationException"
    assert refused(client.associate_faces, **ada, FaceIds=heads, UserMatchThreshold=101)[0] == "ValidationException"


def test_a_user_has_a_hundred_faces_at_most(live: Any, client: Any, ada: dict[str, str], refused: Refused) -> None:
    ids = made_up(live.engine.stores, ada["CollectionId"], 101)
    client.associate_faces(**ada, FaceIds=ids[:99], UserMatchThreshold=0)
    code, message = refused(client.associate_faces, **ada, FaceIds=ids[99:101], UserMatchThreshold=0)
    assert code == "ServiceQuotaExceededException"
    assert "the maximum is 100" in message
    assert len(client.list_faces(**ada)["Faces"]) == 99
    assert len(client.associate_faces(**ada, FaceIds=ids[99:100], UserMatchThreshold=0)["AssociatedFaces"]) == 1


def made_up(stores: Stores, collection_id: str, count: int) -> list[str]:
    """The ids of enrolled faces that no picture was needed for."""
    collection = stores.collections.get(collection_id)
    vectors, now = units(count, dimension=512), datetime.now(UTC)
    stored = stores.faces.add(collection.key, new_faces(count), vectors, collection.face_model, now)
    return [face.face_id for face in stored]


def test_a_users_face_is_not_deleted(client: Any, ada: dict[str, str], heads: list[str]) -> None:
    collection = ada["CollectionId"]
    client.associate_faces(**ada, FaceIds=heads[:1])
    answer = client.delete_faces(CollectionId=collection, FaceIds=[*heads[:2], UNKNOWN_FACE])
    assert answer["DeletedFaces"] == [heads[1]]
    assert answer["UnsuccessfulFaceDeletions"] == [
        {"FaceId": heads[0], "UserId": "ada", "Reasons": ["ASSOCIATED_TO_AN_EXISTING_USER"]},
        {"FaceId": UNKNOWN_FACE, "Reasons": ["FACE_NOT_FOUND"]},
    ]
    client.delete_user(**ada)
    kept = client.list_faces(CollectionId=collection)["Faces"]
    assert [face["FaceId"] for face in kept] == [heads[0], *heads[2:]]
    assert all("UserId" not in face for face in kept)
    assert client.delete_faces(CollectionId=collection, FaceIds=heads[:1])["DeletedFaces"] == heads[:1]


# -- search ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photographs(shared_data: Path) -> dict[str, list[ByteArray]]:
    """EACH photographs of PEOPLE people."""
    folders = sorted((shared_data / "lfw-dev").glob("*/"))
    known = [folder for folder in folders if len(list(folder.glob("*.jpg"))) >= EACH][5::20][:PEOPLE]
    return {
        folder.name: [decode(file.read_bytes()).pixels[MIDDLE, MIDDLE] for file in sorted(folder.glob("*.jpg"))[:EACH]]
        for folder in known
    }


@pytest.fixture(scope="module")
def club(client: Any, photographs: dict[str, list[ByteArray]]) -> Any:
    """A collection in which everyone is a user of all photographs but the last. Faces by user."""
    client.create_collection(CollectionId="club")
    faces = {}
    for name, (*enrolled, _) in photographs.items():
        faces[name] = [index(client, "club", pixels, MaxFaces=1)[0] for pixels in enrolled]
        client.create_user(CollectionId="club", UserId=name)
        joined = client.associate_faces(CollectionId="club", UserId=name, FaceIds=faces[name])
        assert len(joined["AssociatedFaces"]) == EACH - 1
    yield faces
    client.delete_collection(CollectionId="club")


def test_everyone_is_found_by_another_photograph(
    client: Any, club: dict[str, list[str]], photographs: dict[str, list[ByteArray]]
) -> None:
    for name, pictures in photographs.items():
        answer = client.search_users_by_image(CollectionId="club", Image=sent(pictures[-1]))
        assert [match["User"] for match in answer["UserMatches"]] == [{"UserId": name, "UserStatus": "ACTIVE"}]
        assert answer["FaceModelVersion"].startswith("sface-")
        everyone = client.search_users_by_image(
            CollectionId="club", Image=sent(pictures[-1]), UserMatchThreshold=0, MaxUsers=3
        )["UserMatches"]
        assert len(everyone) == 3
        similarities = [match["Similarity"] for match in everyone]
        assert similarities == sorted(similarities, reverse=True)


def test_users_are_searched_by_face_and_by_user(client: Any, club: dict[str, list[str]], refused: Refused) -> None:
    name, (face, *_) = next(iter(club.items()))
    by_face = client.search_users(CollectionId="club", FaceId=face)
    assert by_face["SearchedFace"] == {"FaceId": face}
    assert "SearchedUser" not in by_face
    assert [match["User"]["UserId"] for match in by_face["UserMatches"]] == [name]  # whose face it is
    by_user = client.search_users(CollectionId="club", UserId=name, UserMatchThreshold=0)
    assert by_user["SearchedUser"] == {"UserId": name}
    assert "SearchedFace" not in by_user
    assert {match["User"]["UserId"] for match in by_user["UserMatches"]} == set(club) - {name}
    assert client.search_users(CollectionId="club", UserId=name)["UserMatches"] == []
    assert (
        len(client.search_users(CollectionId="club", UserId=name, UserMatchThreshold=0, MaxUsers=2)["UserMatches"]) == 2
    )
    for probe in ({}, {"FaceId": face, "UserId": name}, {"FaceId": UNKNOWN_FACE}):
        assert refused(client.search_users, CollectionId="club", **probe)[0] == "InvalidParameterException"
    for wrong in ({"MaxUsers": 0}, {"MaxUsers": 501}, {"UserMatchThreshold": -1}):
        assert refused(client.search_users, CollectionId="club", FaceId=face, **wrong)[0] == "ValidationException"


def test_a_user_without_faces_is_no_probe_and_no_result(
    client: Any, ada: dict[str, str], portrait: bytes, refused: Refused
) -> None:
    code, message = refused(client.search_users, **ada)
    assert code == "InvalidParameterException"
    assert "ada has no faces" in message
    found = client.search_users_by_image(
        CollectionId=ada["CollectionId"], Image={"Bytes": portrait}, UserMatchThreshold=0
    )
    assert found["UserMatches"] == []


def test_the_largest_face_is_searched_for_and_the_others_are_named(
    client: Any, ada: dict[str, str], heads: list[str], portrait: bytes
) -> None:
    client.associate_faces(**ada, FaceIds=heads)
    picture = np.full((300, 500, 3), 90, np.uint8)
    picture[20:220, 20:220], picture[40:120, 300:380] = head(200), head(80)
    answer = client.search_users_by_image(CollectionId=ada["CollectionId"], Image=sent(picture))
    assert [match["User"]["UserId"] for match in answer["UserMatches"]] == ["ada"]
    searched = answer["SearchedFace"]["FaceDetail"]
    assert set(searched) == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    assert searched["BoundingBox"]["Left"] < 0.4
    (other,) = answer["UnsearchedFaces"]
    assert other["Reasons"] == ["FACE_NOT_LARGEST"]
    assert other["FaceDetails"]["BoundingBox"]["Left"] > 0.5

    alone = client.search_users_by_image(CollectionId=ada["CollectionId"], Image={"Bytes": portrait})
    assert alone["UnsearchedFaces"] == []


def test_only_a_picture_without_any_face_is_refused_and_one_that_is_filtered_finds_nobody(
    client: Any, ada: dict[str, str], heads: list[str], refused: Refused
) -> None:
    client.associate_faces(**ada, FaceIds=heads)
    search = {"CollectionId": ada["CollectionId"], "UserMatchThreshold": 0}
    refusal = refused(client.search_users_by_image, **search, Image=sent(nobody()))
    assert refusal == ("InvalidParameterException", "There are no faces in the image. Should be at least 1.")
    dark = sent((astronaut() * 0.05).astype(np.uint8))
    assert client.search_users_by_image(**search, Image=dark)["UserMatches"]  # no filter unless asked for
    filtered = client.search_users_by_image(**search, Image=dark, QualityFilter="HIGH")
    assert filtered["UserMatches"] == []
    assert "SearchedFace" not in filtered
    (face,) = filtered["UnsearchedFaces"]
    assert "LOW_BRIGHTNESS" in face["Reasons"]
    assert "FACE_NOT_LARGEST" not in face["Reasons"]


@pytest.mark.slow
def test_users_are_found_by_a_server_that_starts_later(
    live: Any, client: Any, ada: dict[str, str], heads: list[str]
) -> None:
    client.associate_faces(**ada, FaceIds=heads[:2])
    client.associate_faces(**ada, FaceIds=heads[2:])
    with open_engine(live.engine.settings) as another, serving(another) as later:
        assert another.index_sync.agreement() == []
        search = {"CollectionId": ada["CollectionId"], "FaceId": heads[0], "MaxUsers": 5, "UserMatchThreshold": 80}
        (match,) = later.client().search_users(**search)["UserMatches"]
    assert match["User"]["UserId"] == "ada"
    assert live.engine.index_sync.agreement() == []
