"""Enrolling the faces of pictures: analyse, keep the good ones, embed only those; then store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regard.domain.faces import Detail, Faces
from regard.domain.galleries import Collection, Face
from regard.engine.analysis.face_analyzer import MOST_FACES, FaceAnalyzer
from regard.engine.analysis.image_loader import Picture
from regard.engine.analysis.quality_filter import Selection, select
from regard.engine.galleries.gallery import Enrolment, Gallery


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A picture to index and the name its owner gives it."""

    picture: Picture
    external_image_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoAnalysis:
    """All that is stored of a picture and told of it, without its pixels: it travels between processes.

    `found` has every face; `chosen` those that `selection` keeps, with their embeddings.
    """

    image_id: str
    external_image_id: str | None
    found: Faces
    selection: Selection
    chosen: Faces


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What became of one picture: `found` has every face; `enrolled` those stored, by row; `refused` why not."""

    found: Faces
    enrolled: dict[int, Face]
    refused: dict[int, list[str]]


class Indexer:
    """Puts the faces of pictures into collections."""

    def __init__(self, analyzer: FaceAnalyzer, gallery: Gallery) -> None:
        self._analyzer = analyzer
        self._gallery = gallery

    def index(
        self,
        collection: Collection,
        submissions: Sequence[Submission],
        *,
        level: str = "AUTO",
        most: int = MOST_FACES,
        detail: Detail = Detail.NONE,
    ) -> list[Indexed]:
        """Enrol the faces of every picture in one transaction; what is returned is stored for good."""
        return store(self._gallery, collection, analyze_photos(self._analyzer, submissions, level, most, detail))


def analyze_photos(
    analyzer: FaceAnalyzer,
    submissions: Sequence[Submission],
    level: str = "AUTO",
    most: int = MOST_FACES,
    detail: Detail = Detail.NONE,
) -> list[PhotoAnalysis]:
    """The part of indexing that needs no database: find the faces, select by quality, embed those that are kept."""
    images = [each.picture.image for each in submissions]
    found = analyzer.faces(images, detail | Detail.QUALITY | Detail.POSE)
    selections = [select(faces, image, level, most) for faces, image in zip(found, images, strict=True)]
    kept = [faces.take(selection.kept) for faces, selection in zip(found, selections, strict=True)]
    chosen = analyzer.embedded(images, kept)
    return [
        PhotoAnalysis(
            image_id=submission.picture.image_id,
            external_image_id=submission.external_image_id,
            found=found[row],
            selection=selections[row],
            chosen=chosen[row],
        )
        for row, submission in enumerate(submissions)
    ]


def store(gallery: Gallery, collection: Collection, examined: Sequence[PhotoAnalysis]) -> list[Indexed]:
    """The part that writes, in one transaction; what is returned is stored for good."""
    enrolments = [
        Enrolment(image_id=each.image_id, external_image_id=each.external_image_id, faces=each.chosen)
        for each in examined
    ]
    stored = gallery.enrol(collection, enrolments)
    return [_indexed(*each) for each in zip(examined, stored, strict=True)]


def _indexed(examined: PhotoAnalysis, stored: list[Face]) -> Indexed:
    rows: list[int] = np.asarray(examined.selection.kept).tolist()
    enrolled = dict(zip(rows, stored, strict=True))
    return Indexed(found=examined.found, enrolled=enrolled, refused=examined.selection.refused)
