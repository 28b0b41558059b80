"""A search under a profile that has candidates reviewed, with unmodified boto3: refused, pending, reviewed, verified,
actionable. Who was found is told when two people who knew nothing else have agreed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from agency import Agency, agency, judgement, portrait
from botocore.exceptions import ClientError
from live_server import with_models
from people import crowd, encoded
from sqlalchemy import select

from regard.domain.cases import CaseState, Opinion
from regard.domain.people import Role
from regard.errors import AccessDenied, InvalidParameter
from regard.store.case_rows import CaseRows
from regard.store.people_rows import PeopleRows
from regard.store.picture_rows import PictureRows
from regard.store.tables.cases import cases, face_pictures, reviews, searches
from regard.store.tables.faces import faces
from regard.store.tables.ledger import ledger_entries

PROBE = {"Bytes": portrait(dark=0.9)}
SUSPECTS = {"CollectionId": "suspects"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def station(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    """An agency with two pictures of one person."""
    with agency(models, tmp_path_factory.mktemp("station")) as made:
        made.enrol("suspects", {"eileen-1": portrait(), "eileen-2": portrait(left=60)})
        yield made


def search(station: Agency, name: str = "sam", **request: Any) -> tuple[Any, Any]:
    """A search under an authorisation of its own: the session's client, and what it was answered."""
    client = station.session(name, station.authorise(name))
    return client, client.search_faces_by_image(**SUSPECTS, Image=PROBE, **request)


def case_of(answer: Any) -> str:
    return str(answer["ResponseMetadata"]["HTTPHeaders"]["x-regard-case"])


def decided(station: Agency, opinions: dict[str, Opinion], case: str) -> None:
    """These reviewers judge all that there is of a case, whatever else they are given in between."""
    for name, opinion in opinions.items():
        for _ in range(60):
            pair = station.next_pair(name)
            if pair is None:
                break
            of = owner(station, pair.number)
            station.decide(name, pair.number, judgement(opinion if of == case else Opinion.INCONCLUSIVE))


def owner(station: Agency, review: int) -> str:
    with station.database.read() as connection:
        return str(connection.execute(select(reviews.c.case_id).where(reviews.c.key == review)).scalar_one())


def state_of(station: Agency, case: str) -> str:
    with station.database.read() as connection:
        return str(connection.execute(select(cases.c.state).where(cases.c.id == case)).scalar_one())


@pytest.mark.control(7, 9)
def test_without_an_authorisation_nobody_is_searched(station: Agency) -> None:
    with pytest.raises(ClientError, match="takes an authorisation"):
        station.client("sam").search_faces_by_image(**SUSPECTS, Image=PROBE)


@pytest.mark.control(7, 41)
def test_candidates_leave_under_aliases_that_say_nothing(station: Agency) -> None:
    _, answer = search(station)
    headers, case = answer["ResponseMetadata"]["HTTPHeaders"], case_of(answer)
    assert headers["x-regard-review"] == "pending;needed=2;done=0"
    assert headers["x-regard-gallery-size"] == "2"
    assert float(headers["x-regard-expected-false"]) > 0
    assert int(headers["x-regard-receipt"]) > 0
    assert len(answer["FaceMatches"]) == 2
    real = station.live.engine.stores.faces.page(1, 0, 10)
    for match in answer["FaceMatches"]:
        face = match["Face"]
        assert match["Similarity"] == 99.0
        assert UUID.fullmatch(face["FaceId"])
        assert face["FaceId"] == face["ImageId"]
        assert re.fullmatch(rf"review-pending:{case}:[12]", face["ExternalImageId"])
        assert face["BoundingBox"] == {"Left": 0.0, "Top": 0.0, "Width": 1.0, "Height": 1.0}
        assert face["Confidence"] == 99.9
        assert "UserId" not in face
    said = str(answer)
    assert not [each for face in real for each in (face.face_id, face.image_id, "eileen") if each in said]


@pytest.mark.control(7, 8, 32, 33, 41)
def test_two_reviewers_who_agree_verify_and_independent_support_makes_it_actionable(
    station: Agency, tmp_path: Path
) -> None:
    client, answer = search(station, MaxFaces=1)
    case, alias = case_of(answer), answer["FaceMatches"][0]["Face"]["FaceId"]
    (pending,) = client.list_faces(**SUSPECTS, FaceIds=[alias])["Faces"]
    assert pending["ExternalImageId"] == f"review-pending:{case}:1"
    decided(station, {"rita": Opinion.SAME}, case)
    (still,) = client.list_faces(**SUSPECTS, FaceIds=[alias])["Faces"]
    assert still == pending
    decided(station, {"ron": Opinion.SAME}, case)
    (face,) = client.list_faces(**SUSPECTS, FaceIds=[alias])["Faces"]
    assert face["ExternalImageId"] in ("eileen-1", "eileen-2")
    assert face["FaceId"] != alias
    assert state_of(station, case) == CaseState.VERIFIED
    cases_door = station.live.engine.cases
    with station.acting("sam", "cases line-up") as grant, pytest.raises(AccessDenied, match="an investigative lead"):
        cases_door.line_up_picture(grant, case, 1)
    with station.acting("sam", "cases corroborate") as grant:
        assert cases_door.corroborate(grant, case, "witness", "same footage", independent=False) is CaseState.VERIFIED
    with station.acting("sam", "cases corroborate") as grant:
        state = cases_door.corroborate(grant, case, "physical-evidence", "exhibit 3", independent=True)
    assert state is CaseState.ACTIONABLE
    with station.acting("sam", "cases line-up") as grant:
        assert cases_door.line_up_picture(grant, case, 1).startswith(b"\xff\xd8\xff")


@pytest.mark.control(7, 8)
def test_two_reviewers_who_see_others_leave_nobody_identified(station: Agency) -> None:
    client, answer = search(station, MaxFaces=1)
    case, alias = case_of(answer), answer["FaceMatches"][0]["Face"]["FaceId"]
    decided(station, {"rita": Opinion.DIFFERENT, "ron": Opinion.DIFFERENT}, case)
    assert client.list_faces(**SUSPECTS, FaceIds=[alias])["Faces"] == []
    assert state_of(station, case) == CaseState.NOT_IDENTIFIED


@pytest.mark.control(8)
@pytest.mark.parametrize(
    ("third", "state"),
    [
        (Opinion.SAME, CaseState.VERIFIED),
        (Opinion.DIFFERENT, CaseState.NOT_IDENTIFIED),
        (Opinion.INCONCLUSIVE, CaseState.INCONCLUSIVE),
    ],
)
def test_a_third_reviewer_decides_where_two_disagree(station: Agency, third: Opinion, state: CaseState) -> None:
    client, answer = search(station, MaxFaces=1)
    case, alias = case_of(answer), answer["FaceMatches"][0]["Face"]["FaceId"]
    decided(station, {"rita": Opinion.SAME, "ron": Opinion.DIFFERENT}, case)
    (face,) = client.list_faces(**SUSPECTS, FaceIds=[alias])["Faces"]
    assert face["ExternalImageId"].startswith("review-pending:")
    assert state_of(station, case) == CaseState.OPEN
    decided(station, {"ruth": third}, case)
    assert state_of(station, case) == state
    assert len(client.list_faces(**SUSPECTS, FaceIds=[alias])["Faces"]) == (state is CaseState.VERIFIED)


@pytest.mark.control(7, 41)
def test_an_alias_is_unknown_in_another_case_under_another_authorisation_and_to_anybody_else(station: Agency) -> None:
    client, answer = search(station)
    other, another = search(station)
    aliases = {match["Face"]["FaceId"] for match in answer["FaceMatches"]}
    others = {match["Face"]["FaceId"] for match in another["FaceMatches"]}
    assert not aliases & others
    assert len(client.list_faces(**SUSPECTS, FaceIds=[*aliases])["Faces"]) == 2
    first = client.list_faces(**SUSPECTS, FaceIds=[*aliases], MaxResults=1)
    rest = client.list_faces(**SUSPECTS, FaceIds=[*aliases], MaxResults=1, NextToken=first["NextToken"])
    assert {each["FaceId"] for page in (first, rest) for each in page["Faces"]} == aliases
    assert other.list_faces(**SUSPECTS, FaceIds=[*aliases])["Faces"] == []
    sues, _ = search(station, "sue")
    assert sues.list_faces(**SUSPECTS, FaceIds=[*aliases])["Faces"] == []
    adam = station.client("adam")
    if "others" not in adam.list_collections()["CollectionIds"]:
        adam.create_collection(CollectionId="others")
    assert client.list_faces(CollectionId="others", FaceIds=[*aliases])["Faces"] == []
    with pytest.raises(ClientError, match="faceId was not found"):
        client.search_faces(**SUSPECTS, FaceId=aliases.pop())


@pytest.mark.control(56)
def test_a_searcher_cannot_list_whom_a_collection_holds(station: Agency) -> None:
    client = station.client("sam")
    with pytest.raises(ClientError, match="Name the candidates in FaceIds"):
        client.list_faces(**SUSPECTS)
    with station.database.read() as connection:
        real = connection.execute(select(faces.c.face_id)).scalars().first()
    assert client.list_faces(**SUSPECTS, FaceIds=[real])["Faces"] == []
    assert len(station.client("erin").list_faces(**SUSPECTS, FaceIds=[real])["Faces"]) == 1


@pytest.mark.control(56)
def test_a_searcher_cannot_list_users_nor_ask_whether_there_is_one(station: Agency) -> None:
    erin, sam = station.client("erin"), station.client("sam")
    station.session("erin", station.authorise("erin")).create_user(**SUSPECTS, UserId="somebody")
    assert "somebody" in str(erin.list_users(**SUSPECTS)["Users"])
    assert "somebody" in str(station.client("alice").list_users(**SUSPECTS)["Users"])
    assert erin.list_faces(**SUSPECTS, UserId="somebody")["Faces"] == []
    with pytest.raises(ClientError, match="ListUsers is refused: a searcher sees whom a search found"):
        sam.list_users(**SUSPECTS)
    said = set()
    for user in ("somebody", "nobody"):
        for asked in ({"UserId": user}, {"UserId": user, "FaceIds": [str(uuid4())]}):
            with pytest.raises(ClientError, match="ListFaces is refused") as refused:
                sam.list_faces(**SUSPECTS, **asked)
            said.add(str(refused.value))
    assert len(said) == 1
    users = station.live.engine.users
    with station.acting("sam", "users list", "suspects") as grant, pytest.raises(AccessDenied, match="users list is"):
        users.page(grant, station.live.engine.galleries.get(grant, "suspects"), 0, 10)


@pytest.mark.control(8)
def test_who_searched_does_not_review_it_nor_does_who_answers_for_a_program(station: Agency) -> None:
    station.hire("both", Role.SEARCHER, Role.REVIEWER)
    _, answer = search(station, "both", MaxFaces=1)
    case = case_of(answer)
    decided(station, {"both": Opinion.SAME}, case)
    with station.database.read() as connection:
        query = select(reviews.c.reviewer_id).where(reviews.c.case_id == case)
        assert station.people["both"] not in connection.execute(query).scalars().all()
    decided(station, {"rita": Opinion.SAME}, case)
    decided(station, {"rita": Opinion.SAME}, case)  # who has judged a candidate is not asked again
    assert state_of(station, case) == CaseState.OPEN


@pytest.mark.control(8, 41)
def test_an_opinion_stands_and_is_of_the_pair_that_one_was_given(station: Agency) -> None:
    search(station, MaxFaces=1)
    pair = station.next_pair("ruth")
    assert pair is not None
    again = station.next_pair("ruth")
    assert again is not None
    assert again.number == pair.number
    with pytest.raises(InvalidParameter, match="You were given no pair"):
        station.decide("rita", pair.number, judgement())
    station.decide("ruth", pair.number, judgement())
    with pytest.raises(InvalidParameter, match="it stands"):
        station.decide("ruth", pair.number, judgement(Opinion.DIFFERENT))


@pytest.mark.control(17, 40)
def test_a_reviewer_whose_training_has_expired_reviews_nothing(station: Agency) -> None:
    station.hire("rusty", Role.REVIEWER, trained_until=-timedelta(days=1))
    with pytest.raises(AccessDenied, match="the last one expired"):
        station.next_pair("rusty")


@pytest.mark.control(31)
def test_a_picture_of_several_people_is_not_searched_with(station: Agency) -> None:
    client = station.session("sam", station.authorise("sam"))
    for operation in (client.search_faces_by_image, client.search_users_by_image):
        with pytest.raises(ClientError, match="Crop it to the one"):
            operation(**SUSPECTS, Image={"Bytes": encoded(crowd(1, 2, 200))})


@pytest.mark.control(35, 36)
def test_a_search_that_found_nobody_is_on_record_too(station: Agency) -> None:
    adam = station.client("adam")
    adam.create_collection(CollectionId="empty")
    authorisation = station.authorise("sam")
    client = station.session("sam", authorisation)
    answer = client.search_faces_by_image(CollectionId="empty", Image=PROBE)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert answer["FaceMatches"] == []
    assert "x-regard-case" not in headers
    (found,) = CaseRows(station.database).searches_under(authorisation)
    assert (found.case_id, found.candidate_count, found.person_id) == (None, 0, station.people["sam"])
    assert found.request_id == answer["ResponseMetadata"]["RequestId"]
    assert found.probe_sha256 == hashlib.sha256(PROBE["Bytes"]).hexdigest()
    with station.acting("alice", "cases list") as grant:
        assert station.live.engine.cases.unsealed(grant, found) == []


@pytest.mark.control(35, 37)
def test_all_candidates_are_kept_in_their_order_for_those_who_oversee(station: Agency) -> None:
    _, answer = search(station)
    case = case_of(answer)
    with station.acting("alice", "cases show") as grant:
        ((_, ranked),) = station.live.engine.cases.ranked(grant, case).items()
    assert [each.rank for each in ranked] == [1, 2]
    assert ranked[0].similarity >= ranked[1].similarity > 99
    assert {each.external_image_id for each in ranked} == {"eileen-1", "eileen-2"}
    with station.acting("sam", "cases show") as grant, pytest.raises(AccessDenied, match="auditors and the overseer"):
        station.live.engine.cases.ranked(grant, case)
    with station.database.read() as connection:
        sealed = connection.execute(select(searches.c.sealed_candidates)).scalars().all()
    assert not [each for each in sealed if b"similarity" in each]


def test_what_cannot_be_recorded_is_not_answered_and_not_counted(station: Agency) -> None:
    authorisation = station.authorise("sam", searches=1)
    client = station.session("sam", authorisation)
    with station.database.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON case_candidates BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    try:
        with pytest.raises(ClientError) as refused:
            client.search_faces_by_image(**SUSPECTS, Image=PROBE)
    finally:
        with station.database.write() as connection:
            connection.exec_driver_sql("DROP TRIGGER full")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert CaseRows(station.database).searches_under(authorisation) == []
    assert len(client.search_faces_by_image(**SUSPECTS, Image=PROBE)["FaceMatches"]) == 2


@pytest.mark.control(7, 41)
def test_users_go_by_aliases_too_and_are_polled_by_them(station: Agency) -> None:
    erin = station.session("erin", station.authorise("erin"))
    with station.database.read() as connection:
        mine = connection.execute(select(faces.c.face_id).where(faces.c.external_image_id == "eileen-1")).scalar_one()
    erin.create_user(**SUSPECTS, UserId="collins")
    erin.associate_faces(**SUSPECTS, UserId="collins", FaceIds=[mine])
    client = station.session("sam", station.authorise("sam"))
    answer = client.search_users_by_image(**SUSPECTS, Image=PROBE)
    case = case_of(answer)
    (match,) = answer["UserMatches"]
    assert match["Similarity"] == 99.0
    label, _, alias = match["User"]["UserId"].rpartition(":")
    assert label == "review-pending"
    for asked in ({"FaceIds": [alias]}, {"UserId": match["User"]["UserId"]}):
        (pending,) = client.list_faces(**SUSPECTS, **asked)["Faces"]
        assert pending["ExternalImageId"] == f"review-pending:{case}:1"
    decided(station, {"rita": Opinion.SAME, "ron": Opinion.SAME}, case)
    (face,) = client.list_faces(**SUSPECTS, FaceIds=[alias])["Faces"]
    assert (face["FaceId"], face["UserId"]) == (mine, "collins")


def test_searches_for_enrolled_faces_and_users_open_cases_too(station: Agency) -> None:
    with station.database.read() as connection:
        mine = connection.execute(select(faces.c.face_id).where(faces.c.external_image_id == "eileen-2")).scalar_one()
    client = station.session("sam", station.authorise("sam"))
    for answer in (
        client.search_faces(**SUSPECTS, FaceId=mine),
        client.search_users(**SUSPECTS, FaceId=mine),
    ):
        case = case_of(answer)
        assert str(answer).count("review-pending") == 1
        assert station.live.engine.stores is not None
        assert ("probe", 0) in PictureRows(station.database).of_case(case)


@pytest.mark.control(9, 36)
def test_the_entry_is_in_the_searchs_own_transaction_and_its_receipt_names_nobody(station: Agency) -> None:
    _, answer = search(station)
    headers, case = answer["ResponseMetadata"]["HTTPHeaders"], case_of(answer)
    with station.database.read() as connection:
        query = select(ledger_entries.c.body).where(ledger_entries.c.position == int(headers["x-regard-receipt"]))
        entry = json.loads(connection.execute(query).scalar_one())
    assert entry["act"] == answer["ResponseMetadata"]["RequestId"]
    assert entry["facts"]["case"] == case
    assert entry["facts"]["gallery_size"] == 2
    (kept,) = CaseRows(station.database).searches(case)
    assert kept.sealed_candidates is not None
    assert entry["facts"]["sealed_sha256"] == hashlib.sha256(kept.sealed_candidates).hexdigest()
    everybody = [each.face_id for each in CaseRows(station.database).candidates(case)]
    assert not [face for face in everybody if face in json.dumps(entry)]
    assert "similarity" not in json.dumps(entry)


@pytest.mark.control(41)
def test_who_knows_the_purpose_is_not_asked_to_review(station: Agency) -> None:
    """Whoever oversees, whoever requested the search, and whoever has added to its case."""
    for name in ("olga", "sue"):
        PeopleRows(station.database).grant(station.people[name], [Role.REVIEWER], None, datetime.now(UTC))
    station.live.engine.gate._standing.forget()
    _, answer = search(station, MaxFaces=1)
    case = case_of(answer)
    with pytest.raises(AccessDenied, match="olga is reviewer and overseer"):
        decided(station, {"olga": Opinion.SAME}, case)
    with station.acting("sam", "cases corroborate") as grant:
        station.live.engine.cases.corroborate(grant, case, "witness", "report 9", independent=True)
    decided(station, {"sue": Opinion.SAME}, case)
    with station.database.read() as connection:
        query = select(reviews.c.reviewer_id).where(reviews.c.case_id == case)
        assert connection.execute(query).scalars().all() == [station.people["sue"]]


def test_without_reviews_nothing_is_kept_and_nothing_is_added_to_an_answer(models: Path, tmp_path: Path) -> None:
    with with_models(models, tmp_path) as live:
        client = live.client()
        client.create_collection(CollectionId="open")
        client.index_faces(CollectionId="open", Image=PROBE, ExternalImageId="eileen")
        answer = client.search_faces_by_image(CollectionId="open", Image=PROBE)
        (match,) = answer["FaceMatches"]
        assert match["Face"]["ExternalImageId"] == "eileen"
        added = {name for name in answer["ResponseMetadata"]["HTTPHeaders"] if name.startswith("x-regard-")}
        assert added == {"x-regard-gallery-size", "x-regard-expected-false"}
        with live.engine.stores.database.read() as connection:
            for table in (cases, searches, reviews, face_pictures):
                assert connection.execute(select(table)).all() == []
