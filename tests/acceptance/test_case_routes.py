"""What a case and its searches tell, and to whom: pictures, decisions, searches that found nobody, one's own errors."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import PIL.Image
import pytest
from agency import Agency, agency, judgement, portrait
from sqlalchemy import insert, update
from test_native_api import PASSWORD, Answer, ask, sign_in

from regard.accountability.passwords import Passwords
from regard.accountability.reviews import TOLD_BY
from regard.domain.cases import Opinion
from regard.domain.people import Role
from regard.store.tables.cases import case_candidates, cases, reviews

SUSPECTS = {"CollectionId": "suspects"}


class Desk:
    """An agency whose people ask the native API."""

    def __init__(self, made: Agency) -> None:
        self.made = made
        self.tokens: dict[str, str] = {}

    def ask(self, name: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        if name not in self.tokens:
            self.made.live.engine.stores.sign_ins.set_password(self.made.people[name], Passwords().hash(PASSWORD), None)
            self.tokens[name] = str(sign_in(self.made.live, name).said["token"])
        return ask(self.made.live, method, f"/v1{path}", body, token=self.tokens[name], **headers)

    def get(self, name: str, path: str) -> Any:
        answer = self.ask(name, "GET", path)
        assert answer.status == 200, answer.content
        return answer.said

    def search(self, picture: bytes, name: str = "sam") -> Any:
        """A search with the native API, under an authorisation of its own."""
        body = {"image": base64.b64encode(picture).decode()}
        under = {"x_regard_authorisation": self.made.authorise(name)}
        answer = self.ask(name, "POST", "/collections/suspects/search", body, **under)
        assert answer.status == 200, answer.content
        return answer.said

    def decided(self, opinion: Opinion = Opinion.SAME) -> str:
        """A case whose candidates two reviewers have judged."""
        case = str(self.search(portrait(dark=0.9))["case"]["id"])
        for name in ("rita", "ron"):
            while (pair := self.made.next_pair(name)) is not None:
                self.made.decide(name, pair.number, judgement(opinion, "The ears agree."))
        return case


@pytest.fixture(scope="module")
def desk(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with agency(models, tmp_path_factory.mktemp("cases")) as made:
        made.enrol("suspects", {"eileen": portrait(), "collins": portrait(left=60)})
        yield Desk(made)


def picture(said: Any) -> PIL.Image.Image:
    return PIL.Image.open(BytesIO(base64.b64decode(said["image"])))


def kinds(said: Any) -> set[str]:
    assert {picture(each).format for each in said["pictures"]} <= {"JPEG"}
    return {each["kind"] for each in said["pictures"]}


@pytest.mark.control(41)
@pytest.mark.slow
def test_decisions_are_told_when_all_are_in_and_who_made_them_to_those_who_oversee(desk: Desk) -> None:
    case = str(desk.search(portrait(dark=0.9))["case"]["id"])
    desk.made.review("rita")
    assert desk.get("sam", f"/cases/{case}")["decisions"] == []
    assert desk.get("olga", f"/cases/{case}")["decisions"] == []
    for name in ("rita", "ron"):
        while (pair := desk.made.next_pair(name)) is not None:
            desk.made.decide(name, pair.number, judgement(Opinion.SAME, "The ears agree."))
    to_sam, to_olga = desk.get("sam", f"/cases/{case}"), desk.get("olga", f"/cases/{case}")
    opinions = [(each["opinion"], each["reason"], len(each["components"])) for each in to_sam["decisions"]]
    assert len(opinions) == 4
    assert {(opinion, marks) for opinion, _, marks in opinions} == {("same", 18)}
    reviewers = {desk.made.people[name] for name in ("rita", "ron")}
    assert {each["reviewer_id"] for each in to_sam["decisions"]} == {None}
    assert reviewers.isdisjoint(to_sam["names"])
    assert {each["reviewer_id"] for each in to_olga["decisions"]} == reviewers
    assert to_olga["names"][desk.made.people["rita"]] == "rita"
    (search,) = to_sam["searches"]
    assert (search["candidate_count"], search["gallery_size"], search["case_id"]) == (2, 2, case)
    assert to_sam["names"][search["person_id"]] == "sam"


@pytest.mark.control(32)
def test_pictures_of_candidates_are_for_those_who_oversee_until_a_case_may_be_acted_on(desk: Desk) -> None:
    case = desk.decided()
    path = f"/cases/{case}/pictures"
    assert kinds(desk.get("sam", path)) == {"probe"}
    assert kinds(desk.get("olga", path)) == {"probe", "candidate"}
    assert desk.ask("sue", "GET", path).status == 400
    assert desk.ask("rita", "GET", path).status == 403
    support = {"kind": "witness", "reference": "report 14", "independent": True}
    added = desk.ask("sam", "POST", f"/cases/{case}/corroborations", support)
    assert added.said == {"state": "actionable"}
    shown = desk.get("sam", path)
    assert kinds(shown) == {"probe", "candidate"}
    sizes = {(each["kind"], picture(each).size) for each in shown["pictures"]}
    assert ("candidate", (512, 624)) in sizes, "below it stands where it comes from"
    assert ("candidate", (512, 624)) not in {
        (each["kind"], picture(each).size) for each in desk.get("olga", path)["pictures"]
    }
    (told,) = desk.get("sam", f"/cases/{case}")["corroborations"]
    assert (told["reference"], told["person_id"]) == ("report 14", desk.made.people["sam"])


@pytest.mark.control(32)
def test_whom_reviewers_found_to_be_somebody_else_is_never_shown_to_whoever_searched(desk: Desk) -> None:
    case = desk.decided(Opinion.DIFFERENT)
    assert desk.get("sam", f"/cases/{case}")["case"]["state"] == "not_identified"
    assert kinds(desk.get("sam", f"/cases/{case}/pictures")) == {"probe"}
    assert kinds(desk.get("olga", f"/cases/{case}/pictures")) == {"probe", "candidate"}


@pytest.mark.control(35)
def test_searches_that_found_nobody_are_listed_too_to_whoever_made_them_and_to_those_who_oversee(desk: Desk) -> None:
    desk.made.client("adam").create_collection(CollectionId="nobody")
    under = {"x_regard_authorisation": desk.made.authorise("sue")}
    body = {"image": base64.b64encode(portrait()).decode()}
    found = desk.ask("sue", "POST", "/collections/nobody/search", body, **under).said
    assert (found["candidates"], found["case"]["id"]) == ([], None)
    (empty,) = desk.get("sue", "/searches")["searches"]
    assert (empty["collection"], empty["candidate_count"], empty["case_id"]) == ("nobody", 0, None)
    assert empty["id"] not in {each["id"] for each in desk.get("sam", "/searches")["searches"]}
    everybody = desk.get("alice", "/searches")
    assert everybody["searches"][0] == empty
    assert everybody["names"][empty["person_id"]] == "sue"
    assert {each["collection"] for each in desk.get("alice", "/searches?collection=nobody")["searches"]} == {"nobody"}
    assert desk.ask("rita", "GET", "/searches").status == 403


def test_searches_come_page_by_page_and_each_once(desk: Desk) -> None:
    for _ in range(3):
        desk.search(portrait(dark=0.8))
    whole = [each["id"] for each in desk.get("olga", "/searches?most=200")["searches"]]
    assert len(whole) >= 3
    found, after = [], ""
    while after is not None:
        page = desk.get("olga", f"/searches?most=2{f'&before={after}' if after else ''}")
        found += [each["id"] for each in page["searches"]]
        after = page["next"]
    assert found == whole
    assert desk.get("olga", "/searches?before=there-is-none")["searches"] == []


@pytest.mark.control(41)
def test_who_oversees_and_reviews_learns_of_a_search_once_its_case_is_decided(desk: Desk) -> None:
    case = str(desk.search(portrait(dark=0.9))["case"]["id"])
    desk.made.hire("orla", Role.OVERSEER, Role.REVIEWER)

    def known() -> set[str | None]:
        return {each["case_id"] for each in desk.get("orla", "/searches?most=200")["searches"]}

    assert case not in known()
    assert desk.ask("orla", "GET", f"/cases/{case}/pictures").status == 400
    for name in ("rita", "ron"):
        while (pair := desk.made.next_pair(name)) is not None:
            desk.made.decide(name, pair.number, judgement(Opinion.SAME))
    assert case in known()


def judged(desk: Desk, reviewer: str, count: int, at: datetime) -> None:
    """Pairs whose answer is known, that this reviewer judged: all different people, and each called the same."""
    with desk.made.database.write() as connection:
        for _ in range(count):
            case = f"case-{uuid4().hex[:16]}"
            opened = {"id": case, "collection": "suspects", "profile": "", "state": "seeded", "reviews_needed": 1}
            connection.execute(insert(cases).values(**opened, opened_at=at))
            pair = {"case_id": case, "number": 1}
            known = {"alias": str(uuid4()), "kind": "seeded_nonmate", "face_id": "", "state": "verified"}
            connection.execute(insert(case_candidates).values(**pair, **known))
            said = {"opinion": "same", "components": {}, "reason": "alike", "assigned_at": at, "decided_at": at}
            connection.execute(insert(reviews).values(**pair, reviewer_id=reviewer, **said))


@pytest.mark.control(41)
def test_a_reviewer_is_told_their_own_errors_by_tens_and_not_of_today(desk: Desk) -> None:
    """Told at once, they would say of the last pair that its answer was known: then the others' was not."""
    person, now = desk.made.hire("rex", Role.REVIEWER), datetime.now(UTC)
    judged(desk, person, TOLD_BY - 1, now - timedelta(days=2))

    def told() -> tuple[int, int]:
        said = desk.get("rex", "/me/reviews")
        assert said["told_by"] == TOLD_BY
        return said["rates"]["nonmates"], said["rates"]["false_matches"]

    assert told() == (0, 0)
    judged(desk, person, 1, now)
    assert told() == (0, 0)
    with desk.made.database.write() as connection:
        mine = reviews.c.reviewer_id == person
        connection.execute(update(reviews).where(mine).values(decided_at=now - timedelta(days=2)))
    assert told() == (TOLD_BY, TOLD_BY)
    judged(desk, person, TOLD_BY - 1, now - timedelta(days=1, hours=1))
    assert told() == (TOLD_BY, TOLD_BY)
    everybody = {each["name"]: each for each in desk.get("alice", "/reviews/rates")["reviewers"]}
    assert everybody["rex"]["nonmates"] == 2 * TOLD_BY - 1  # whoever oversees is told at once
    assert desk.ask("sam", "GET", "/me/reviews").status == 403
    assert desk.ask("rex", "GET", "/reviews/rates").status == 403
