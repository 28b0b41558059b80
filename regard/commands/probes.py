"""Faces to search or compare with, read from a file; and how to speak of chance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from regard.commands import context, terminal
from regard.domain.arrays import FloatArray
from regard.domain.faces import Detail, Faces
from regard.domain.images import Image
from regard.engine.analysis.face_analyzer import MOST_FACES, FaceAnalyzer
from regard.errors import InvalidParameter
from regard.vision.faces.calibration import Calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A picture, its faces (largest first) and their N×D unit embeddings."""

    image: Image
    faces: Faces
    vectors: FloatArray


def read(analyzer: FaceAnalyzer, file: Path, *, most: int = MOST_FACES) -> Probe:
    """The `most` largest faces in a picture. Raises InvalidParameter where there is none."""
    image = context.read(file).image
    faces = analyzer.faces([image], Detail.EMBEDDING, limit=most)[0]
    if faces.embeddings is None or not len(faces):
        raise InvalidParameter(f"No face was found in {terminal.readable(file)}; `regard faces` shows what is found.")
    return Probe(image=image, faces=faces, vectors=faces.embeddings)


def odds(calibration: Calibration, similarity: float) -> str:
    """How rarely two different people are as alike as this."""
    rate = calibration.false_match_rate(similarity)
    lowest = rate <= calibration.false_match_rate(100.0)
    return f"{'fewer than ' if lowest else ''}1 in {_two_digits(1 / rate)}"


def by_chance(calibration: Calibration, threshold: float, comparisons: int) -> float:
    """How many false candidates to expect of that many comparisons: N × FMR (ISO/IEC 19795-1, identification)."""
    return comparisons * calibration.false_match_rate(threshold)


def _two_digits(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 10 else f"{value:.2g}"
