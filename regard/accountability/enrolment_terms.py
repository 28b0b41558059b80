"""The terms of an enrolled face: on whose word it is there, where it came from, and until when it may be kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from regard.accountability.gate import Grant
from regard.accountability.plain_words import check_words
from regard.accountability.profiles.catalogue import chosen
from regard.accountability.profiles.rules import RetentionRules, Rules
from regard.accountability.profiles.strictness import covers
from regard.domain.authorisations import Authorisation, AuthorisationKind
from regard.domain.galleries import Collection, Face
from regard.errors import AccessDenied
from regard.store.collection_rows import CollectionRows
from regard.store.consent_rows import ConsentRows
from regard.store.database import Database
from regard.store.face_rows import FaceRows
from regard.store.profile_rows import ProfileRows
from regard.store.term_rows import Term, TermRows

#: A use is noted once in so long: it is counted in days.
_NOTED_AGAIN = timedelta(hours=12)
#: Uses noted, and terms written, in one transaction.
_MOST_NOTED, _MOST_AT_ONCE = 200, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """Why a picture may be enrolled, and where it came from, as said at the command line."""

    text: str
    source: str


class EnrolmentTerms:
    """Checks that faces may be enrolled, and writes down on what terms. It is not a door: those who enrol ask it."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._rows = TermRows(database)
        self._collections = CollectionRows(database)
        self._faces = FaceRows(database)
        self._consents = ConsentRows(database)
        self._profiles = ProfileRows(database)
        self._clock = clock

    def check(self, grant: Grant, basis: Basis | None = None) -> None:
        """Raises AccessDenied where the profile needs a basis, and there is none; InvalidParameter if it has control
        characters."""
        if basis is not None:
            check_words("the basis", basis.text)
            check_words("the source", basis.source)
        if not grant.rules.enrolment_basis or basis is not None or grant.mandate.authorisation is not None:
            return
        raise AccessDenied(
            f"{grant.act.operation} is refused: under the profile {grant.rules.name} every enrolled face needs a "
            "basis. AWS's clients give it as the authorisation they act under: the session name of sts:AssumeRole. At "
            "the command line, say --basis and --source, or --authorisation."
        )

    def check_import(self, grant: Grant, basis: Basis | None) -> None:
        """Raises AccessDenied where faces of a file may not be imported."""
        self.check(grant, basis)
        if grant.rules.consent:
            raise AccessDenied(
                f"{grant.act.operation} is refused: under the profile {grant.rules.name} each person has to agree in "
                "writing to be in a collection, and no file says that. Enrol their pictures."
            )

    def check_profile(self, grant: Grant) -> None:
        """Raises AccessDenied if a stricter profile was chosen since the grant was given, in whichever process. To be
        asked in the transaction that stores faces: all transactions come one after another, and so does the choice."""
        installed = self._profiles.installed()
        if installed is not None and installed.chosen and not covers(grant.base, chosen(installed.name)):
            raise AccessDenied(
                f"{grant.act.operation} is refused: the profile {installed.name} has been chosen for this installation "
                f"since this began under {grant.base.name}. Start it again."
            )

    @contextmanager
    def storing(self, grant: Grant) -> Iterator[None]:
        """A transaction in which faces are stored. Raises as `check_profile`, and nothing is stored."""
        with self._database.write():
            self.check_profile(grant)
            yield

    def consented(
        self, grant: Grant, collection: Collection | None, external_ids: Sequence[str | None]
    ) -> frozenset[str | None]:
        """Those of the external image ids whose faces may be enrolled: all, unless the profile needs a release."""
        if not grant.rules.consent:
            return frozenset(external_ids)
        if collection is None:
            return frozenset()
        authorisation = grant.mandate.authorisation
        purpose = None if authorisation is None else authorisation.purpose
        named = [each for each in external_ids if each is not None]
        return frozenset(self._consents.valid(collection.key, named, self._clock(), purpose))

    def check_consent(self, grant: Grant, collection: Collection, external_id: str | None) -> None:
        """Raises AccessDenied where the profile needs a written release, and there is none for this id."""
        if external_id in self.consented(grant, collection, [external_id]):
            return
        who = "a face without an ExternalImageId" if external_id is None else f"{external_id} in {collection.id}"
        raise AccessDenied(f"{grant.act.operation} is refused: there is no valid consent for {who}. {_RECORD_ONE}")

    def check_user(self, grant: Grant, collection: Collection, user_id: str, face_ids: Sequence[str]) -> None:
        """Raises AccessDenied where the profile needs a written release: of the user, or for each of the faces that are
        to be theirs."""
        if not grant.rules.consent:
            return
        names = [each.external_image_id for each in self._faces.get(collection.key, face_ids)]
        allowed = self.consented(grant, collection, [user_id, *names])
        if user_id in allowed or (names and allowed.issuperset(names)):
            return
        raise AccessDenied(
            f"{grant.act.operation} is refused: there is no valid consent for {user_id} in {collection.id}. "
            f"{_RECORD_ONE}"
        )

    def record(self, grant: Grant, collection: Collection, stored: Sequence[Face], basis: Basis | None = None) -> None:
        """Write the terms of faces that were just stored; in a transaction with them.

        Raises AccessDenied, so that they are not stored, if the collection would hold more than it may, or is the
        watch-list of another deployment.
        """
        self.check_profile(grant)
        rules = grant.rules
        if not keeps_terms(rules) or not stored:
            return
        authorisation, now = grant.mandate.authorisation, self._clock()
        self._check_size(grant, collection)
        if authorisation is not None and authorisation.kind is AuthorisationKind.DEPLOYMENT:
            self._bind(grant, collection, authorisation)
        ids = list(dict.fromkeys(each.face_id for each in stored))
        there = self._rows.of(collection.key, ids)
        since = {face_id: there[face_id].enrolled_at if face_id in there else now for face_id in ids}
        self._put(grant, collection, since, basis)

    def record_all(self, grant: Grant, collection: Collection, basis: Basis | None) -> None:
        """The same of all faces of a collection that have no terms yet."""
        if keeps_terms(grant.rules):
            self._check_size(grant, collection)
            while found := dict(self._rows.without(collection.key, _MOST_AT_ONCE)):
                self._put(grant, collection, found, basis)

    def _put(self, grant: Grant, collection: Collection, since: Mapping[str, datetime], basis: Basis | None) -> None:
        authorisation, now = grant.mandate.authorisation, self._clock()
        terms = [
            Term(
                face_id=face_id,
                authorisation_id=authorisation.id if authorisation else None,
                basis=basis.text if basis else authorisation.basis if authorisation else None,
                source=basis.source if basis else authorisation.case_reference if authorisation else None,
                enrolled_by=grant.person_id,
                enrolled_at=enrolled_at,
                last_used_at=now,
                expires_at=None,
            )
            for face_id, enrolled_at in since.items()
        ]
        self._rows.put(collection.key, [timed(grant.rules.retention, each) for each in terms])

    def check_reviewed(self, grant: Grant, collection: Collection) -> None:
        """Raises AccessDenied for a search in a watch-list that nobody has been through since it was last changed, and
        for one of live pictures in anything but a watch-list."""
        live = grant.rules.people and grant.act.medium == "live"
        if grant.rules.retention.watchlist_hours is None and not live:
            return
        watchlist = self._rows.watchlist(collection.key)
        if watchlist is None and live:
            raise AccessDenied(
                f"{grant.act.operation} is refused: live pictures are compared with the watch-list of a deployment, "
                f"which ends with it, and {collection.id} is none."
            )
        if watchlist is None:
            return
        changed_at = self._rows.last_enrolled(collection.key)
        if watchlist.reviewed_at is None or (changed_at is not None and changed_at > watchlist.reviewed_at):
            raise AccessDenied(
                f"{grant.act.operation} is refused: nobody has reviewed the watch-list {collection.id} since it was "
                f"last changed. The overseer does: `regard watchlists review {collection.id}`."
            )

    def used_users(self, grant: Grant, collection: Collection, user_keys: Sequence[int]) -> None:
        """The same of the faces of users who were matched, by the keys of their rows."""
        if grant.rules.retention.faces_unused_days is not None and user_keys:
            self.used(grant, collection, self._rows.faces_of_users(user_keys[:_MOST_NOTED]))

    def used(self, grant: Grant, collection: Collection, face_ids: Sequence[str]) -> None:
        """These faces were matched, which counts where the profile keeps faces for as long as they are used."""
        if grant.rules.retention.faces_unused_days is None or not face_ids:
            return
        now = self._clock()
        there = self._rows.of(collection.key, face_ids[:_MOST_NOTED]).values()
        old = [replace(each, last_used_at=now) for each in there if each.last_used_at < now - _NOTED_AGAIN]
        if old:
            self._rows.put(collection.key, [timed(grant.rules.retention, each) for each in old])

    def _check_size(self, grant: Grant, collection: Collection) -> None:
        most, watchlist = grant.rules.most_faces, self._rows.watchlist(collection.key)
        if watchlist is not None and watchlist.most_faces is not None:
            most = watchlist.most_faces if most is None else min(most, watchlist.most_faces)
        if most is not None and self._collections.face_count(collection.key) > most:
            raise AccessDenied(
                f"{grant.act.operation} is refused: the collection {collection.id} may hold {most:,} faces, and would "
                "hold more. Delete those that are not needed."
            )

    def _bind(self, grant: Grant, collection: Collection, deployment: Authorisation) -> None:
        """Make the collection the watch-list of a deployment, which goes when that is over."""
        hours = grant.rules.retention.watchlist_hours
        there = self._rows.watchlist(collection.key)
        if there is not None and there.authorisation_id != deployment.id:
            raise AccessDenied(
                f"{grant.act.operation} is refused: {collection.id} is the watch-list of the deployment "
                f"{there.authorisation_id}. Make a collection for this one."
            )
        if there is None and hours is not None:
            ends_at = deployment.ends_at + timedelta(hours=hours)
            self._rows.make_watchlist(collection.key, deployment.id, ends_at, grant.rules.most_faces)


_RECORD_ONE = "Record the written release first: `regard consents record`."


def keeps_terms(rules: Rules) -> bool:
    """Whether faces are enrolled on terms under these rules."""
    clocks = (rules.retention.faces_days, rules.retention.faces_unused_days, rules.retention.watchlist_hours)
    return rules.enrolment_basis or rules.consent or any(each is not None for each in clocks)


def timed(rules: RetentionRules, term: Term) -> Term:
    """The term with the moment it ends: so long after the enrolment, or after the last use, whichever comes first."""
    ends = [
        moment + timedelta(days=days)
        for moment, days in ((term.enrolled_at, rules.faces_days), (term.last_used_at, rules.faces_unused_days))
        if days is not None
    ]
    return replace(term, expires_at=min(ends, default=None))
