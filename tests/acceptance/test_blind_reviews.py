"""What a reviewer is shown: two pictures and a number, by the native API, and nothing of what would sway them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from random import SystemRandom
from typing import Any

import PIL.Image
import pytest
from agency import Agency, agency, judgement, portrait
from sqlalchemy import select
from test_native_api import PASSWORD, Answer, ask, sign_in

from regard.accountability.passwords import Passwords
from regard.bootstrap.accountability import waiting
from regard.domain.cases import CaseState
from regard.domain.comparisons import COMPONENTS
from regard.domain.people import Role
from regard.store.tables.cases import case_candidates, cases, face_pictures, reviews

SUSPECTS = {"CollectionId": "suspects"}
#: Row 41: what nobody may know before their own opinion is signed.
SWAYING = (
    "score",
    "similar",
    "rank",
    "name",
    "purpose",
    "authorisation",
    "search",
    "case",
    "eileen",
    "threshold",
    "sam",
)


@pytest.fixture(scope="module")
def station(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    """An agency with two people whom the profile knows by two pictures each."""
    with agency(models, tmp_path_factory.mktemp("blind")) as made:
        made.enrol(
            "suspects",
            {"eileen": portrait(), "collins": portrait(left=60)},
        )
        made.enrol("suspects", {"eileen": portrait(left=20), "collins": portrait(left=40)})
        for name in ("rita", "ron"):
            made.live.engine.stores.sign_ins.set_password(made.people[name], Passwords().hash(PASSWORD), None)
        yield made


class Lots(SystemRandom):
    """Draws these, one after another."""

    def __init__(self, left: list[int]) -> None:
        super().__init__()
        self.left = left

    def randrange(self, *_: Any) -> int:
        return self.left.pop(0)


def searched(station: Agency) -> str:
    client = station.session("sam", station.authorise("sam"))
    answer = client.search_faces_by_image(**SUSPECTS, Image={"Bytes": portrait(dark=0.9)})
    return str(answer["ResponseMetadata"]["HTTPHeaders"]["x-regard-case"])


def token_of(station: Agency, name: str) -> str:
    return str(sign_in(station.live, name).said["token"])


def shown(answer: Answer) -> str:
    """All that was answered but the pictures: headers and the rest of the body."""
    said = json.loads(answer.content)
    for picture in ("probe", "candidate"):
        (said.get("pair") or {}).pop(picture, None)
    return json.dumps([dict(answer.headers), said]).lower()


@pytest.mark.control(41)
def test_a_reviewer_is_shown_two_pictures_and_a_number_and_nothing_else(station: Agency) -> None:
    searched(station)
    token = token_of(station, "rita")
    answer = ask(station.live, "POST", "/v1/reviews/next", token=token)
    assert answer.status == 200
    pair = answer.said["pair"]
    assert set(pair) == {"number", "probe", "candidate"}
    for name in ("probe", "candidate"):
        picture = PIL.Image.open(BytesIO(base64.b64decode(pair[name])))
        assert picture.format == "JPEG"
        assert not picture.getexif()
        assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    said = {"opinion": "same", "components": dict.fromkeys(COMPONENTS, "similar"), "reason": "The ears agree."}
    done = ask(station.live, "POST", f"/v1/reviews/{pair['number']}", said, token=token)
    assert (done.status, done.said) == (200, {"number": pair["number"]})
    for each in (answer, done):
        assert [word for word in SWAYING if word in shown(each)] == []
    for path in ("/v1/cases", "/v1/reviews/rates", f"/v1/cases/{searched(station)}"):
        assert ask(station.live, "GET", path, token=token).status == 403


@pytest.mark.control(41)
def test_what_a_colleague_said_changes_nothing_of_what_one_is_shown(station: Agency) -> None:
    case = searched(station)
    rita, ron = token_of(station, "rita"), token_of(station, "ron")
    said = {"opinion": "different", "components": dict.fromkeys(COMPONENTS, "different"), "reason": "The ears differ."}
    shapes = []
    for token in (rita, ron):
        while (
            pair := (answer := ask(station.live, "POST", "/v1/reviews/next", token=token)).said.get("pair")
        ) is not None:
            shapes.append((sorted(pair), sorted(answer.headers), type(pair["number"])))
            done = ask(station.live, "POST", f"/v1/reviews/{pair['number']}", said, token=token)
            assert (done.status, sorted(done.said)) == (200, ["number"])
    assert len(set(map(str, shapes))) == 1
    with station.database.read() as connection:
        assert connection.execute(select(cases.c.state).where(cases.c.id == case)).scalar_one() != CaseState.OPEN


@pytest.mark.control(42)
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"components": {"nose": "similar"}}, "Compare every component"),
        ({"components": {**dict.fromkeys(COMPONENTS, "similar"), "aura": "similar"}}, "no component of a face"),
        ({"components": dict.fromkeys(COMPONENTS, "different")}, "needs a component that is similar"),
        ({"reason": "  "}, "Give the reason"),
    ],
)
def test_every_component_is_compared_and_the_opinion_has_its_reason(
    station: Agency, change: dict[str, Any], fault: str
) -> None:
    searched(station)
    token = token_of(station, "rita")
    number = ask(station.live, "POST", "/v1/reviews/next", token=token).said["pair"]["number"]
    said = {"opinion": "same", "components": dict.fromkeys(COMPONENTS, "similar"), "reason": "The ears agree."}
    refused = ask(station.live, "POST", f"/v1/reviews/{number}", said | change, token=token)
    assert refused.status == 400
    assert fault in refused.said["detail"]


@pytest.mark.control(41)
def test_seeded_pairs_look_like_any_other_and_tell_a_reviewers_errors(
    station: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched(station)
    with station.database.read() as connection:
        query = select(cases.c.id, case_candidates.c.kind, case_candidates.c.number)
        query = query.join(case_candidates, case_candidates.c.case_id == cases.c.id)
        seeded = connection.execute(query.where(cases.c.state == str(CaseState.SEEDED))).all()
    assert {each.kind for each in seeded} == {"seeded_mate", "seeded_nonmate"}
    lots = Lots([0, 7, 0, 7, 50])  # a mate, a non-mate, both again, and a candidate
    monkeypatch.setattr(station.live.engine.reviews._seeds, "_random", lots)
    station.hire("rob", Role.REVIEWER)
    kinds = []
    while lots.left:
        pair = station.next_pair("rob")
        assert pair is not None
        station.decide("rob", pair.number, judgement())  # to whom everybody looks the same
        with station.database.read() as connection:
            of = select(case_candidates.c.kind, case_candidates.c.face_id).join(
                reviews,
                (reviews.c.case_id == case_candidates.c.case_id) & (reviews.c.number == case_candidates.c.number),
            )
            kinds.append(connection.execute(of.where(reviews.c.key == pair.number)).one())
    assert [kind for kind, _ in kinds] == [*["seeded_mate", "seeded_nonmate"] * 2, "candidate"]
    assert [bool(face) for _, face in kinds] == [False] * 4 + [True]  # judged: whose face it was is forgotten
    with station.acting("olga", "review rates") as grant:
        rates = {each.reviewer_id: each for each in station.live.engine.reviews.rates(grant)}
    rob = rates[station.people["rob"]]
    assert (rob.mates, rob.missed_mates, rob.miss_rate) == (2, 0, 0.0)
    assert (rob.nonmates, rob.false_matches, rob.false_match_rate) == (2, 2, 1.0)


def test_pictures_are_kept_encrypted_and_go_with_the_face(station: Agency) -> None:
    erin = station.session("erin", station.authorise("erin"))
    answer = erin.index_faces(**SUSPECTS, Image={"Bytes": portrait(left=80)}, ExternalImageId="gone")
    face = answer["FaceRecords"][0]["Face"]["FaceId"]
    query = select(face_pictures.c.sealed).where(face_pictures.c.face_id == face)
    with station.database.read() as connection:
        (sealed,) = connection.execute(query).scalars()
    assert b"\xff\xd8\xff" not in sealed
    erin.delete_faces(**SUSPECTS, FaceIds=[face])
    with station.database.read() as connection:
        assert connection.execute(query).all() == []
    for file in station.live.engine.settings.home.glob("regard.db*"):
        content = file.read_bytes()
        assert b"\xff\xd8\xff\xe0\x00\x10JFIF" not in content
        assert sealed[:64] not in content


@pytest.mark.control(41)
@pytest.mark.slow
def test_a_reviewer_learns_that_pairs_wait_and_never_how_many(station: Agency) -> None:
    def waits(name: str) -> dict[str, int]:
        with station.acting(name, "suspensions list") as grant:
            return waiting(station.live.engine.stores).follow(grant)()

    searched(station)
    searched(station)
    assert waits("rita") == {"reviews": 1}
    assert "reviews" not in waits("sam")
    while station.next_pair("rita") is not None:
        assert waits("rita") == {"reviews": 1}
        station.review("rita")
    assert waits("rita") == {"reviews": 0}
