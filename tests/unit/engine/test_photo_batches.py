from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from people import crowd, encoded, head, nobody

from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import Picture, bytes_needed, open_picture
from regard.engine.analysis.memory_budget import MemoryBudget
from regard.engine.analysis.photo_analysis import PhotoAnalysis
from regard.engine.analysis.photo_batches import (
    Bounds,
    OpenedPhoto,
    PhotoAnalyzer,
    PhotoFile,
    Skipped,
    batches,
    ended_its_worker,
    with_content,
)


@pytest.fixture(scope="module")
def photo_analyzer(analyzer: FaceAnalyzer) -> PhotoAnalyzer:
    return PhotoAnalyzer(analyzer, Bounds(most=3))


def file(folder: Path, name: str, content: bytes, **known: str) -> PhotoFile:
    (folder / name).write_bytes(content)
    return PhotoFile(path=str(folder / name), **known)


def test_every_file_has_its_finding_in_its_place(photo_analyzer: PhotoAnalyzer, tmp_path: Path) -> None:
    findings = photo_analyzer(
        [
            file(tmp_path, "text.jpg", b"text"),
            file(tmp_path, "crowd.png", encoded(crowd(2, 2), "PNG"), external_image_id="crew"),
            PhotoFile(path=str(tmp_path / "gone.jpg")),
            file(tmp_path, "wall.jpg", encoded(nobody())),
            file(tmp_path, "tiny.png", encoded(head(40), "PNG")),
        ]
    )
    crew, wall = [each for each in findings if isinstance(each, PhotoAnalysis)]
    assert [each.reason if isinstance(each, Skipped) else "analysed" for each in findings] == [
        "not a whole JPEG or PNG",
        "analysed",
        "cannot be read",
        "analysed",
        "too small",
    ]
    assert crew.external_image_id == "crew"
    assert crew.chosen.embeddings is not None
    assert crew.chosen.embeddings.shape == (3, 512)
    assert crew.selection.refused == {3: ["EXCEEDS_MAX_FACES"]}
    assert len(wall.chosen) == 0
    assert photo_analyzer([]) == []


def test_only_what_is_the_files_own_fault_lasts(photo_analyzer: PhotoAnalyzer, tmp_path: Path) -> None:
    broken, gone = photo_analyzer([file(tmp_path, "text.jpg", b"text"), PhotoFile(path=str(tmp_path / "gone.jpg"))])
    assert [isinstance(each, Skipped) and each.lasting for each in (broken, gone)] == [True, False]


def test_a_finding_travels_without_its_pixels(photo_analyzer: PhotoAnalyzer, tmp_path: Path) -> None:
    [finding] = photo_analyzer([file(tmp_path, "wall.png", encoded(nobody(2000, 2000), "PNG"))])
    assert len(pickle.dumps(finding)) < 2000


def test_a_file_that_travels_with_its_content_is_not_read_again(photo_analyzer: PhotoAnalyzer, tmp_path: Path) -> None:
    loaded = with_content(file(tmp_path, "a.png", encoded(head(200), "PNG")))
    (tmp_path / "a.png").unlink()
    assert isinstance(loaded, PhotoFile)
    [finding] = photo_analyzer([loaded])
    assert isinstance(finding, PhotoAnalysis)
    assert isinstance(with_content(PhotoFile(path=str(tmp_path / "a.png"))), Skipped)


def opened(pictures: Sequence[Picture], noted: list[int]) -> Iterator[OpenedPhoto | Skipped]:
    for number, picture in enumerate(pictures):
        noted.append(number)
        yield OpenedPhoto(picture=picture)
    yield Skipped(reason="cannot be read", detail="")


@pytest.mark.slow
def test_no_more_pictures_are_in_memory_than_make_a_batch() -> None:
    large, noted, memory = open_picture(encoded(nobody(3000, 3800))), [], MemoryBudget(1 << 30)
    found = batches(opened([large] * 5, noted), memory)
    assert len(next(found)) == 2
    assert noted == [0, 1, 2]  # the third was looked at, and is not decoded
    assert memory.used == bytes_needed([large.needs] * 2)
    assert [len(each) for each in found] == [2, 2]
    assert memory.used == 0


def test_a_batch_ends_where_memory_does_and_one_that_takes_all_is_alone() -> None:
    small, large = (open_picture(encoded(nobody(side, side))) for side in (100, 1200))
    memory = MemoryBudget(bytes_needed([large.needs]))
    sizes = [len(each) for each in batches(opened([small, small, large, small], []), memory)]
    assert sizes == [2, 1, 2]
    assert memory.used == 0


@pytest.mark.slow
def test_two_threads_that_share_memory_for_one_batch_never_wait_for_each_other(
    analyzer: FaceAnalyzer, tmp_path: Path
) -> None:
    files = [file(tmp_path, f"{number}.jpg", encoded(nobody(700, 900))) for number in range(6)]
    need = bytes_needed([open_picture(encoded(nobody(700, 900))).needs])
    shared = PhotoAnalyzer(analyzer, Bounds(), MemoryBudget(need * 1.05))
    with ThreadPoolExecutor(2) as threads:
        for findings in threads.map(shared, [files, files]):
            assert all(isinstance(each, PhotoAnalysis) for each in findings)


def test_a_file_for_which_there_is_no_memory_is_skipped_for_now(analyzer: FaceAnalyzer, tmp_path: Path) -> None:
    shared = PhotoAnalyzer(analyzer, Bounds(), MemoryBudget(99e6))
    wall, large = file(tmp_path, "a.jpg", encoded(nobody())), file(tmp_path, "b.jpg", encoded(nobody(900, 1200)))
    first, skipped, last = shared([wall, large, wall])
    assert isinstance(first, PhotoAnalysis)
    assert isinstance(last, PhotoAnalysis)
    assert isinstance(skipped, Skipped)
    assert (skipped.reason, skipped.lasting) == ("too large", False)
    assert "`memory` in [server]" in skipped.detail


def test_what_was_skipped_before_is_handed_back_in_its_place(photo_analyzer: PhotoAnalyzer, tmp_path: Path) -> None:
    unnamed = Skipped(reason="no external id", detail="names.csv has no row for it.")
    wall = file(tmp_path, "wall.jpg", encoded(nobody()))
    findings = photo_analyzer([unnamed, wall, unnamed])
    assert (findings[0], findings[2]) == (unnamed, unnamed)
    assert isinstance(findings[1], PhotoAnalysis)
    assert with_content(unnamed) == unnamed


def test_a_file_that_ended_its_worker_is_skipped_until_the_next_run() -> None:
    skipped = ended_its_worker(PhotoFile(path="a.jpg"), "Signal 9 ended it.")
    assert skipped.reason == "cannot be analysed"
    assert "Signal 9 ended it" in skipped.detail
    assert not skipped.lasting  # something else may have ended it: the next run tries it again
