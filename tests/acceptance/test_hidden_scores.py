"""Where scores are hidden, nothing that a client can choose tells them; and ids are not guessed for nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from agency import Agency, agency, portrait
from botocore.exceptions import ClientError
from people import encoded, nobody

from regard.store.authorisation_rows import AuthorisationRows

SUSPECTS = {"CollectionId": "suspects"}
PROBE = {"Bytes": portrait(dark=0.9)}


@pytest.fixture(scope="module")
def station(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    with agency(models, tmp_path_factory.mktemp("hidden")) as made:
        made.enrol("suspects", {"eileen": portrait()})
        yield made


def used(station: Agency, authorisation: str) -> int:
    found = AuthorisationRows(station.database).get(authorisation)
    assert found is not None
    return found.searches_done


@pytest.mark.control(41)
def test_a_search_is_made_at_the_profiles_own_threshold_and_no_other(station: Agency) -> None:
    authorisation = station.authorise("sam")
    sam = station.session("sam", authorisation)
    for request in ({}, {"FaceMatchThreshold": 99}):
        (match,) = sam.search_faces_by_image(**SUSPECTS, Image=PROBE, **request)["FaceMatches"]
        assert match["Similarity"] == 99
    for threshold in (99.01, 99.5, 100):
        with pytest.raises(ClientError, match="hides scores, which a search at another threshold than its own"):
            sam.search_faces_by_image(**SUSPECTS, Image=PROBE, FaceMatchThreshold=threshold)
        with pytest.raises(ClientError, match="hides scores"):
            sam.search_users_by_image(**SUSPECTS, Image=PROBE, UserMatchThreshold=threshold)
    assert used(station, authorisation) == 2


@pytest.mark.control(41, 56)
def test_a_comparison_says_that_two_are_alike_and_not_how_much(station: Agency) -> None:
    sam = station.session("sam", station.authorise("sam"))
    answer = sam.compare_faces(SourceImage=PROBE, TargetImage={"Bytes": portrait()})
    assert [each["Similarity"] for each in answer["FaceMatches"]] == [99]
    with pytest.raises(ClientError, match="hides scores"):
        sam.compare_faces(SourceImage=PROBE, TargetImage={"Bytes": portrait()}, SimilarityThreshold=99.9)
    rows = station.live.engine.stores.ledger
    said = [json.loads(each.body) for each in rows.entries(0, rows.head().size) if each.body]
    compared = [each["facts"] for each in said if each["operation"] == "CompareFaces" and each["outcome"] == "allowed"]
    assert [each["compared"] for each in compared] == [1]
    assert "highest" not in compared[0], "whoever compared may have the entry proved to them"


@pytest.mark.control(41)
def test_nobody_gives_a_user_faces_that_are_not_like_theirs(station: Agency) -> None:
    erin = station.session("erin", station.authorise("erin"))
    erin.create_user(**SUSPECTS, UserId="eileen")
    for threshold in (0, 50, 98.9):
        with pytest.raises(ClientError, match="99 or more"):
            erin.associate_faces(**SUSPECTS, UserId="eileen", FaceIds=[str(uuid4())], UserMatchThreshold=threshold)


@pytest.mark.control(56)
def test_a_mistyped_id_costs_no_search_and_trying_ids_does(station: Agency) -> None:
    authorisation = station.authorise("sam", searches=2)
    sam = station.session("sam", authorisation)

    def tried() -> int:
        with pytest.raises(ClientError, match="faceId was not found"):
            sam.search_faces(**SUSPECTS, FaceId=str(uuid4()))
        return used(station, authorisation)

    assert [tried() for _ in range(5)] == [0, 0, 0, 1, 2]
    with pytest.raises(ClientError, match="all 2 searches"):
        sam.search_faces(**SUSPECTS, FaceId=str(uuid4()))


@pytest.mark.slow
def test_a_picture_without_a_face_costs_no_search_however_often(station: Agency) -> None:
    authorisation = station.authorise("sam", searches=1)
    sam = station.session("sam", authorisation)
    for _ in range(5):
        with pytest.raises(ClientError, match="no faces in the image"):
            sam.search_faces_by_image(**SUSPECTS, Image={"Bytes": encoded(nobody())})
    assert used(station, authorisation) == 0
