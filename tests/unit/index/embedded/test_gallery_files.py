from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from likenesses import alike, known

from regard.index.embedded.gallery_files import GalleryFiles, complete
from regard.index.embedded.sealed_segment import Sealed, SealedSegment


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A gallery of four segments of 100 rows."""
    place = tmp_path / "7"
    for number in range(4):
        write(place, number)
    return place


def write(place: Path, number: int) -> SealedSegment:
    keys = np.arange(100) + 100 * number
    sealed = Sealed(oldest=number, newest=number, last=int(keys[-1]))
    place.mkdir(exist_ok=True)
    return SealedSegment.write(place, sealed, known(), keys, known().project(alike(100, seed=number))).publish()


def folder(place: Path, *, writable: bool = True) -> GalleryFiles:
    return GalleryFiles(place, known(), writable=writable)


def names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def held(segments: list[SealedSegment]) -> list[int]:
    return [key for segment in segments for key in segment.live()[0].tolist()]


def test_the_segments_come_in_the_order_of_their_sealing(place, threads):
    for number in range(4, 12):
        write(place, number)
    segments, faults = folder(place).opened(threads)
    assert faults == []
    assert held(segments) == list(range(1200))
    assert complete(folder(place), segments) == 1199


@pytest.mark.parametrize("number", [0, 2, 3])
@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "away"])
def test_damage_costs_what_was_sealed_from_there_on(place, threads, number, damage):
    path = place / f"{number}-{number}.segment"
    raw = path.read_bytes()
    if damage == "flipped":
        path.write_bytes(raw[:-1000] + bytes([raw[-1000] ^ 4]) + raw[-999:])
    elif damage == "cut":
        path.write_bytes(raw[:-64])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    for writable in (False, True):
        segments, faults = folder(place, writable=writable).opened(threads)
        assert held(segments) == list(range(100 * number))
        # That the newest is away cannot be seen; its keys lie above what is there.
        assert len(faults) == (not (damage == "away" and number == 3))
        assert complete(folder(place), segments) == 100 * number - 1
    assert names(place) == [f"{kept}-{kept}.segment" for kept in range(number)]


def test_a_segment_under_another_name_is_noticed(place, threads):
    (place / "0-0.segment").write_bytes((place / "2-2.segment").read_bytes())
    segments, (fault,) = folder(place).opened(threads)
    assert segments == []
    assert fault.endswith("is another segment, renamed")


def test_who_may_not_write_deletes_nothing(place, threads):
    (place / "1-1.segment").write_bytes(b"")
    (place / "4-4.draft").write_bytes(b"half")
    before = names(place)
    folder(place, writable=False).opened(threads)
    assert names(place) == before


def test_what_was_half_written_is_deleted(place, threads):
    (place / "4-4.draft").write_bytes(b"half")
    segments, faults = folder(place).opened(threads)
    assert (len(segments), faults) == (4, [])
    assert "4-4.draft" not in names(place)


def test_what_is_not_ours_is_left_alone(place, threads):
    (place / "notes.txt").write_text("mine")
    (place / "other.segment").mkdir()
    (place / "foo-bar.segment").write_text("what is this")
    segments, faults = folder(place).opened(threads)
    assert (len(segments), faults) == (4, [])
    assert (place / "notes.txt").exists()


def test_parts_that_were_joined_before_a_crash_are_deleted(place, threads):
    segments, _ = folder(place).opened(threads)
    SealedSegment.merged(place, known(), segments[:3]).publish()
    again, faults = folder(place).opened(threads)
    assert faults == []
    assert held(again) == list(range(400))
    assert names(place) == ["0-2.segment", "3-3.segment"]


def test_a_damaged_segment_costs_its_parts_too(place, threads):
    segments, _ = folder(place).opened(threads)
    SealedSegment.merged(place, known(), segments[:3]).publish()
    (place / "0-2.segment").write_bytes(b"")
    again, faults = folder(place).opened(threads)
    assert (held(again), len(faults)) == ([], 1)


def test_a_late_key_limits_what_is_complete_until_it_is_in_a_file(place, threads):
    here = folder(place)
    segments, _ = here.opened(threads)
    here.note_late(250)
    here.note_late(260)
    assert complete(here, segments) == 249
    assert complete(folder(place), segments) == 249
    assert complete(folder(place, writable=False), segments) == 249
    here.note_late(0)
    assert complete(folder(place), segments) == 0
    here.keep_late(300)
    assert complete(folder(place), segments) == 299
    here.keep_late(None)
    here.keep_late(None)
    assert complete(folder(place), segments) == 399


def test_a_start_may_leave_the_vectors_to_be_read_later(place, threads):
    path = place / "2-2.segment"
    raw = bytearray(path.read_bytes())
    raw[-100] ^= 1
    path.write_bytes(raw)
    segments, faults = folder(place).opened(threads, whole=False)
    assert (len(segments), faults) == (4, [])
    assert [segment.unread for segment in segments] == [1] * 4
    assert [segment.suspects(10) for segment in segments] == [[], [], [0], []]
    assert segments[2].damaged([0]).tolist() == list(range(200, 300))
    segments, faults = folder(place).opened(threads)
    assert [segment.unread for segment in segments] == [0] * 2
    assert "2-2.segment is damaged" in faults[0]


def test_a_note_that_cannot_be_read_makes_nothing_complete(place, threads):
    (place / "late").write_bytes(b"\xff what")
    segments, _ = folder(place).opened(threads)
    assert complete(folder(place), segments) == 0


def test_without_files_nothing_is_complete(tmp_path):
    assert complete(None, []) == -1
    assert complete(folder(tmp_path / "9"), []) == -1


def test_deleting_leaves_nothing(place):
    folder(place).delete()
    folder(place).delete()
    assert names(place.parent) == []


def test_who_may_not_write_deletes_no_folder(place):
    folder(place, writable=False).delete()
    assert len(names(place)) == 4
