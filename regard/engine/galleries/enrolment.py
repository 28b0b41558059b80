"""Enrolling the faces of pictures in a collection: analyse, select the good ones, embed only those, then store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from regard.accountability.enrolment_terms import Basis, EnrolmentTerms
from regard.accountability.gate import Grant
from regard.accountability.sealed_pictures import SealedPictures, keeps_pictures
from regard.domain.arrays import FloatArray
from regard.domain.authority import Action
from regard.domain.faces import Detail, Faces
from regard.domain.galleries import FACES, Collection, Face
from regard.domain.images import ObjectName
from regard.engine.analysis.face_analyzer import MOST_FACES, FaceAnalyzer
from regard.engine.analysis.image_loader import ImageLoader, uuid_of
from regard.engine.analysis.photo_analysis import PhotoAnalysis, Submission, analyze_photos
from regard.engine.galleries.collection_models import embedding_for
from regard.engine.galleries.matching import Matcher
from regard.engine.galleries.replacement import in_its_place
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows, NewFace
from regard.store.upload_rows import UploadRows


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentOptions:
    """The quality filter's level, the most faces to enrol per picture, the picture's external id, and its file."""

    level: str = "AUTO"
    most: int = MOST_FACES
    external_image_id: str | None = None
    #: SHA-256 of the file that the picture was made of, in hexadecimal: it is enrolled once.
    upload: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledFaces:
    """The result for one picture. `found` has every face; by its rows, `enrolled` has the faces stored and `refused`
    the reasons for the others."""

    face_model: str
    found: Faces
    enrolled: dict[int, Face]
    refused: dict[int, list[str]]


class Enroller:
    """Stores what was found in pictures. It is not a door: `Enrolment` and `FolderIndexing` check the grant."""

    def __init__(
        self,
        *,
        collections: CollectionRows,
        faces: FaceRows,
        matcher: Matcher,
        pictures: SealedPictures,
        terms: EnrolmentTerms,
        clock: Callable[[], datetime],
    ) -> None:
        self._collections = collections
        self._faces = faces
        self._matcher = matcher
        self._pictures = pictures
        self.terms = terms
        self._clock = clock

    def now(self) -> datetime:
        return self._clock()

    def create(self, collection_id: str) -> Collection:
        """A new collection, of the default face model. Raises ResourceAlreadyExists."""
        return self._collections.create(collection_id, self._matcher.models.default.version, {}, self._clock())

    def store(
        self,
        collection: Collection,
        analyses: Sequence[PhotoAnalysis],
        grant: Grant | None = None,
        basis: Basis | None = None,
    ) -> list[EnrolledFaces]:
        """Store the faces chosen from each picture, in one transaction; what is returned is on disk. The ledger's entry
        of `grant` says which they are, and their terms on what basis.

        A face that is stored already is returned as it is. Their embeddings are of the collection's model. Raises
        ResourceNotReady if that is not known here.
        """
        self._matcher.check_model(collection)
        others = [version for version in self._matcher.models.versions if version != collection.face_model]
        new = [_new_face(collection, each, row, others) for each in analyses for row in range(len(each.chosen))]
        stored: list[Face] = []
        if new:
            vectors = np.concatenate([_embeddings(each.chosen) for each in analyses if len(each.chosen)])
            with self._faces.together():
                stored = self._faces.add(collection.key, new, vectors, collection.face_model, self._clock())
                portraits = [portrait for each in analyses for portrait in each.portraits]
                if portraits:
                    self._pictures.keep(
                        collection.key, {face.face_id: each for face, each in zip(stored, portraits, strict=True)}
                    )
                if grant is not None:
                    self.terms.record(grant, collection, stored, basis)
                    grant.note(faces=[each.face_id for each in stored], face_model=collection.face_model)
            self._matcher.follow(collection)
        ends = np.cumsum([len(each.chosen) for each in analyses])
        parts = [stored[end - len(each.chosen) : end] for each, end in zip(analyses, ends, strict=True)]
        return [_enrolled(collection, *each) for each in zip(analyses, parts, strict=True)]


class Enrolment:
    """Puts the faces of a picture into a collection."""

    def __init__(
        self,
        *,
        collections: CollectionRows,
        uploads: UploadRows,
        loader: ImageLoader,
        analyzer: FaceAnalyzer,
        enroller: Enroller,
    ) -> None:
        self._collections = collections
        self._uploads = uploads
        self._loader = loader
        self._analyzer = analyzer
        self._enroller = enroller

    def index(
        self,
        grant: Grant,
        collection_id: str,
        picture: bytes | ObjectName,
        options: EnrolmentOptions,
        detail: Detail = Detail.NONE,
    ) -> EnrolledFaces:
        """Enrol the faces of a picture; what is returned is on disk. Every face found has the columns `detail` names.

        Raises ResourceNotFound, ResourceNotReady, and what `ImageLoader.reading` raises.
        """
        grant.require(Action.ENROL, collection_id)
        self._enroller.terms.check(grant)

        def enrol(collection: Collection, _: int) -> EnrolledFaces:
            self._enroller.terms.check_consent(grant, collection, options.external_image_id)
            analyzer = embedding_for(collection, self._analyzer.using)
            with self._loader.reading(picture) as (opened,):
                grant.note(pictures=[opened.image_id])
                submission = Submission(picture=opened.load(), external_image_id=options.external_image_id)
                analyses = analyze_photos(
                    analyzer,
                    [submission],
                    options.level,
                    options.most,
                    detail,
                    portraits=keeps_pictures(grant, collection),
                )
                del submission  # its pixels are not needed to store what was found
            made = self._enroller.store(collection, analyses, grant)[0]
            if options.upload is not None:
                faces = [each.key for each in made.enrolled.values()]
                self._uploads.add(collection.key, options.upload, faces, self._enroller.now())
            return made

        return in_its_place(self._collections, collection_id, FACES, enrol)


def _enrolled(collection: Collection, analysis: PhotoAnalysis, stored: list[Face]) -> EnrolledFaces:
    rows: list[int] = np.asarray(analysis.selection.kept).tolist()
    enrolled = dict(zip(rows, stored, strict=True))
    return EnrolledFaces(
        face_model=collection.face_model,
        found=analysis.found,
        enrolled=enrolled,
        refused=analysis.selection.refused,
    )


def _new_face(collection: Collection, analysis: PhotoAnalysis, row: int, other_models: Sequence[str]) -> NewFace:
    """A face to store. The same face of the same picture, with the same external id, has the same id everywhere; in a
    collection that was remade, the one it had by another model."""
    box = analysis.chosen.box(row)
    place = f"{box.left:.4f} {box.top:.4f} {box.width:.4f} {box.height:.4f}"

    def by_model(version: str) -> str:
        name = "\n".join([analysis.image_id, version, analysis.external_image_id or "", place])
        return uuid_of(b"face", name.encode())

    return NewFace(
        face_id=by_model(collection.face_model),
        image_id=analysis.image_id,
        external_image_id=analysis.external_image_id,
        box=box,
        confidence=analysis.chosen.confidence(row),
        earlier_ids=tuple(map(by_model, other_models)),
        utility=None if analysis.chosen.utility is None else float(analysis.chosen.utility[row]),
    )


def _embeddings(faces: Faces) -> FloatArray:
    if faces.embeddings is None:
        raise ValueError("faces to enrol must have embeddings")
    return faces.embeddings
