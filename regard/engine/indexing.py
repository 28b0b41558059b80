"""Enrolling the faces of pictures: analyse, keep the good ones, embed only those, store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regard.domain import Collection, Detail, Face, Faces
from regard.engine.analyzer import MOST_FACES, Analyzer
from regard.engine.gallery import Enrolment, Gallery
from regard.engine.pictures import Picture
from regard.engine.quality_filter import Selection, select


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A picture to index and the name its owner gives it."""

    picture: Picture
    external_image_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What became of one picture: `found` has every face; `enrolled` those stored, by row; `refused` why not."""

    found: Faces
    enrolled: dict[int, Face]
    refused: dict[int, list[str]]


class Indexer:
    """Puts the faces of pictures into collections."""

    def __init__(self, analyzer: Analyzer, gallery: Gallery) -> None:
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
        images = [each.picture.image for each in submissions]
        found = self._analyzer.faces(images, detail | Detail.QUALITY | Detail.POSE)
        selections = [select(faces, image, level, most) for faces, image in zip(found, images, strict=True)]
        chosen = [faces.take(selection.kept) for faces, selection in zip(found, selections, strict=True)]
        embedded = self._analyzer.embedded(images, chosen)
        enrolments = [
            Enrolment(image_id=each.picture.image_id, external_image_id=each.external_image_id, faces=faces)
            for each, faces in zip(submissions, embedded, strict=True)
        ]
        stored = self._gallery.enrol(collection, enrolments)
        return [_indexed(*each) for each in zip(found, selections, stored, strict=True)]


def _indexed(found: Faces, selection: Selection, stored: list[Face]) -> Indexed:
    rows: list[int] = np.asarray(selection.kept).tolist()
    return Indexed(found=found, enrolled=dict(zip(rows, stored, strict=True)), refused=selection.refused)
