"""From photo files to faces, without a database: read, decode, analyse. This is what a bulk enrolment worker does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from regard.domain.images import Image
from regard.engine.analysis.face_analyzer import MOST_FACES, FaceAnalyzer
from regard.engine.analysis.image_loader import LoadedImage, Needs, Picture, bytes_needed
from regard.engine.analysis.memory_budget import MemoryBudget, TooLargeForMemory
from regard.engine.analysis.photo_analysis import PhotoAnalysis, Submission, analyze_photos
from regard.engine.analysis.picture_files import open_file
from regard.errors import ImageTooLarge, InvalidParameter, RegardError
from regard.media.picture_conversion import DamagedPicture, NotReadHere

T = TypeVar("T")
R = TypeVar("R")

#: A batch of pictures is analysed together; its pixels take at most this much, or what there is memory for.
_BATCH_BYTES = 128 << 20
#: Width and height of the picture that the models are tried out on.
_TRIAL_PIXELS = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoFile:
    """A file to analyse and the external id of its faces; `content` if the file was read already."""

    path: str
    external_image_id: str | None = None
    content: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedPhoto:
    """A file's picture, its header read, and the external id of its faces."""

    picture: Picture
    external_image_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Why a file is not indexed: `reason` is one of a few categories, `detail` is about this file.

    `lasting` means that the fault is in the file itself: trying it again unchanged is pointless.
    """

    reason: str
    detail: str
    lasting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Which faces of a picture are kept: those that pass the quality filter's `level`, at most `most` of them."""

    level: str = "AUTO"
    most: int = MOST_FACES
    #: Whether each kept face's own part of its picture is kept with it.
    portraits: bool = False


Finding = PhotoAnalysis | Skipped


class PhotoAnalyzer:
    """Analyses files. List in, list out; thread-safe."""

    def __init__(self, analyzer: FaceAnalyzer, bounds: Bounds, memory: MemoryBudget | None = None) -> None:
        self._analyzer = analyzer
        self._bounds = bounds
        self._memory = memory or MemoryBudget.unlimited()

    def __call__(self, files: Sequence[PhotoFile | Skipped], /) -> list[Finding]:
        """One finding for each file, in order. A file that was skipped before is returned as it is."""
        return [
            finding
            for batch in batches((_opened(each, self._memory) for each in files), self._memory)
            for finding in map_kept(batch, self._analyze)
        ]

    def try_out(self) -> None:
        """Run the models once. Raises ModelUnavailable if they cannot run here."""
        black = Image(
            pixels=np.zeros((_TRIAL_PIXELS, _TRIAL_PIXELS, 3), np.uint8), width=_TRIAL_PIXELS, height=_TRIAL_PIXELS
        )
        self._analyze([Submission(picture=LoadedImage(image=black, image_id=""))])

    def _analyze(self, submissions: list[Submission]) -> list[PhotoAnalysis]:
        bounds = self._bounds
        return analyze_photos(self._analyzer, submissions, bounds.level, bounds.most, portraits=bounds.portraits)


def map_kept(items: Sequence[T | Skipped], function: Callable[[list[T]], Sequence[R]]) -> list[R | Skipped]:
    """Apply `function` to the items that are not skipped; each result takes its item's place."""
    results = iter(function([each for each in items if not isinstance(each, Skipped)]))
    return [each if isinstance(each, Skipped) else next(results) for each in items]


def with_content(file: PhotoFile | Skipped) -> PhotoFile | Skipped:
    """The file with its content, for a worker that cannot read it by its path."""
    if isinstance(file, Skipped) or file.content is not None:
        return file
    try:
        return replace(file, content=Path(file.path).read_bytes())
    except OSError as error:
        return unreadable(error)


def unreadable(error: OSError) -> Skipped:
    return Skipped(reason="cannot be read", detail=f"{error.strerror or error}.")


def ended_its_worker(file: PhotoFile | Skipped, why: str) -> Skipped:
    """A file whose worker ended twice, the second time with this file alone. The next run tries the file again, since
    something else, such as a lack of memory, may have ended the worker."""
    if isinstance(file, Skipped):
        return file
    return Skipped(reason="cannot be analysed", detail=f"It ended the worker that tried it alone. {why}")


def batches(opened: Iterable[OpenedPhoto | Skipped], memory: MemoryBudget) -> Iterator[list[Submission | Skipped]]:
    """Consecutive pictures, decoded, that fit in `memory` together; the next batch is not decoded before this one is
    done."""
    batch: list[Submission | Skipped] = []
    together = _Together(memory)
    try:
        for each in opened:
            if isinstance(each, OpenedPhoto) and not together.add(each.picture.needs):
                yield batch
                batch = []
                together.clear()
                together.add(each.picture.needs)
            batch.append(_decoded(each) if isinstance(each, OpenedPhoto) else each)
        if batch:
            yield batch
    finally:
        together.clear()


class _Together:
    """The memory of a batch. It waits for memory, as long as it takes, only while it holds none."""

    def __init__(self, memory: MemoryBudget) -> None:
        self._memory = memory
        self._needs: list[Needs] = []
        self._taken = 0

    def add(self, needs: Needs) -> bool:
        """Whether there is memory for one more."""
        together = [*self._needs, needs]
        size = bytes_needed(together)
        if not self._needs:
            self._memory.take(size, patience=math.inf)
        elif sum(each.held for each in together) > _BATCH_BYTES or not self._memory.try_take(size - self._taken):
            return False
        self._needs, self._taken = together, size
        return True

    def clear(self) -> None:
        self._memory.release(self._taken)
        self._needs, self._taken = [], 0


def _opened(file: PhotoFile | Skipped, memory: MemoryBudget) -> OpenedPhoto | Skipped:
    """Read one file, and its picture's header."""
    read = with_content(file)
    if isinstance(read, Skipped):
        return read
    try:
        picture = open_file(read.content or b"")
        memory.check(bytes_needed([picture.needs]))
    except NotReadHere as error:  # the next run may find its decoder installed
        return Skipped(reason=f"{error.format} is not read here", detail=error.message)
    except RegardError as error:
        return Skipped(reason=_reason(error), detail=error.message, lasting=not isinstance(error, TooLargeForMemory))
    return OpenedPhoto(picture=picture, external_image_id=read.external_image_id)


def _decoded(photo: OpenedPhoto) -> Submission | Skipped:
    try:
        return Submission(picture=photo.picture.load(), external_image_id=photo.external_image_id)
    except RegardError as error:
        return Skipped(reason=_reason(error), detail=error.message, lasting=True)


def _reason(error: RegardError) -> str:
    if isinstance(error, ImageTooLarge):
        return "too large"
    if isinstance(error, DamagedPicture):
        return "not a whole picture"
    return "too small" if isinstance(error, InvalidParameter) else "not a whole JPEG or PNG"
