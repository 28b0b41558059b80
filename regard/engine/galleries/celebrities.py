"""Recognising celebrities: the users of a collection that the operator has named. The door for RecognizeCelebrities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.faces import Faces
from regard.domain.galleries import USERS, Collection, UserMatch
from regard.domain.images import ObjectName
from regard.engine.analysis.mean_looks import MeanLook, mean_looks
from regard.engine.analysis.probes import Look, ProbeReader
from regard.engine.analysis.quality_filter import DESCRIBED, JUDGED, told
from regard.engine.galleries.celebrity_names import Celebrity, CelebrityNames, celebrity_id
from regard.engine.galleries.collection_models import embedding_for
from regard.engine.galleries.face_search import note_search
from regard.engine.galleries.matching import Matcher
from regard.engine.galleries.replacement import in_its_place
from regard.errors import AccessDenied, ResourceNotFound
from regard.store.collection_rows import CollectionRows
from regard.store.user_rows import UserRows

#: The most faces of a picture, the largest ones, that are looked up (Rekognition, RecognizeCelebrities).
MOST_FACES = 64
_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CelebrityGallery:
    """Who may be recognised: the collection's name, what is known of its users, the least similarity (0..100)."""

    collection: str
    names: CelebrityNames
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizedFaces:
    """A picture's faces, largest first; by row those recognised, with their similarity (0..100). The numbers to judge
    them by are as in `FaceSearchResult`."""

    faces: Faces
    celebrities: Mapping[int, tuple[Celebrity, float]]
    gallery_size: int
    expected_false: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizedLooks:
    """Who is seen in some looks, with their similarity (0..100), and the enrolled faces that they are known by."""

    celebrity: Celebrity
    similarity: float
    face_ids: Sequence[str]


class Celebrities:
    """Recognises the users of one collection. Nothing of a picture is kept."""

    def __init__(
        self,
        gallery: CelebrityGallery | None,
        *,
        collections: CollectionRows,
        users: UserRows,
        matcher: Matcher,
        probes: ProbeReader,
    ) -> None:
        """`gallery` is None if the operator has named no collection."""
        self._chosen = gallery
        self._collections = collections
        self._users = users
        self._matcher = matcher
        self._probes = probes

    def check(self) -> None:
        """Raises SettingsError if the operator's file of names is wrong."""
        if self._chosen is not None:
            self._chosen.names.check()

    def recognize(self, grant: Grant, picture: bytes | ObjectName) -> RecognizedFaces:
        """The faces of a picture, and which of them are celebrities'.

        Raises AccessDenied if the operator has named no collection, or one that does not exist; and where candidates
        are reviewed, as nobody may be named before. Raises ResourceNotReady if the file of names has become wrong.
        """
        gallery = self._gallery()
        grant.require(Action.SEARCH, gallery.collection)
        _check_told(grant, gallery)
        # The gate may have raised it to the profile's.
        threshold = max(gallery.threshold, grant.act.threshold or 0.0)

        def search(collection: Collection, size: int) -> RecognizedFaces:
            reader = embedding_for(collection, self._probes.using)
            with reader.reading(picture) as (opened,):
                grant.note(pictures=[opened.image_id])
                image = opened.load().image
                found = reader.found(image, JUDGED).take(slice(MOST_FACES))
                matches = self._matches(collection, reader.embedded(image, found).faces, threshold)
            self._note(grant, collection, size, threshold, len(found), matches)
            celebrities = {row: (gallery.names.of(match.user.id), match.similarity) for row, match in matches.items()}
            return RecognizedFaces(
                faces=told(found, DESCRIBED),
                celebrities=celebrities,
                gallery_size=size,
                expected_false=self._expected_false(collection, threshold, len(found), size),
            )

        return in_its_place(self._collections, gallery.collection, USERS, search, lambda each: not each.celebrities)

    def offered(self, grant: Grant) -> CelebrityGallery:
        """Who may be recognised by whoever asks. Raises as `recognize`."""
        gallery = self._gallery()
        grant.require(grant.act.action, gallery.collection)
        _check_told(grant, gallery)
        return gallery

    @property
    def known(self) -> bool:
        """Whether the operator has named a collection, and it is there."""
        return self._chosen is not None and self._collections.find(self._chosen.collection) is not None

    def recognize_looks(
        self, grant: Grant, people: Sequence[Sequence[Look]]
    ) -> list[tuple[MeanLook, RecognizedLooks | None]]:
        """Who those are whom one video shows in several looks each; None for those who are no celebrities. Of one
        person there are several if the looks are at several people. Raises as `recognize`."""
        gallery = self._gallery()
        grant.require(Action.SEARCH, gallery.collection)
        _check_told(grant, gallery)
        threshold = max(gallery.threshold, grant.act.threshold or 0.0)
        means: list[MeanLook] = []

        known: dict[int, Sequence[str]] = {}

        def search(collection: Collection, size: int) -> dict[int, UserMatch]:
            reader = embedding_for(collection, self._probes.using)
            means[:] = mean_looks(reader, people, self._matcher.least_of_looks(collection))
            matches: dict[int, UserMatch] = {}
            for row, mean in enumerate(means):
                found = self._matcher.users(collection, mean.embedding, mean.utility, most=1, threshold=threshold)
                matches |= {row: found[0]} if found else {}
            self._note(grant, collection, size, threshold, len(means), matches)
            known.update({row: self._users.face_ids(collection.key, each.user.id) for row, each in matches.items()})
            return matches

        matches = in_its_place(self._collections, gallery.collection, USERS, search, lambda found: not found)
        found = {
            row: RecognizedLooks(
                celebrity=gallery.names.of(match.user.id), similarity=match.similarity, face_ids=known[row]
            )
            for row, match in matches.items()
        }
        return [(mean, found.get(row)) for row, mean in enumerate(means)]

    def info(self, grant: Grant, wanted: str) -> Celebrity:
        """The celebrity of that id. Raises as `recognize`, and ResourceNotFound if there is none."""
        gallery = self._gallery()
        grant.require(Action.READ, gallery.collection)
        _check_told(grant, gallery)
        collection, after = self._collections.get(gallery.collection), 0
        while page := self._users.page(collection.key, after, _PAGE):
            for user in page:
                if celebrity_id(user.id) == wanted:
                    return gallery.names.of(user.id)
            after = page[-1].key
        raise ResourceNotFound(f"There is no celebrity {wanted!r} here.")

    def _gallery(self) -> CelebrityGallery:
        if self._chosen is None:
            raise AccessDenied(
                "No celebrities are known to this server. To recognise people of your own choice, make them users of a "
                "collection, and name it as `collection` in the section [celebrities] of regard.toml."
            )
        if self._collections.find(self._chosen.collection) is None:
            raise AccessDenied(
                f"No celebrities are known to this server: the collection {self._chosen.collection!r}, which the "
                "section [celebrities] of regard.toml names, does not exist. Create it, or name another."
            )
        self._chosen.names.ready()
        return self._chosen

    def _matches(self, collection: Collection, faces: Faces, threshold: float) -> dict[int, UserMatch]:
        """The likeliest user for each face that has one."""
        matches: dict[int, UserMatch] = {}
        for row in range(len(faces)):
            if faces.embeddings is None:
                raise ValueError("the faces are not embedded")
            utility = None if faces.utility is None else float(faces.utility[row])
            found = self._matcher.users(collection, faces.embeddings[row], utility, most=1, threshold=threshold)
            if found:
                matches[row] = found[0]
        return matches

    def _expected_false(self, collection: Collection, threshold: float, faces: int, size: int) -> float:
        return faces * self._matcher.expected_false(collection, threshold, size)

    def _note(
        self,
        grant: Grant,
        collection: Collection,
        size: int,
        threshold: float,
        faces: int,
        matches: Mapping[int, UserMatch],
    ) -> None:
        if grant.recorded:
            grant.note(searched=collection.id, threshold=threshold, found=faces)
            candidates: list[dict[str, str | float]] = [
                {"user": each.user.id, "similarity": each.similarity} for each in matches.values()
            ]
            expected_false = self._expected_false(collection, threshold, faces, size)
            note_search(grant, collection, size, expected_false, candidates)


def _check_told(grant: Grant, gallery: CelebrityGallery) -> None:
    if grant.reviewed:
        raise AccessDenied(
            f"{grant.act.operation} is refused: the profile {grant.rules.name} has candidates reviewed before anybody "
            f"is told who they are, and this would tell names at once. Search the collection {gallery.collection!r} "
            "with SearchUsersByImage instead, which opens a case."
        )
