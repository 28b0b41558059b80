"""Comparing one face with the faces of another picture. The door for CompareFaces and `regard compare`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import numpy as np

from regard.accountability.gate import Grant
from regard.accountability.probe_limits import check_utility, face_counter
from regard.domain.arrays import FloatArray
from regard.domain.authority import Action
from regard.domain.faces import Detail
from regard.domain.images import Image, ObjectName
from regard.engine.analysis.face_analyzer import MOST_FACES
from regard.engine.analysis.image_loader import Picture
from regard.engine.analysis.probes import NoFace, ProbeReader, Probes
from regard.engine.analysis.quality_filter import DESCRIBED
from regard.errors import InvalidParameter
from regard.vision.faces.calibration import pair_utilities
from regard.vision.faces.face_model import FaceModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The source's largest face, the target's faces, most similar first, and their similarities to it: N numbers, 0 to
    100, falling."""

    source: Probes
    target: Probes
    similarities: FloatArray

    def above(self, threshold: float) -> tuple[Comparison, int]:
        """Only the faces that are at least that similar, and how many others there were."""
        kept = int((self.similarities >= threshold).sum())
        target = Probes(
            image=self.target.image,
            faces=self.target.faces.take(slice(kept)),
            embeddings=self.target.embeddings[:kept],
        )
        shown = Comparison(source=self.source, target=target, similarities=self.similarities[:kept])
        return shown, len(self.similarities) - kept


class FaceComparison:
    """Compares faces, and stores nothing."""

    def __init__(self, probes: ProbeReader, model: FaceModel) -> None:
        self._probes = probes
        #: What the similarities mean.
        self.calibration = model.calibration

    def reading(self, grant: Grant, *pictures: bytes | ObjectName) -> AbstractContextManager[list[Picture]]:
        """The pictures to compare, in the memory that there is for them. Raises what `ImageLoader.reading` raises."""
        grant.require(Action.COMPARE)
        return self._read(grant, pictures)

    def compare(self, grant: Grant, source: Image, target: Image, level: str = "NONE") -> Comparison:
        """Compare the largest face of `source` with every face of `target`; all must pass the quality filter's `level`.

        Where the profile hides scores, a similarity is the threshold or 0. Raises NoFace if a picture has no such face.
        """
        grant.require(Action.COMPARE)
        counted = face_counter(grant)
        probe = self._usable(source, "source", level, counted=counted)
        check_utility(grant, None if probe.faces.utility is None else float(probe.faces.utility[0]))
        others = self._usable(target, "target", level, most=MOST_FACES, detail=DESCRIBED, counted=counted)
        cosines = np.asarray(others.embeddings @ probe.embeddings[0], np.float32)
        similarities = self.calibration.similarity(cosines, pair_utilities(probe.faces.utility, others.faces.utility))
        grant.note(compared=len(similarities))
        if grant.rules.review.hide_scores:
            least = np.float32(grant.act.threshold or 0.0)
            similarities = np.where(similarities >= least, least, np.float32(0.0))
        else:
            grant.note(highest=float(similarities.max()))
        order = np.argsort(-similarities, kind="stable")
        target_faces = Probes(image=others.image, faces=others.faces.take(order), embeddings=others.embeddings[order])
        return Comparison(source=probe, target=target_faces, similarities=similarities[order])

    @contextmanager
    def _read(self, grant: Grant, pictures: Sequence[bytes | ObjectName]) -> Iterator[list[Picture]]:
        with self._probes.reading(*pictures) as opened:
            grant.note(pictures=[each.image_id for each in opened])
            yield opened

    def _usable(
        self,
        image: Image,
        role: str,
        level: str,
        *,
        most: int = 1,
        detail: Detail = Detail.NONE,
        counted: Callable[[int], None] | None = None,
    ) -> Probes:
        """As `ProbeReader.of`; AWS does not say which of two pictures has no face, so the detail does."""
        try:
            return self._probes.of(image, level, most=most, detail=detail, counted=counted)
        except NoFace as error:
            raise NoFace(
                image,
                InvalidParameter.__doc__,
                detail=f"No face that the quality filter lets pass was found in the {role} image; send another.",
            ) from error
