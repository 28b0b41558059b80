"""Users: people of a collection, each found by one vector made of their faces. SQL first, then the index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from regard.accountability.cases import Cases
from regard.accountability.enrolment_terms import EnrolmentTerms
from regard.accountability.gate import Grant
from regard.domain.arrays import FloatArray
from regard.domain.authority import Action
from regard.domain.galleries import Collection, User, UserStatus
from regard.domain.user_acts import UserActKind
from regard.engine.galleries.matching import Matcher, reaches
from regard.engine.galleries.user_record import UserRecord, deletes_for_good, moves
from regard.errors import ServiceQuotaExceeded
from regard.store.collection_rows import CollectionRows
from regard.store.user_rows import Candidate, UserChange, UserRows
from regard.vision.faces.calibration import pair_utilities

#: The most faces of one user (Rekognition, AssociateFaces).
MOST_USER_FACES = 100
#: Why a face is not given to a user whom it is not like.
UNLIKE = "LOW_MATCH_CONFIDENCE"
#: Why one is not given to a user whose somebody said that it is not. AWS's clients read it as UNLIKE.
SEPARATED = "SAID_NOT_TO_BE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A face that was not moved, and Rekognition's reason; with the user it belongs to, or its similarity (0..100)
    unless the profile hides that."""

    face_id: str
    reason: str
    user_id: str | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChangeResult:
    """The ids of the faces that were moved, in the order requested, those refused, and the user's new status; the act
    by which it is undone, None if nothing was moved."""

    moved: list[str]
    refused: list[Refusal]
    status: UserStatus
    act: int | None = None


class Users:
    """The users of every collection: create, list, associate, disassociate, delete."""

    def __init__(
        self,
        *,
        collections: CollectionRows,
        users: UserRows,
        matcher: Matcher,
        terms: EnrolmentTerms,
        cases: Cases,
        record: UserRecord,
    ) -> None:
        self._collections = collections
        self._users = users
        self._matcher = matcher
        self._terms = terms
        self._cases = cases
        self._record = record

    def create(self, grant: Grant, collection_id: str, user_id: str) -> User:
        """A new user, without faces. Raises Conflict if the id is taken, ResourceNotFound if there is no collection."""
        grant.require(Action.ENROL, collection_id)
        grant.note(user=user_id)
        collection = self._collections.get(collection_id)
        return self._users.create(collection.key, user_id, self._record.now())

    def get(self, grant: Grant, collection: Collection, user_id: str) -> User:
        """Raises ResourceNotFound, and AccessDenied first to whom may not list users: that there is one is told too."""
        grant.require(Action.READ, collection.id)
        self._cases.require_listing(grant)
        return self._users.get(collection.key, user_id)

    def page(self, grant: Grant, collection: Collection, after: int, limit: int) -> list[User]:
        """Up to `limit` users with a key above `after`, oldest first. Raises AccessDenied to a searcher where
        candidates are reviewed."""
        grant.require(Action.READ, collection.id)
        self._cases.require_listing(grant)
        return self._users.page(collection.key, after, limit)

    def delete(self, grant: Grant, collection_id: str, user_id: str, *, seen: str | None = None) -> None:
        """Delete the user; their faces stay. Raises ResourceNotFound, and Conflict unless the user is at the version
        `seen`."""
        grant.require(Action.DELETE, collection_id)
        collection = self._collections.get(collection_id)
        grant.note(user=user_id)
        with self._users.changing(collection.key, user_id, seen) as change:
            theirs = moves((key for key, _ in change.faces()), user_id, None)
            change.remove()
            if deletes_for_good(grant.rules):
                self._record.forget(collection, user_id)
            else:
                self._record.keep(grant, collection, UserActKind.DELETE, user_id, theirs)
        self._matcher.follow(collection)

    def associate(
        self,
        grant: Grant,
        collection_id: str,
        user_id: str,
        face_ids: Sequence[str],
        *,
        threshold: float,
        seen: str | None = None,
    ) -> UserChangeResult:
        """Give the user those of the faces that belong to nobody and whose similarity reaches `threshold` (0 to 100).

        They are compared with the user's vector; for a user without faces, with the one most like the others. A face
        that is the user's already is ignored. Raises ServiceQuotaExceeded, and changes nothing, if the user would have
        more than MOST_USER_FACES.
        """
        grant.require(Action.ENROL, collection_id)
        collection = self._collections.get(collection_id)
        self._matcher.check_model(collection)
        self._terms.check_user(grant, collection, user_id, face_ids)
        with self._users.changing(collection.key, user_id, seen) as change:
            free, refused = _sorted_out(change, user_id, face_ids, wanted=None)
            if apart := self._record.apart([each.key for each in free], user_id):
                refused += [Refusal(face_id=each.face_id, reason=SEPARATED) for each in free if each.key in apart]
                free = [each for each in free if each.key not in apart]
            held, act = change.embeddings(), None
            if free:
                free, unlike = self._alike(collection, free, held, change.utility(), threshold)
                hidden = grant.rules.review.hide_scores
                refused += [replace(each, similarity=None) for each in unlike] if hidden else unlike
            if free:
                _take_in(change, user_id, free, held)
                given = moves((each.key for each in free), None, user_id)
                act = self._record.keep(grant, collection, UserActKind.GIVE, user_id, given)
            grant.note(user=user_id, faces=[each.face_id for each in free])
        self._matcher.follow(collection)
        status = UserStatus.CREATED if held is None and not free else UserStatus.ACTIVE
        return UserChangeResult(moved=[each.face_id for each in free], refused=refused, status=status, act=act)

    def disassociate(
        self, grant: Grant, collection_id: str, user_id: str, face_ids: Sequence[str], *, seen: str | None = None
    ) -> UserChangeResult:
        """Take these faces from the user; a face that belongs to nobody is ignored. Raises Conflict unless they are at
        the version `seen`."""
        grant.require(Action.ENROL, collection_id)
        collection = self._collections.get(collection_id)
        with self._users.changing(collection.key, user_id, seen) as change:
            (mine, refused), act = _sorted_out(change, user_id, face_ids, wanted=user_id), None
            if mine:
                keys = [each.key for each in mine]
                take_away(change, keys)
                act = self._record.keep(grant, collection, UserActKind.TAKE, user_id, moves(keys, user_id, None))
            left = change.embeddings()
            grant.note(user=user_id, faces=[each.face_id for each in mine])
        self._matcher.follow(collection)
        status = UserStatus.CREATED if left is None else UserStatus.ACTIVE
        return UserChangeResult(moved=[each.face_id for each in mine], refused=refused, status=status, act=act)

    def _alike(
        self,
        collection: Collection,
        free: list[Candidate],
        held: FloatArray | None,
        utility: float | None,
        threshold: float,
    ) -> tuple[list[Candidate], list[Refusal]]:
        rows = np.stack([each.embedding for each in free])
        utilities = np.array([np.nan if each.utility is None else each.utility for each in free], np.float32)
        if held is None:
            centre = most_central(rows)
            person, utility = rows[centre], float(utilities[centre])
        else:
            person = vector(held)
        similarities = self._matcher.similarities(collection, person, rows, pair_utilities(utility, utilities))
        alike, unlike = [], []
        for each, similarity in zip(free, similarities.tolist(), strict=True):
            if reaches(similarity, threshold):
                alike.append(each)
            else:
                unlike.append(Refusal(face_id=each.face_id, reason=UNLIKE, similarity=similarity))
        return alike, unlike


def vector(embeddings: FloatArray) -> FloatArray:
    """The one vector of a person with these N×D unit embeddings: their mean, D long, made a unit vector."""
    mean = embeddings.mean(axis=0, dtype=np.float64)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), np.finfo(np.float32).tiny), np.float32)


def most_central(embeddings: FloatArray) -> int:
    """The row of N×D unit embeddings with the highest sum of cosines to all of them; in a tie, the first."""
    return int(np.argmax(np.round(embeddings @ embeddings.sum(axis=0), 5)))


def take_away(change: UserChange, face_keys: Sequence[int]) -> None:
    """Take these faces from the user, who is found by what is left."""
    change.leave(face_keys)
    left = change.embeddings()
    change.set_vector(None if left is None else vector(left))


def put_together(change: UserChange, user_id: str) -> None:
    """The user is found by all faces that they have now. Raises ServiceQuotaExceeded for more than MOST_USER_FACES."""
    count = len(change.faces())
    if count > MOST_USER_FACES:
        raise ServiceQuotaExceeded(
            f"{user_id} would have {count} faces; the maximum is {MOST_USER_FACES}. Nothing was changed: take some of "
            "the faces away first."
        )
    everything = change.embeddings()
    change.set_vector(None if everything is None else vector(everything))


def _sorted_out(
    change: UserChange, user_id: str, face_ids: Iterable[str], *, wanted: str | None
) -> tuple[list[Candidate], list[Refusal]]:
    """The faces that belong to `wanted` (None: to nobody), each once, in order; refusals of unknown faces and of other
    users' faces. The rest need no change and are in neither list."""
    asked = list(dict.fromkeys(face_ids))
    found = change.candidates(asked)
    refused = [Refusal(face_id=each, reason="FACE_NOT_FOUND") for each in asked if each not in found]
    known = [found[each] for each in asked if each in found]
    refused += [
        Refusal(face_id=each.face_id, reason="ASSOCIATED_TO_A_DIFFERENT_USER", user_id=each.user_id)
        for each in known
        if each.user_id not in (None, user_id)
    ]
    return [each for each in known if each.user_id == wanted], refused


def _take_in(change: UserChange, user_id: str, new: Sequence[Candidate], held: FloatArray | None) -> None:
    rows = np.stack([each.embedding for each in new])
    everything = rows if held is None else np.concatenate([held, rows])
    if len(everything) > MOST_USER_FACES:
        raise ServiceQuotaExceeded(
            f"The user {user_id} would have {len(everything)} faces; the maximum is {MOST_USER_FACES}. "
            "Nothing was associated."
        )
    change.join([each.key for each in new])
    change.set_vector(vector(everything))
