"""Reviews on both databases, by people whom a real gate knows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from agency import judgement
from stores import Store

from regard.accountability.gate import Gate, Grant
from regard.accountability.profiles.catalogue import PROFILES
from regard.accountability.standing import Standing
from regard.bootstrap.cases import CaseDoors, reviewing
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.domain.cases import CandidateState, Case, CaseCandidate, CaseState, Opinion, PairKind
from regard.domain.people import Person, Role, Service, Training
from regard.errors import AccessDenied, InvalidParameter
from regard.store.case_rows import CaseRows
from regard.store.people_rows import PeopleRows

NOW = datetime.now(UTC)
PEOPLE = ("rita", "ron", "ruth", "sam")


class Desk:
    """A case of one candidate, and people who may review."""

    def __init__(self, store: Store, home: Path) -> None:
        self.rows, self.people = CaseRows(store.database), PeopleRows(store.database)
        self.doors: CaseDoors = reviewing(store.database, home, lambda: datetime.now(UTC))
        self.gate = Gate(PROFILES["public-safety"], standing=Standing(lambda: nullcontext(store.database)))
        for name in PEOPLE:
            self.people.add(Person(id=name, name=name, login=name, created_at=NOW))
            self.people.grant(name, [Role.REVIEWER, Role.SEARCHER], None, NOW)
            expires = NOW + timedelta(days=1)
            training = Training(person_id=name, subject="s", reference="r", completed_at=NOW, expires_at=expires)
            self.people.add_training(training, None, NOW)

    def open(self, case_id: str) -> None:
        self.rows.add(
            Case(
                id=case_id,
                collection="staff",
                authorisation_id=None,
                profile="public-safety",
                state=CaseState.OPEN,
                reviews_needed=2,
                opened_by="sam",
                opened_at=NOW,
            )
        )
        pending = CandidateState.PENDING
        self.rows.add_candidates(
            [
                CaseCandidate(
                    case_id=case_id,
                    number=1,
                    search_id=None,
                    alias=f"alias of {case_id}",
                    kind=PairKind.CANDIDATE,
                    face_id="face",
                    user_id=None,
                    state=pending,
                )
            ]
        )
        self.doors.pictures.add(case_id, "probe", 0, b"probe")
        self.doors.pictures.add(case_id, "candidate", 1, b"candidate")

    @contextmanager
    def acting(self, name: str, operation: str = "review next") -> Iterator[Grant]:
        caller = Caller(principal=Principal(access_key_id="", name=name), channel=Channel.CLI)
        with self.gate.open(caller, Act(action=Action.REVIEW, operation=operation)) as grant:
            yield grant

    def take(self, name: str) -> int:
        with self.acting(name) as grant:
            pair = self.doors.reviews.next(grant)
        assert pair is not None
        assert (pair.probe, pair.candidate) == (b"probe", b"candidate")
        return pair.number

    def decide(self, name: str, number: int, opinion: Opinion = Opinion.SAME) -> None:
        with self.acting(name, "review decide") as grant:
            self.doors.reviews.decide(grant, number, judgement(opinion))

    def state(self, case_id: str) -> CaseState:
        found = self.rows.find(case_id)
        assert found is not None
        return found.state


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    return Desk(store, tmp_path)


@pytest.mark.control(8)
def test_two_who_decide_at_the_same_moment_are_both_counted(desk: Desk) -> None:
    for number in range(8):
        case = f"case-{number}"
        desk.open(case)
        pairs, start = {name: desk.take(name) for name in ("rita", "ron")}, Barrier(2)

        def decide(name: str, pairs: dict[str, int] = pairs, start: Barrier = start) -> None:
            start.wait()
            desk.decide(name, pairs[name])

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(decide, pairs))
        assert desk.state(case) is CaseState.VERIFIED


@pytest.mark.control(8)
def test_one_opinion_sent_many_times_at_once_counts_once(desk: Desk) -> None:
    desk.open("case-1")
    number, start = desk.take("rita"), Barrier(8)

    def decide(_: int) -> bool:
        start.wait()
        try:
            desk.decide("rita", number)
        except InvalidParameter:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(decide, range(8))) == 1
    assert desk.state("case-1") is CaseState.OPEN


@pytest.mark.control(8)
def test_no_third_person_is_asked_while_two_have_the_pair_and_one_that_was_decided_is_over(desk: Desk) -> None:
    desk.open("case-1")
    first, second = desk.take("rita"), desk.take("ron")
    with desk.acting("ruth") as grant:
        assert desk.doors.reviews.next(grant) is None
    desk.decide("rita", first, Opinion.DIFFERENT)
    desk.decide("ron", second, Opinion.SAME)
    third = desk.take("ruth")
    desk.decide("ruth", third, Opinion.DIFFERENT)
    assert desk.state("case-1") is CaseState.NOT_IDENTIFIED


@pytest.mark.control(8)
def test_a_program_reviews_nothing_whoever_answers_for_it(desk: Desk) -> None:
    desk.open("case-1")
    desk.people.add_service(Service(id="bot", name="bot", person_id="rita", created_at=NOW))
    desk.people.grant("bot", [Role.REVIEWER], None, NOW)
    caller = Caller(principal=Principal(access_key_id="K", name="bot", holder_id="bot"), channel=Channel.CLI)
    with (
        desk.gate.open(caller, Act(action=Action.REVIEW, operation="review next")) as grant,
        pytest.raises(AccessDenied, match="is a program, and people review"),
    ):
        desk.doors.reviews.next(grant)


@pytest.mark.control(41)
def test_who_learns_of_a_case_while_they_have_a_pair_of_it_cannot_judge_it_any_more(desk: Desk) -> None:
    desk.open("case-1")
    number = desk.take("rita")
    desk.rows.corroborate("case-1", "witness", "report 1", "rita", NOW, independent=True)
    with pytest.raises(AccessDenied, match="You know this case otherwise"):
        desk.decide("rita", number)
    assert desk.state("case-1") is CaseState.OPEN


def test_pictures_that_another_key_file_encrypted_are_not_shown(desk: Desk, tmp_path: Path) -> None:
    desk.open("case-1")
    (tmp_path / "seal.key").write_bytes(b"k" * 32)
    with desk.acting("rita") as grant, pytest.raises(InvalidParameter, match="the key file is another one"):
        desk.doors.reviews.next(grant)
