"""The part of enrolling that needs no database: find the faces of pictures, select the good ones, embed only those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from regard.domain.faces import Detail, Faces, joined
from regard.domain.images import Image
from regard.engine.analysis.face_analyzer import MOST_FACES, FaceAnalyzer
from regard.engine.analysis.image_loader import LoadedImage
from regard.engine.analysis.quality_filter import JUDGED, Selection, select, told, utility_reasons
from regard.media.portraits import encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A picture to enrol and its external id."""

    picture: LoadedImage
    external_image_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoAnalysis:
    """What is stored and reported about a picture, without its pixels, so that it can be sent between processes.

    `found` has every face; `chosen` those that `selection` keeps, with their embeddings, and `portraits` their own part
    of the picture, as JPEG, where those are to be kept.
    """

    image_id: str
    external_image_id: str | None
    found: Faces
    selection: Selection
    chosen: Faces
    portraits: tuple[bytes, ...] = field(default=(), repr=False)


def analyze_photos(
    analyzer: FaceAnalyzer,
    submissions: Sequence[Submission],
    level: str = "AUTO",
    most: int = MOST_FACES,
    detail: Detail = Detail.NONE,
    *,
    portraits: bool = False,
) -> list[PhotoAnalysis]:
    """Find the faces of each picture, select by quality, embed those that may be kept and no others."""
    images = [each.picture.image for each in submissions]
    found = analyzer.faces(images, detail | JUDGED)
    choices = [_Choice(faces, image, level, most) for faces, image in zip(found, images, strict=True)]
    while True:
        embedded = analyzer.embedded(images, [choice.next() for choice in choices])
        if not [choice for choice, some in zip(choices, embedded, strict=True) if choice.take(some)]:
            break
    return [
        PhotoAnalysis(
            image_id=submission.picture.image_id,
            external_image_id=submission.external_image_id,
            found=told(found[row], detail),
            selection=choices[row].selection,
            chosen=told(choices[row].chosen, detail),
            portraits=_portraits(images[row], choices[row].chosen) if portraits else (),
        )
        for row, submission in enumerate(submissions)
    ]


def _portraits(image: Image, faces: Faces) -> tuple[bytes, ...]:
    return tuple(encoded(image, faces.box(row)) for row in range(len(faces)))


class _Choice:
    """Which faces of a picture are kept: the largest that pass, and where one of those turns out to be of too little
    utility once it is embedded, the next."""

    def __init__(self, faces: Faces, image: Image, level: str, most: int) -> None:
        self._faces = faces
        self._level = level
        self._most = most
        passed = select(faces, image, level, len(faces))
        self._refused = passed.refused
        self._waiting: list[int] = passed.kept.tolist()
        self._kept: list[int] = []
        self._embedded: list[Faces] = []

    def next(self) -> Faces:
        """Those that would be kept if all of them were of use, without what is embedded already."""
        self._rows = self._waiting[: self._most - len(self._kept)]
        return self._faces.take(np.array(self._rows, np.int64))

    def take(self, embedded: Faces) -> bool:
        """The same, embedded. Whether more are wanted."""
        why = utility_reasons(embedded, self._level)
        self._waiting = self._waiting[len(self._rows) :]
        self._refused |= {row: failed for row, failed in zip(self._rows, why, strict=True) if failed}
        good = [at for at, failed in enumerate(why) if not failed]
        self._kept += [self._rows[at] for at in good]
        self._embedded.append(embedded.take(np.array(good, np.int64)))
        return bool(self._waiting) and len(self._kept) < self._most

    @property
    def selection(self) -> Selection:
        beyond = {row: ["EXCEEDS_MAX_FACES"] for row in self._waiting}
        return Selection(kept=np.array(self._kept, np.int64), refused=self._refused | beyond)

    @property
    def chosen(self) -> Faces:
        return joined(self._embedded)
