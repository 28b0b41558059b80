"""Files to faces, without a database: read, decode, analyze_photos. This is what a worker does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from regard.domain.images import Image
from regard.engine.analysis.face_analyzer import MOST_FACES, FaceAnalyzer
from regard.engine.analysis.image_loader import Picture, picture
from regard.engine.galleries.enrolment import PhotoAnalysis, Submission, analyze_photos
from regard.errors import ImageTooLarge, InvalidParameter, RegardError

T = TypeVar("T")
R = TypeVar("R")

#: ImageLoader are examined together until they have this many pixels, 100 MB.
_TOGETHER = 1 << 25
#: The side of a picture for trying the models.
_TRIAL = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Why a file was not indexed: `reason` is one of few, `detail` is about this file.

    `lasting` says that the file itself is at fault, so that trying it again unchanged is idle.
    """

    reason: str
    detail: str
    lasting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file to analyze_photos and the name its faces get; `content` where it was read already."""

    path: str
    external_image_id: str | None = None
    content: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Which faces of a picture are kept: the quality level, and the most."""

    level: str = "AUTO"
    most: int = MOST_FACES


Finding = PhotoAnalysis | Skipped


class PhotoAnalyzer:
    """Examines files. List in, list out; safe from many threads."""

    def __init__(self, analyzer: FaceAnalyzer, face_model: str, bounds: Bounds) -> None:
        self._analyzer = analyzer
        self._bounds = bounds
        #: What makes the embeddings.
        self.face_model = face_model

    def __call__(self, files: Sequence[File]) -> list[Finding]:
        """One finding for each file, in their order."""
        return [finding for group in groups(map(_loaded, files)) for finding in map_kept(group, self._examined)]

    def try_out(self) -> None:
        """Run the models once. Raises ModelUnavailable where they do not."""
        black = Image(pixels=np.zeros((_TRIAL, _TRIAL, 3), np.uint8), width=_TRIAL, height=_TRIAL)
        self._examined([Submission(picture=Picture(image=black, image_id=""))])

    def _examined(self, submissions: list[Submission]) -> list[PhotoAnalysis]:
        return analyze_photos(self._analyzer, submissions, self._bounds.level, self._bounds.most)


def map_kept(items: Sequence[T | Skipped], ask: Callable[[list[T]], Sequence[R]]) -> list[R | Skipped]:
    """What `ask` answers about those that are not skipped, each in its place among those that are."""
    answers = iter(ask([each for each in items if not isinstance(each, Skipped)]))
    return [each if isinstance(each, Skipped) else next(answers) for each in items]


def with_content(file: File) -> File | Skipped:
    """The file with its content, for who cannot read it."""
    try:
        return file if file.content is not None else replace(file, content=Path(file.path).read_bytes())
    except OSError as error:
        return unreadable(error)


def unreadable(error: OSError) -> Skipped:
    return Skipped(reason="cannot be read", detail=f"{error.strerror or error}.")


def _loaded(file: File) -> Submission | Skipped:
    """Read and decode one file."""
    read = with_content(file)
    if isinstance(read, Skipped):
        return read
    try:
        return Submission(picture=picture(read.content or b""), external_image_id=file.external_image_id)
    except RegardError as error:
        return Skipped(reason=_fault(error), detail=error.message, lasting=True)


def _fault(error: RegardError) -> str:
    if isinstance(error, ImageTooLarge):
        return "too large"
    return "too small" if isinstance(error, InvalidParameter) else "not a whole JPEG or PNG"


def groups(loaded: Iterable[Submission | Skipped]) -> Iterator[list[Submission | Skipped]]:
    """Consecutive ones that fit into memory together; the next group is not loaded before the last is done with."""
    group: list[Submission | Skipped] = []
    pixels = 0
    for each in loaded:
        group.append(each)
        pixels += _pixels(each)
        if pixels >= _TOGETHER:
            yield group
            group, pixels = [], 0
    if group:
        yield group


def _pixels(loaded: Submission | Skipped) -> int:
    return 0 if isinstance(loaded, Skipped) else loaded.picture.image.pixels.size // 3
