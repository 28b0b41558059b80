from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from people import crowd, encoded, head, image, nobody

from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import Picture
from regard.engine.analysis.photo_batches import Bounds, File, PhotoAnalyzer, Skipped, groups, with_content
from regard.engine.galleries.enrolment import PhotoAnalysis, Submission


@pytest.fixture(scope="module")
def photo_analyzer(analyzer: FaceAnalyzer) -> PhotoAnalyzer:
    return PhotoAnalyzer(analyzer, "the-model", Bounds(most=3))


def file(folder: Path, name: str, content: bytes, **known: str) -> File:
    (folder / name).write_bytes(content)
    return File(path=str(folder / name), **known)


def test_every_file_has_its_finding_in_its_place(photo_analyzer: PhotoAnalyzer, tmp_path: Path) -> None:
    findings = photo_analyzer(
        [
            file(tmp_path, "text.jpg", b"text"),
            file(tmp_path, "crowd.png", encoded(crowd(2, 2), "PNG"), external_image_id="crew"),
            File(path=str(tmp_path / "gone.jpg")),
            file(tmp_path, "wall.jpg", encoded(nobody())),
            file(tmp_path, "tiny.png", encoded(head(40), "PNG")),
        ]
    )
    crew, wall = [each for each in findings if isinstance(each, PhotoAnalysis)]
    assert [each.reason if isinstance(each, Skipped) else "examined" for each in findings] == [
        "not a whole JPEG or PNG",
        "examined",
        "cannot be read",
        "examined",
        "too small",
    ]
    assert crew.external_image_id == "crew"
    assert crew.chosen.embeddings is not None
    assert crew.chosen.embeddings.shape == (3, 512)
    assert crew.selection.refused == {3: ["EXCEEDS_MAX_FACES"]}
    assert len(wall.chosen) == 0
    assert photo_analyzer([]) == []


def test_only_what_is_the_files_own_fault_lasts(photo_analyzer: PhotoAnalyzer, tmp_path: Path) -> None:
    broken, gone = photo_analyzer([file(tmp_path, "text.jpg", b"text"), File(path=str(tmp_path / "gone.jpg"))])
    assert [isinstance(each, Skipped) and each.lasting for each in (broken, gone)] == [True, False]


def test_a_finding_travels_without_its_pixels(photo_analyzer: PhotoAnalyzer, tmp_path: Path) -> None:
    [finding] = photo_analyzer([file(tmp_path, "wall.png", encoded(nobody(2000, 2000), "PNG"))])
    assert len(pickle.dumps(finding)) < 2000


def test_a_file_that_is_carried_is_not_read_again(photo_analyzer: PhotoAnalyzer, tmp_path: Path) -> None:
    loaded = with_content(file(tmp_path, "a.png", encoded(head(200), "PNG")))
    (tmp_path / "a.png").unlink()
    assert isinstance(loaded, File)
    [finding] = photo_analyzer([loaded])
    assert isinstance(finding, PhotoAnalysis)
    assert isinstance(with_content(File(path=str(tmp_path / "a.png"))), Skipped)


def test_no_more_pictures_are_in_memory_than_fit_together() -> None:
    decoded = []

    def pictures() -> Iterator[Submission | Skipped]:
        for number in range(5):
            decoded.append(number)
            pixels = np.broadcast_to(np.uint8(0), (4000, 5000, 3))
            yield Submission(picture=Picture(image=image(pixels), image_id=str(number)))
        yield Skipped(reason="cannot be read", detail="")

    grouped = groups(pictures())
    assert len(next(grouped)) == 2
    assert len(decoded) == 2
    assert [len(each) for each in grouped] == [2, 2]
