"""A database with faces on terms, the doors that keep the rules, and a clock that a test sets: no model, no index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

from approved import approved
from people import known_models
from sqlalchemy import insert, select, update
from stores import units

from regard.accountability.abuse_signals import SignalRules
from regard.accountability.abuse_watch import AbuseWatch
from regard.accountability.consents import Consents
from regard.accountability.enrolment_terms import Basis, EnrolmentTerms
from regard.accountability.erasing import Receipts
from regard.accountability.gate import Gate, Grant
from regard.accountability.incidents import Incidents
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.profiles.catalogue import OPEN, RECORDED
from regard.accountability.profiles.rules import RetentionRules, Rules
from regard.accountability.retention import Retention
from regard.accountability.standing import Standing
from regard.accountability.suspensions import Suspensions
from regard.accountability.sweeper import Sweeper
from regard.accountability.watchlists import Watchlists
from regard.domain.authorisations import Authorisation, AuthorisationKind
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal, TemporaryCredential
from regard.domain.galleries import Collection, Face
from regard.domain.images import Box
from regard.domain.people import Person, Role, Training
from regard.engine.galleries.face_erasure import FaceErasure
from regard.engine.galleries.matching import Matcher
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.face_rows import FaceRows, NewFace
from regard.store.people_rows import PeopleRows
from regard.store.receipt_rows import ReceiptRows
from regard.store.tables.cases import case_candidates, case_pictures, cases, searches
from regard.store.tables.ledger import ledger_entries
from regard.store.user_rows import UserRows

MODEL = "fr-feature-87aacdfe"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
BASIS = Basis(text="consent form 7", source="front desk")


def ruled(base: Rules = RECORDED, *, retention: dict[str, float] | None = None, **changes: Any) -> Rules:
    """A profile with these rules changed."""
    return base.model_copy(update=changes | {"retention": RetentionRules(**(retention or {}))})


class Safe:
    """The doors on one database. `now` is what its clock says, `followed` the collections that an index was told of."""

    def __init__(self, database: Database, rules: Rules = OPEN, *, clock: Callable[[], datetime] | None = None) -> None:
        self.database, self.rules = database, rules
        self.now = START
        self._clock = clock
        self.followed: list[str] = []
        self.collections, self.face_rows, self.users = CollectionRows(database), FaceRows(database), UserRows(database)
        self.people = PeopleRows(database)
        self.terms = EnrolmentTerms(database, self.clock)
        matcher = Matcher(models=known_models(), index=_Told(self.followed), faces=self.face_rows, users=self.users)
        self.receipts = Receipts(database, FaceErasure(database, matcher), self.clock)
        self.ledger = Ledger(self._opening, clock=self.clock)
        self.standing = Standing(self._opening, clock=self.clock, ticks=lambda: self.clock().timestamp())
        self.gate = Gate(rules, self.ledger, self.standing)
        self.suspensions = Suspensions(database, self.clock)
        self.consents = Consents(database, self.receipts, self.clock)
        self.watchlists = Watchlists(database, self.clock)
        self.incidents = Incidents(database, ["the board"], self.clock)
        self.watch = AbuseWatch(database, self.incidents, SignalRules(), self.clock)
        self.retention = Retention(database, self.receipts, self.rules_of, rules, self.clock)
        self.sweeper = Sweeper(self.gate, self.retention, ReceiptRows(database), self.clock, self.watch.look)

    def clock(self) -> datetime:
        """`now`, unless the time of day was asked for."""
        return self._clock() if self._clock else self.now

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)

    def rules_of(self, collection: str) -> Rules:
        return self.standing.rules(self.rules, collection)

    def _opening(self) -> AbstractContextManager[Database]:
        return nullcontext(self.database)

    # -- who acts ------------------------------------------------------------------------------------------------

    def person(self, name: str, *roles: Role) -> Caller:
        """Somebody with these roles, at the command line."""
        self.people.add(Person(id=name, name=name.title(), login=name, created_at=self.now))
        self.people.grant(name, roles, None, self.now)
        return at_the_command_line(name)

    def train(self, name: str) -> None:
        """A training of theirs that holds for a year."""
        ends = self.now + timedelta(days=365)
        training = Training(person_id=name, subject="faces", reference="T", completed_at=self.now, expires_at=ends)
        self.people.add_training(training, None, self.now)

    @contextmanager
    def may(
        self,
        action: Action,
        collection: str | None = None,
        *,
        operation: str = "a test",
        caller: Caller | None = None,
        **more: Any,
    ) -> Iterator[Grant]:
        act = Act(action=action, operation=operation, collection=collection, **more)
        with self.gate.open(caller or at_the_command_line("ada"), act) as grant:
            yield grant

    def authorise(
        self, name: str, kind: AuthorisationKind = AuthorisationKind.INVESTIGATION, **changes: Any
    ) -> Authorisation:
        """An approved authorisation of the person `name`'s, for a week."""
        plain: dict[str, Any] = {
            "id": f"A-{name}",
            "kind": kind,
            "purpose": "missing-person",
            "offence": None,
            "profile": self.rules.name,
            "starts_at": self.now,
            "ends_at": self.now + timedelta(days=7),
            "requested_at": self.now,
        }
        made = approved(name, **plain | changes)
        AuthorisationRows(self.database).add(made)
        return made

    # -- what is there -------------------------------------------------------------------------------------------

    def collection(self, name: str = "staff", **tags: str) -> Collection:
        return self.collections.create(name, MODEL, tags, self.clock())

    def enrol(
        self,
        grant: Grant,
        collection: Collection,
        *external_ids: str | None,
        basis: Basis | None = BASIS,
        seed: int = 0,
    ) -> list[Face]:
        """A face for each external id, on terms, as `Enroller.store` does it."""
        new = [new_face(f"{collection.id} {seed} {number} {each}", each) for number, each in enumerate(external_ids)]
        with self.database.write():
            vectors = units(len(new), dimension=512, seed=seed)
            stored = self.face_rows.add(collection.key, new, vectors, MODEL, self.clock())
            self.terms.record(grant, collection, stored, basis)
        return stored

    def enrolled(self, collection: Collection, *external_ids: str | None, seed: int = 0) -> list[Face]:
        with self.may(Action.ENROL, collection.id) as grant:
            return self.enrol(grant, collection, *external_ids, seed=seed)

    def held(self, collection: Collection) -> list[str]:
        return [each.face_id for each in self.face_rows.page(collection.key, 0, 10_000)]

    def sweep(self) -> dict[str, int]:
        return self.retention.sweep(self.sweeper.opening)

    def entries(self) -> list[bytes | None]:
        with self.database.read() as connection:
            query = select(ledger_entries.c.body).order_by(ledger_entries.c.position)
            return list(connection.execute(query).scalars())

    def case(self, name: str, authorisation: str | None = None, **changes: Any) -> None:
        """A case with one search, that found a true candidate and a false one, with their pictures."""
        case = {
            "id": name,
            "collection": "staff",
            "authorisation_id": authorisation,
            "profile": self.rules.name,
            "state": "open",
            "reviews_needed": 2,
            "opened_at": self.now,
        }
        search = {
            "id": f"s-{name}",
            "request_id": f"r-{name}",
            "case_id": name,
            "authorisation_id": authorisation,
            "person_id": "ada",
            "operation": "SearchFacesByImage",
            "collection": "staff",
            "collection_key": 1,
            "profile": self.rules.name,
            "searched_at": self.now,
            "probe_sha256": "ab" * 32,
            "probe_edits": {"crop": [0, 0, 1, 1]},
            "face_model": MODEL,
            "threshold": 99.0,
            "gallery_size": 1000,
            "expected_false": 0.001,
            "candidate_count": 2,
            "sealed_candidates": b"sealed list",
        }
        with self.database.write() as connection:
            connection.execute(insert(cases).values(case | changes))
            connection.execute(insert(searches).values(search))
            for number in (1, 2):
                candidate = {"case_id": name, "number": number, "search_id": f"s-{name}", "alias": f"{name}-{number}"}
                candidate |= {"kind": "candidate", "face_id": f"face-{number}", "state": "pending"}
                connection.execute(insert(case_candidates).values(candidate))
                picture = {"case_id": name, "kind": "candidate", "number": number, "sha256": "cd" * 32}
                connection.execute(insert(case_pictures).values(picture | {"sealed": f"picture {number}".encode()}))
            probe = {"case_id": name, "kind": "probe", "number": 0, "sha256": "ef" * 32, "sealed": b"probe"}
            connection.execute(insert(case_pictures).values(probe))

    def decide(self, case: str, number: int, state: str) -> None:
        one = (case_candidates.c.case_id == case) & (case_candidates.c.number == number)
        with self.database.write() as connection:
            connection.execute(update(case_candidates).where(one).values(state=state, decided_at=self.now))

    def rows(self, table: Any, **equal: object) -> list[dict[str, Any]]:
        query = select(table)
        for name, value in equal.items():
            query = query.where(table.c[name] == value)
        with self.database.read() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]


MakeSafe = Callable[[Rules], Safe]


class _Told:
    """An index that only remembers what it was told to follow."""

    def __init__(self, followed: list[str]) -> None:
        self._followed = followed

    def follow(self, collection: Collection) -> None:
        self._followed.append(collection.id)

    def search(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("nothing is searched here")


def at_the_command_line(login: str) -> Caller:
    return Caller(principal=Principal(access_key_id="", name=login), channel=Channel.CLI)


def by_key(holder: str, session: str | None = None) -> Caller:
    """An AWS client with a key of this holder's, in a session of that name."""
    taken = None
    if session is not None:
        taken = TemporaryCredential(access_key_id="S", role="r", name=session, expires_at=START + timedelta(days=99))
    principal = Principal(access_key_id="K", name=holder, temporary_credential=taken, holder_id=holder)
    return Caller(principal=principal, channel=Channel.AWS, request_id=f"r-{holder}")


def new_face(face_id: str, external_id: str | None) -> NewFace:
    return NewFace(
        face_id=face_id[:36],
        image_id=f"picture of {face_id}"[:36],
        external_image_id=external_id,
        box=Box(left=0.1, top=0.2, width=0.3, height=0.4),
        confidence=99.0,
    )
