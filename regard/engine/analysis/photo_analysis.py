"""The part of enrolling that needs no database: find the faces of pictures, select the good ones, embed only those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from regard.domain.faces import Detail, Faces
from regard.engine.analysis.face_analyzer import MOST_FACES, FaceAnalyzer
from regard.engine.analysis.image_loader import LoadedImage
from regard.engine.analysis.quality_filter import Selection, select


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A picture to enrol and its external id."""

    picture: LoadedImage
    external_image_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoAnalysis:
    """What is stored and reported about a picture, without its pixels, so that it can be sent between processes.

    `found` has every face; `chosen` those that `selection` keeps, with their embeddings.
    """

    image_id: str
    external_image_id: str | None
    found: Faces
    selection: Selection
    chosen: Faces


def analyze_photos(
    analyzer: FaceAnalyzer,
    submissions: Sequence[Submission],
    level: str = "AUTO",
    most: int = MOST_FACES,
    detail: Detail = Detail.NONE,
) -> list[PhotoAnalysis]:
    """Find the faces of each picture, select by quality, embed those that are kept and no others."""
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
