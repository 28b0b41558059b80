"""Measures a face model's error rates on pictures of known people, and keeps nothing of them but the rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import uuid4

import numpy as np

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.evaluations import Evaluation
from regard.domain.faces import QualityLevel
from regard.domain.galleries import Collection
from regard.domain.reporting import Progress
from regard.engine.analysis.photo_analysis import PhotoAnalysis
from regard.engine.analysis.photo_batches import Bounds, Finding, PhotoAnalyzer, PhotoFile, Skipped
from regard.engine.galleries.collection_models import model_of
from regard.engine.galleries.error_rates import Sample, measure
from regard.errors import InvalidParameter, ResourceNotFound
from regard.store.collection_rows import CollectionRows
from regard.store.evaluation_rows import EvaluationRows
from regard.vision.faces.face_model import FaceModel, KnownModels

#: With fewer people, an evaluation would be a comparison by another name, and say nothing about error rates.
LEAST_PEOPLE = 10
#: Of each picture the largest face that can be used.
FIRST = Bounds(level=QualityLevel.NONE.value, most=1)
#: Thresholds that clients use, beside those of the profile and the collection.
_USUAL_THRESHOLDS = (80.0, 90.0, 99.0)
_BATCH_PICTURES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPicture:
    """A picture's file, whose it is, and what else the operator says of it, by the name of the column; `content` if it
    was read already."""

    path: str
    person: str
    labels: Mapping[str, str]
    content: bytes | None = field(default=None, repr=False)


class Analysing(Protocol):
    """What analyses pictures batch by batch, such as a pool of workers."""

    def run(self, batches: Iterable[Sequence[PhotoFile | Skipped]], /) -> Iterator[Sequence[Finding]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be measured: for which collection (None: the default face model), in a gallery of how many faces
    (None: as many as the collection has), at which further thresholds."""

    name: str
    collection: Collection | None
    gallery_size: int | None = None
    thresholds: Sequence[float] = ()


class PictureEvaluation:
    """Measures, lists and shows evaluations."""

    def __init__(
        self,
        *,
        evaluations: EvaluationRows,
        collections: CollectionRows,
        models: KnownModels,
        clock: Callable[[], datetime],
        analyzing: Callable[[str], PhotoAnalyzer] | None = None,
    ) -> None:
        """`analyzing` gives what embeds with the face model of a version in the caller's own turn."""
        self._evaluations = evaluations
        self._collections = collections
        self._models = models
        self._clock = clock
        self._analyzing = analyzing

    def collection(self, grant: Grant, collection_id: str) -> Collection:
        """The collection to measure for. Raises ResourceNotFound."""
        grant.require(Action.EVALUATE, collection_id)
        return self._collections.get(collection_id)

    def measure(
        self,
        grant: Grant,
        question: Question,
        pictures: Sequence[LabelledPicture],
        pool: Analysing,
        progress: Progress,
    ) -> Evaluation:
        """Measure on these pictures, whose workers embed with the model in question, and keep the rates.

        Raises InvalidParameter where they show too few people.
        """
        target = question.collection
        grant.require(Action.EVALUATE, None if target is None else target.id)
        check_people(pictures)
        model = self._models.default if target is None else model_of(self._models, target)
        read = _Read()
        for picture, finding in _findings(pictures, pool, progress):
            read.add(picture, finding)
        check_people(read.pictures, "Of the pictures with a usable face: ")
        progress("Counting errors", 0, None)
        rates = measure(
            read.sample(),
            read.labels(),
            calibration=model.calibration,
            thresholds=[*_USUAL_THRESHOLDS, *question.thresholds, *_of_profile(grant)],
            gallery_size=question.gallery_size or self._size(target),
            least_people=max(2, grant.rules.suppress_below),
        )
        made = Evaluation(
            id=f"evaluation-{uuid4().hex[:16]}",
            name=question.name,
            face_model=model.version,
            collection=None if target is None else target.id,
            measured_by=grant.person_id,
            measured_at=self._clock(),
            without_face=read.without_face,
            unread=dict(read.unread),
            rates=rates,
        )
        with self._evaluations.together():
            grant.note(evaluation=made.id, face_model=model.version, count=len(read.pictures))
            self._evaluations.add(made)
        return made

    def measure_here(self, grant: Grant, question: Question, pictures: Sequence[LabelledPicture]) -> Evaluation:
        """As `measure`, in the caller's own turn, with nothing to show progress to."""
        version = self.model(grant, question.collection).version
        if self._analyzing is None:
            raise RuntimeError("nothing here analyses pictures in the caller's turn")
        return self.measure(grant, question, pictures, _Here(self._analyzing(version)), _unseen)

    def all(self, grant: Grant) -> list[Evaluation]:
        """The newest first."""
        grant.require_all(Action.READ)
        return self._evaluations.all()

    def get(self, grant: Grant, evaluation_id: str) -> Evaluation:
        """Raises ResourceNotFound."""
        grant.require_all(Action.READ)
        found = self._evaluations.get(evaluation_id)
        if found is None:
            raise ResourceNotFound(
                f"There is no evaluation {evaluation_id}; `regard evaluations list` shows those there are."
            )
        return found

    def model(self, grant: Grant, target: Collection | None) -> FaceModel:
        """The face model that is measured for a collection."""
        grant.require(Action.EVALUATE, None if target is None else target.id)
        return self._models.default if target is None else model_of(self._models, target)

    def _size(self, target: Collection | None) -> int:
        return 1 if target is None else max(1, self._collections.face_count(target.key))


def check_people(pictures: Iterable[LabelledPicture], about: str = "") -> None:
    """Raises InvalidParameter unless there are enough people, and enough of them with two pictures."""
    counts = Counter(each.person for each in pictures)
    several = sum(count > 1 for count in counts.values())
    if several < LEAST_PEOPLE:
        raise InvalidParameter(
            f"{about}{len(counts):,} people, {several:,} of them with two pictures or more. An evaluation needs two "
            f"pictures of each of at least {LEAST_PEOPLE} people."
        )


def _of_profile(grant: Grant) -> list[float]:
    least = grant.rules.least_threshold
    return [least] if least > 0 else []


def _findings(
    pictures: Sequence[LabelledPicture], pool: Analysing, progress: Progress
) -> Iterator[tuple[LabelledPicture, Finding]]:
    batches = [pictures[start : start + _BATCH_PICTURES] for start in range(0, len(pictures), _BATCH_PICTURES)]
    done = 0
    files = ([PhotoFile(path=each.path, content=each.content) for each in batch] for batch in batches)
    for batch, findings in zip(batches, pool.run(files), strict=True):
        yield from zip(batch, findings, strict=True)
        done += len(batch)
        progress("Reading pictures", done, len(pictures))


class _Here:
    """Analyses batch after batch, in this thread."""

    def __init__(self, analyzer: PhotoAnalyzer) -> None:
        self._analyzer = analyzer

    def run(self, batches: Iterable[Sequence[PhotoFile | Skipped]], /) -> Iterator[Sequence[Finding]]:
        return map(self._analyzer, batches)


def _unseen(description: str, done: int, total: int | None) -> None:
    """Progress that nobody sees."""


class _Read:
    """The largest usable face of each picture. A picture that comes twice counts once."""

    def __init__(self) -> None:
        self.pictures: list[LabelledPicture] = []
        self.without_face = 0
        self.unread: Counter[str] = Counter()
        self._faces: list[PhotoAnalysis] = []
        self._seen: set[str] = set()

    def add(self, picture: LabelledPicture, finding: Finding) -> None:
        if isinstance(finding, Skipped):
            self.unread[finding.reason] += 1
        elif finding.image_id in self._seen:
            self.unread["the same picture as another"] += 1
        elif not len(finding.chosen):
            self.without_face += 1
        else:
            self._seen.add(finding.image_id)
            self.pictures.append(picture)
            self._faces.append(finding)

    def sample(self) -> Sample:
        numbers = np.unique([each.person for each in self.pictures], return_inverse=True)[1]
        embeddings = [each.chosen.embeddings[0] for each in self._faces if each.chosen.embeddings is not None]
        utilities = [np.nan if each.chosen.utility is None else each.chosen.utility[0] for each in self._faces]
        return Sample(
            embeddings=np.stack(embeddings).astype(np.float32),
            utilities=np.array(utilities, np.float32),
            people=numbers.astype(np.int64),
        )

    def labels(self) -> dict[str, list[str]]:
        columns = sorted({column for each in self.pictures for column in each.labels})
        return {column: [each.labels.get(column, "") for each in self.pictures] for column in columns}
