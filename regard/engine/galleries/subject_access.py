"""Subject access: what is kept of the person in a picture, in every collection; and its erasure, verified."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from regard.accountability.erasing import Receipts
from regard.accountability.gate import Grant
from regard.accountability.profiles.catalogue import of_tags
from regard.domain.arrays import FloatArray
from regard.domain.authority import Action
from regard.domain.erasures import ErasureReceipt
from regard.domain.galleries import Collection, Match
from regard.domain.images import ObjectName
from regard.domain.subjects import SubjectConsent, SubjectFace, SubjectRecord
from regard.engine.analysis.probes import ProbeReader
from regard.engine.galleries.collection_models import embedding_for
from regard.engine.galleries.matching import Matcher
from regard.engine.galleries.subject_looks import SubjectLooks
from regard.errors import AccessDenied, InternalServerError, ResourceNotFound, ResourceNotReady
from regard.store.collection_rows import CollectionRows
from regard.store.consent_rows import ConsentRows
from regard.store.database import Database
from regard.store.embeddings import packed
from regard.store.face_rows import FaceRows
from regard.store.receipt_rows import ReceiptRows
from regard.store.subject_rows import SubjectRows
from regard.store.term_rows import TermRows

#: The most faces of one person that are looked for in a collection, as many as a search may ask for.
_MOST = 4096
_PAGE = 1000
#: The classes of receipts: of what was erased, and of what another person has still to confirm.
ERASED, REQUESTED, CONFIRMED = "subject", "subject-requested", "subject-confirmed"
_REASON = "the person asked for it"
#: A collection's name and a face's id.
PlacedFace = tuple[str, str]


class SubjectAccess:
    """Finds and erases what is kept of somebody, for whoever may: not a search, and no case is opened."""

    def __init__(
        self,
        database: Database,
        receipts: Receipts,
        matcher: Matcher,
        probes: ProbeReader,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._receipts = receipts
        self._matcher = matcher
        self._probes = probes
        self._clock = clock
        self._collections, self._faces = CollectionRows(database), FaceRows(database)
        self._terms, self._consents = TermRows(database), ConsentRows(database)
        self._rows, self._subjects = ReceiptRows(database), SubjectRows(database)
        self._looks = SubjectLooks(self._subjects, clock)

    def find(self, grant: Grant, picture: bytes | ObjectName, threshold: float) -> SubjectRecord:
        """What is kept of the largest face in a picture, at a similarity of `threshold` (0 to 100) and above. Raises
        InvalidParameter if there is no face, and what `ImageLoader.reading` raises."""
        grant.require_all(Action.READ)
        faces, unread, count = list[SubjectFace](), list[str](), 0
        with self._looks.counted(grant):
            for collection, matches in self._looked(grant, picture, threshold):
                count += 1
                if matches is None:
                    unread.append(collection.id)
                else:
                    faces += self._described(collection, matches)
        closed = self.closed(grant)
        ids = sorted({each.face_id for each in faces})
        grant.note(collections=count, faces=ids, **({"closed": closed} if closed else {}))
        searches = {*self._subjects.in_cases(ids), *self._subjects.in_the_ledger(ids)}
        return SubjectRecord(
            faces=faces,
            consents=self._agreed(faces),
            searches=sorted(searches, key=lambda each: each.searched_at),
            collections=count,
            unread=unread,
            closed=closed,
        )

    def closed(self, grant: Grant) -> list[str]:
        """The collections that are left out of all this, because their own profile closes them."""
        grant.require_all(grant.act.action)
        return [each.id for each in self._all() if _is_closed(grant, each)]

    def matches(self, grant: Grant, picture: bytes | ObjectName, threshold: float) -> list[SubjectFace]:
        """The faces alone, to be erased."""
        grant.require_all(Action.DELETE)
        with self._looks.counted(grant):
            looked = self._looked(grant, picture, threshold)
            return [each for collection, matches in looked for each in self._described(collection, matches or [])]

    def request(self, grant: Grant, faces: Sequence[PlacedFace]) -> ErasureReceipt:
        """Ask for these faces to be erased: another person has to confirm it."""
        grant.require_all(Action.DELETE)
        self._check_open(grant, faces)
        with self._database.write():
            facts = {"requested": [f"{name}/{face_id}" for name, face_id in faces]}
            return self._receipts.add(grant, REQUESTED, _REASON, facts, len(faces))

    def requested(self, grant: Grant, request_id: str) -> list[PlacedFace]:
        """What somebody else has asked to be erased. Raises ResourceNotFound, and AccessDenied if it was oneself."""
        grant.require_all(Action.DELETE)
        asked = self._rows.get(request_id)
        if asked is None or asked.kind != REQUESTED:
            raise ResourceNotFound(f"No request {request_id} waits to be confirmed.")
        if grant.rules.people and asked.erased_by == grant.person_id:
            raise AccessDenied(f"The request {request_id} is yours; it takes another person to confirm it.")
        pairs = (str(each).rsplit("/", 1) for each in asked.facts.get("requested", ()))
        return [(name, face_id) for name, face_id in pairs]

    def confirm(self, grant: Grant, request_id: str) -> list[str]:
        """Erase what somebody else has asked to be erased; which faces they were. Raises as `requested`."""
        faces = self.requested(grant, request_id)
        with self._database.write():
            if not self._rows.change(request_id, REQUESTED, CONFIRMED, grant.person_id, self._clock()):
                raise ResourceNotFound(f"The request {request_id} has just been confirmed.")
            return self._erase(grant, faces)

    def erase(self, grant: Grant, faces: Sequence[PlacedFace]) -> list[str]:
        """Erase these faces at once; which they were. Raises AccessDenied where the profile has two people decide."""
        grant.require_all(Action.DELETE)
        if grant.rules.review.agreements:
            raise AccessDenied(f"Under the profile {grant.rules.name} it takes two people to erase a person.")
        return self._erase(grant, faces)

    def verify(self, grant: Grant, picture: bytes | ObjectName, threshold: float, erased: Sequence[str]) -> None:
        """Search again, in every collection. Raises InternalServerError if an erased face is found."""
        grant.require_all(Action.DELETE)
        for collection, matches in self._looked(grant, picture, threshold):
            if left := {each.face.face_id for each in matches or ()} & set(erased):
                raise InternalServerError(f"{collection.id} still returns {', '.join(sorted(left))}.")

    def kept_in(self, grant: Grant, face_ids: Sequence[str]) -> list[str]:
        """The cases that were decided about these faces, which keep them to be disclosed when the faces are erased."""
        grant.require_all(Action.DELETE)
        return self._subjects.kept_in(face_ids)

    def kept_bytes(self, grant: Grant, faces: Sequence[PlacedFace]) -> list[bytes]:
        """What the vectors of these faces are in files, to look for once they are erased: as rows and as segments of an
        index keep them."""
        grant.require_all(Action.DELETE)
        found = {name: self._collections.find(name) for name, _ in faces}
        keys = {name: each.key for name, each in found.items() if each is not None}
        vectors = (self._faces.embedding(keys[name], face_id) for name, face_id in faces if name in keys)
        kept = [each for each in vectors if each is not None]
        return [each for vector in kept for each in (*packed(vector[None]), vector.tobytes())]

    def _erase(self, grant: Grant, faces: Sequence[PlacedFace]) -> list[str]:
        self._check_open(grant, faces)
        erased: list[str] = []
        with self._database.write():
            for name in sorted({name for name, _ in faces}):
                collection = self._collections.find(name)
                if collection is not None:
                    ids = [face_id for each, face_id in faces if each == name]
                    erased += self._receipts.faces(grant, ERASED, _REASON, collection, ids)
        return erased

    def _check_open(self, grant: Grant, faces: Sequence[PlacedFace]) -> None:
        """Raises AccessDenied if one of the faces is in a collection that is closed."""
        for name in sorted({name for name, _ in faces}):
            collection = self._collections.find(name)
            if collection is not None and _is_closed(grant, collection):
                raise AccessDenied(
                    f"{grant.act.operation} is refused: the collection {name} is closed, and nothing in it may be "
                    "changed. Leave its faces out to erase the others."
                )

    def _looked(
        self, grant: Grant, picture: bytes | ObjectName, threshold: float
    ) -> Iterator[tuple[Collection, list[Match] | None]]:
        """Every collection that is not closed with what is like the picture in it; None where its face model cannot be
        used."""
        probes: dict[str, FloatArray] = {}
        for collection in self._all():
            if _is_closed(grant, collection):
                continue
            try:
                yield collection, self._matches(grant, collection, picture, probes, threshold)
            except ResourceNotReady:
                yield collection, None

    def _all(self) -> Iterator[Collection]:
        after = 0
        while page := self._collections.page(after, _PAGE):
            yield from page
            after = page[-1].key

    def _matches(
        self,
        grant: Grant,
        collection: Collection,
        picture: bytes | ObjectName,
        probes: dict[str, FloatArray],
        threshold: float,
    ) -> list[Match]:
        if collection.face_model not in probes:
            reader = embedding_for(collection, self._probes.using)
            with reader.reading(picture) as (opened,):
                grant.note(pictures=[opened.image_id])
                probes[collection.face_model] = reader.of(opened.load().image).embeddings
        return self._matcher.faces(collection, probes[collection.face_model], most=_MOST, threshold=threshold)[0]

    def _described(self, collection: Collection, matches: Sequence[Match]) -> Iterator[SubjectFace]:
        terms = self._terms.of(collection.key, [each.face.face_id for each in matches])
        for each in matches:
            term = terms.get(each.face.face_id)
            yield SubjectFace(
                collection=collection.id,
                face_id=each.face.face_id,
                similarity=each.similarity,
                external_image_id=each.face.external_image_id,
                user_id=each.face.user_id,
                enrolled_at=each.face.created_at,
                basis=term.basis if term else None,
                source=term.source if term else None,
                expires_at=term.expires_at if term else None,
            )

    def _agreed(self, faces: Sequence[SubjectFace]) -> list[SubjectConsent]:
        now = self._clock()
        names = {
            (each.collection, name)
            for each in faces
            for name in (each.external_image_id, each.user_id)
            if name is not None
        }
        return [
            SubjectConsent(
                collection=collection,
                subject=name,
                purpose=each.purpose,
                given_at=each.given_at,
                valid=each.valid(now),
            )
            for collection, name in sorted(names)
            for each in self._consents.all(self._collections.get(collection).key, name)
        ]


def _is_closed(grant: Grant, collection: Collection) -> bool:
    """Whether its own profile closes it: where the installation's does, the gate has refused."""
    return of_tags(collection.tags, grant.base).closed
