from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from staff import Staff, staffed

from regard.accountability.authorisations import Authorisations, Request
from regard.accountability.gate import Gate
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.profiles.catalogue import PROFILES
from regard.accountability.standing import Standing
from regard.domain.authorisations import Authorisation, AuthorisationKind, AuthorisationState, OnBehalfOf, Scope
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.domain.people import Role
from regard.errors import AccessDenied, Conflict, InvalidParameter, ResourceNotFound
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.collection_rows import CollectionRows
from regard.store.ledger_rows import LedgerRows

Kind, State = AuthorisationKind, AuthorisationState
NOW = datetime.now(UTC).replace(microsecond=0)
PLAIN: dict[str, Any] = {
    "kind": Kind.INVESTIGATION,
    "purpose": "violent-crime",
    "basis": "CCTV of the shop",
    "offence": "robbery",
    "declaration": "no protected activity",
}
PAPER = "ab" * 32


class Office:
    """The door, behind a real gate of one profile, and a clock that can be set."""

    def __init__(self, staff: Staff, profile: str = "public-safety") -> None:
        self.now, self.staff = NOW, staff
        self.rows = AuthorisationRows(staff.database)
        self.door = Authorisations(self.rows, staff.people, CollectionRows(staff.database), clock=lambda: self.now)
        standing = Standing(lambda: nullcontext(staff.database), clock=lambda: self.now)
        ledger = Ledger(lambda: nullcontext(staff.database))
        self.gate = Gate(PROFILES[profile], ledger, standing, assessment="DPIA-7")

    def act(self, command: str, login: str) -> Any:
        read = command.rsplit(maxsplit=1)[-1] in {"list", "show"}
        act = Act(action=Action.READ if read else Action.ADMINISTER, operation=command)
        return self.gate.open(Caller(principal=Principal(access_key_id="", name=login), channel=Channel.CLI), act)

    def request(self, login: str = "sam", **given: Any) -> Authorisation:
        with self.act("authorise request", login) as grant:
            return self.door.request(grant, Request(**PLAIN | given))

    def decide(self, command: str, login: str, found: Authorisation, **given: Any) -> Authorisation:
        with self.act(f"authorise {command}", login) as grant:
            done: Authorisation = getattr(self.door, command)(grant, found.id, **given)
            return done


@pytest.fixture
def staff(tmp_path: Path, url: str) -> Iterator[Staff]:
    made = staffed(tmp_path, url)
    yield made
    made.database.close()


@pytest.fixture
def office(staff: Staff) -> Office:
    return Office(staff)


@pytest.mark.control(9, 10)
def test_one_person_requests_and_another_approves(office: Office) -> None:
    asked = office.request(searches=3, case_reference="C-1", scope=Scope(collections=("suspects",)))
    assert (asked.state, asked.holder_id, asked.requested_by) == (State.REQUESTED, "sam-0001", "sam-0001")
    assert asked.ends_at == NOW + timedelta(days=30)
    approved = office.decide("approve", "ove", asked)
    assert (approved.state, approved.decided_by) == (State.APPROVED, "ove-0001")
    assert approved.usable(office.now)
    assert (approved.searches_allowed, approved.case_reference) == (3, "C-1")


@pytest.mark.control(9)
def test_nobody_approves_what_they_requested_or_are_to_use(office: Office) -> None:
    staff = office.staff
    own = office.request("ove")
    with pytest.raises(AccessDenied, match="another person has to decide"):
        office.decide("approve", "ove", own)
    to_use = office.request("sam", holder="ove")
    with pytest.raises(AccessDenied, match="another person has to decide"):
        office.decide("refuse", "ove", to_use)
    staff.service("night", "ove-0001", Role.OVERSEER, Role.SEARCHER)
    for_service = office.request("sam", holder="night")
    assert for_service.holder_id == "service-night"
    with pytest.raises(AccessDenied, match="another person has to decide"):
        office.decide("approve", "ove", for_service)
    assert office.decide("approve", "oda", own).state is State.APPROVED


@pytest.mark.control(9)
def test_a_service_or_a_second_key_of_the_requester_does_not_count_as_another_person(office: Office) -> None:
    staff = office.staff
    service = staff.service("desk", "sam-0001", Role.OVERSEER)
    others = staff.service("other-desk", "oda-0001", Role.OVERSEER)
    asked = office.request("sam")
    for holder_id, words in ((service, "is a service"), (others, "is a service")):
        principal = Principal(access_key_id="RGRDSECOND", name="second", holder_id=holder_id)
        caller = Caller(principal=principal, channel=Channel.CLI)
        act = Act(action=Action.ADMINISTER, operation="authorise approve")
        with pytest.raises(AccessDenied, match=words), office.gate.open(caller, act) as grant:
            office.door.approve(grant, asked.id)
    staff.people.grant("sam-0001", [Role.OVERSEER], None, NOW)
    second_key = Principal(access_key_id="RGRDSECOND", name="second", holder_id="sam-0001")
    act = Act(action=Action.ADMINISTER, operation="authorise approve")
    caller = Caller(principal=second_key, channel=Channel.CLI)
    with pytest.raises(AccessDenied, match="another person"), office.gate.open(caller, act) as grant:
        office.door.approve(grant, asked.id)


def test_of_many_who_decide_at_once_one_does(office: Office) -> None:
    asked, start = office.request(), threading.Barrier(6)
    outcomes: list[str] = []

    def one(command: str, login: str) -> None:
        start.wait()
        try:
            outcomes.append(str(office.decide(command, login, asked).state))
        except Conflict:
            outcomes.append("too late")

    rivals = [("approve", "ove"), ("refuse", "oda")] * 3
    threads = [threading.Thread(target=one, args=each) for each in rivals]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    after = office.rows.get(asked.id)
    assert after is not None
    assert outcomes.count("too late") == 5
    assert str(after.state) in outcomes


@pytest.mark.control(10, 11)
def test_an_emergency_is_usable_at_once_and_ends_unless_somebody_confirms_it(office: Office) -> None:
    late = office.request(kind=Kind.EXIGENT, emergency=True)
    assert (late.state, late.confirm_by) == (State.EMERGENCY, NOW + timedelta(hours=48))
    assert late.usable(office.now)
    confirmed = office.request(kind=Kind.EXIGENT, emergency=True)
    assert office.decide("approve", "ove", confirmed).state is State.APPROVED
    refused = office.request(kind=Kind.EXIGENT, emergency=True)
    assert office.decide("refuse", "ove", refused).state is State.REFUSED
    office.now += timedelta(hours=48)
    with office.act("authorise list", "aud") as grant:
        states = {each.id: each.state for each in office.door.all(grant)}
    assert states[late.id] is State.UNCONFIRMED
    assert states[confirmed.id] is State.APPROVED
    with pytest.raises(Conflict, match="is unconfirmed; nothing is left to decide"):
        office.decide("approve", "ove", late)


def test_where_the_profile_knows_no_emergencies_there_are_none(staff: Staff) -> None:
    with pytest.raises(InvalidParameter, match="knows no emergencies"):
        Office(staff, "detroit").request(purpose="home-invasion", emergency=True)


@pytest.mark.control(19, 29, 30, 50)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"purpose": "protected-activity"}, "is forbidden under the profile public-safety"),
        ({"purpose": "curiosity"}, "knows no purpose 'curiosity'; it knows violent-crime"),
        ({"purpose": ""}, "is forbidden"),
        ({"kind": Kind.DEPLOYMENT}, "knows no authorisation of the kind deployment"),
        ({"basis": "  "}, "needs a basis"),
        ({"offence": None}, "needs the offence"),
        ({"declaration": ""}, "needs a declaration"),
        ({"kind": Kind.WARRANT}, "needs its document"),
        ({"document_sha256": "short"}, "SHA-256"),
        ({"on_behalf_of": OnBehalfOf(agency="A", person="B", request_sha256="x")}, "SHA-256"),
        ({"ends_at": NOW + timedelta(days=31)}, "lasts 30 days at most"),
        ({"ends_at": NOW}, "must end after it begins"),
        ({"searches": 0}, "one search at least"),
        ({"kind": Kind.INITIAL_IDENTIFICATION}, "exactly one search"),
        ({"kind": Kind.INITIAL_IDENTIFICATION, "searches": 1, "offence": None}, "needs the offence"),
        ({"holder": "nobody"}, "neither a person with the login nobody"),
        ({"statistics": {"colour": "red"}}, "colour is not counted"),
    ],
)
def test_what_a_profile_does_not_know_cannot_be_requested(office: Office, given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidParameter, match=words):
        office.request(**given)
    assert office.rows.all() == []


@pytest.mark.control(19, 50)
def test_what_it_knows_can(office: Office) -> None:
    office.request(kind=Kind.WARRANT, document_sha256=PAPER)
    office.request(kind=Kind.INITIAL_IDENTIFICATION, searches=1)
    office.request(kind=Kind.COURT_ORDER_MISSING, purpose="missing-person", offence=None, document_sha256=PAPER)
    office.request(kind=Kind.DECEASED, purpose="deceased-or-helpless-person", offence=None)
    assert len(office.rows.all()) == 4


def test_a_request_is_held_to_the_rules_of_every_collection_it_is_for(office: Office, staff: Staff) -> None:
    rows = CollectionRows(staff.database)
    rows.create("eu-cases", "m1", {"regard:profile": "eu"}, NOW)
    with pytest.raises(InvalidParameter, match=r"The profile public-safety\+eu knows no purpose"):
        office.request(scope=Scope(collections=("eu-cases",)))


@pytest.mark.parametrize(
    ("starts_at", "words"),
    [
        (datetime(9999, 12, 31, tzinfo=UTC), "this one never would"),
        (datetime(9999, 12, 31, 20, tzinfo=timezone(-timedelta(hours=14))), "this one never would"),
        (datetime(2, 1, 1, tzinfo=UTC), "would have ended on"),
        (NOW - timedelta(days=30), "would have ended on"),
    ],
)
def test_none_is_requested_for_a_time_that_is_over_or_never_comes(
    office: Office, starts_at: datetime, words: str
) -> None:
    with pytest.raises(InvalidParameter, match=words):
        office.request(starts_at=starts_at)


def test_it_is_approved_for_less_and_never_for_more(office: Office) -> None:
    asked = office.request(searches=3)
    with pytest.raises(InvalidParameter, match="not for longer"):
        office.decide("approve", "ove", asked, ends_at=NOW + timedelta(days=40))
    with pytest.raises(InvalidParameter, match="for 3 searches, not for more"):
        office.decide("approve", "ove", asked, searches=4)
    office.now = NOW + timedelta(hours=2)
    with pytest.raises(InvalidParameter, match="would have ended already"):
        office.decide("approve", "ove", asked, ends_at=NOW + timedelta(hours=1))
    approved = office.decide("approve", "ove", asked, ends_at=NOW + timedelta(days=1), searches=1)
    assert (approved.ends_at, approved.searches_allowed) == (NOW + timedelta(days=1), 1)


@pytest.mark.control(20)
def test_an_emergency_gets_its_document_when_it_is_confirmed(staff: Staff) -> None:
    office = Office(staff, "eu")
    asked = office.request(kind=Kind.EXIGENT, purpose="threat-to-life", emergency=True)
    with pytest.raises(InvalidParameter, match="needs its document"):
        office.decide("approve", "ove", asked)
    assert office.decide("approve", "ove", asked, document_sha256=PAPER).document_sha256 == PAPER


def test_requester_holder_and_overseer_may_end_it_and_nobody_else(office: Office) -> None:
    for ender in ("sam", "sue", "ove"):
        found = office.decide("approve", "ove", office.request("sam", holder="sue"))
        ended = office.decide("end", ender, found)
        assert (ended.state, ended.ended_by) == (State.ENDED, f"{ender}-0001")
        assert not ended.usable(office.now)
    found = office.request("sue")
    with pytest.raises(ResourceNotFound, match="of yours"):
        office.decide("end", "sam", found)
    with pytest.raises(AccessDenied, match="it takes"):
        office.decide("end", "aud", found)


def test_a_searcher_sees_their_own_and_an_auditor_all(office: Office) -> None:
    mine, other = office.request("sam"), office.request("sue")
    seen = {}
    for login in ("sam", "sue", "aud"):
        with office.act("authorise list", login) as grant:
            seen[login] = {each.id for each in office.door.all(grant)}
    assert seen == {"sam": {mine.id}, "sue": {other.id}, "aud": {mine.id, other.id}}
    with pytest.raises(ResourceNotFound), office.act("authorise show", "sam") as grant:
        office.door.get(grant, other.id)


def test_what_is_counted_of_it_is_added_when_it_ends(office: Office) -> None:
    found = office.request(statistics={"officer": "77", "place": "Main Street"})
    ended = office.decide("end", "sam", found, statistics={"outcome": "nobody found"})
    assert ended.statistics == {"officer": "77", "place": "Main Street", "outcome": "nobody found"}


def test_the_ledger_hears_ids_and_purposes_and_none_of_the_words(office: Office, staff: Staff) -> None:
    found = office.request(basis="an informer's very own words", scope=Scope(collections=("suspects",)))
    office.decide("approve", "ove", found)
    with pytest.raises(AccessDenied):
        office.decide("approve", "sam", found)
    bodies = [each.body or b"" for each in LedgerRows(staff.database).entries(0, 100)]
    said = [json.loads(each) for each in bodies]
    assert [(each["operation"], each["outcome"], each["person"]) for each in said[:2]] == [
        ("authorise request", "allowed", "sam-0001"),
        ("authorise approve", "allowed", "ove-0001"),
    ]
    assert said[2]["outcome"] == "refused"
    assert said[0]["facts"]["about_authorisation"] == found.id
    assert all(b"informer" not in each for each in bodies)


def test_without_people_nothing_can_be_requested(staff: Staff) -> None:
    with pytest.raises(InvalidParameter, match="needs a profile that knows people"):
        Office(staff, "recorded").request()


def test_an_id_fits_into_the_name_of_a_session(office: Office) -> None:
    found = {office.request().id for _ in range(20)}
    assert len(found) == 20
    assert all(len(each) == 10 and each.startswith("A-") and each[2:].isalnum() for each in found)
