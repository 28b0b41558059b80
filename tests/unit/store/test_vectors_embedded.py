"""What is particular to the embedded index; what every index must do is in tests/contract."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import stat
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from likenesses import alike, known

from regard.store import embedded_gallery, vectors_embedded
from regard.store.segment_file import SegmentFile
from regard.store.vectors_embedded import EmbeddedIndex

VECTORS = alike(3000)
HERE = Path(__file__).parents[1]

Opens = Callable[..., EmbeddedIndex]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opens]:
    """Opens the index in one folder, and closes it in the end."""
    with ExitStack() as end:

        def open_index(**how: int) -> EmbeddedIndex:
            index = EmbeddedIndex(known(), tmp_path / "index", **{"seal": 256, "threads": 2} | how)
            end.callback(index.close)
            return index

        yield open_index


@pytest.fixture(autouse=True)
def _files_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that each test knows in which file what lies."""
    monkeypatch.setattr(embedded_gallery, "JOIN", 16)


def fill(index: EmbeddedIndex, collection_key: int = 1, start: int = 0, stop: int = 3000) -> None:
    for first in range(start, stop, 300):
        keys = np.arange(first, min(first + 300, stop))
        index.add(collection_key, keys, VECTORS[keys])
    assert index.quiet(60)


def test_ten_thousand_small_galleries_cost_little_more_than_their_vectors(make_units, opened):
    vectors = make_units(50, 64)
    for count, index in ((10_000, EmbeddedIndex()), (1000, opened())):
        tracemalloc.start()
        for gallery in range(count):
            index.add(gallery, np.arange(50), vectors)
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert used < count * (vectors.nbytes + 50 * 8 + 3072)
        assert index.memory >= count * vectors.nbytes
        assert len(index.search(count - 1, vectors[:1], limit=1, threshold=0)[0].keys) == 1


def test_memory_is_given_back_when_most_of_a_gallery_is_removed(make_units):
    vectors = make_units(20_000, 32)
    tracemalloc.start()
    index = EmbeddedIndex()
    index.add(1, np.arange(20_000), vectors)
    index.remove(1, np.arange(100, 20_000))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < vectors.nbytes / 50


def test_a_large_gallery_takes_little_memory(opened):
    index = opened()
    fill(index)
    assert index.memory < 0.3 * VECTORS.nbytes


def test_it_goes_on_where_it_was(opened):
    first = opened()
    fill(first)
    fill(first, 2, 0, 200)
    first.remove(1, np.arange(0, 3000, 7))
    first.settle(12)
    assert first.quiet(60)
    before = first.search(1, VECTORS[:5], limit=50, threshold=-1)
    first.close()
    second = opened()
    held = second.resume()
    assert (held.journal, dict(held.sealed)) == (12, {1: 2999})
    assert second.collections() == [1]
    assert second.keys(1).tolist() == [key for key in range(3000) if key % 7]
    for one, other in zip(before, second.search(1, VECTORS[:5], limit=50, threshold=-1), strict=True):
        assert one.keys.tolist() == other.keys.tolist()
        assert one.cosines.tolist() == other.cosines.tolist()


def test_galleries_of_another_dimension_stay_in_memory(opened, make_units, tmp_path):
    index = opened()
    index.add(5, np.arange(600), make_units(600, 16))
    assert index.keys(5).tolist() == list(range(600))
    assert dict(index.resume().sealed) == {}
    assert not (tmp_path / "index" / "5").exists()
    index.drop(5)


def test_what_is_damaged_is_said_and_asked_for_again(opened, tmp_path, caplog):
    first = opened()
    fill(first)
    fill(first, 2)
    first.close()
    newest = tmp_path / "index" / "1" / "4-4.segment"
    newest.write_bytes(newest.read_bytes()[:-1])
    with caplog.at_level(logging.WARNING):
        second = opened()
    assert "4-4.segment is" in caplog.text
    assert "read from the database again" in caplog.text
    assert dict(second.resume().sealed) == {1: 1199, 2: 2999}
    fill(second, 1, 1200)
    assert second.keys(1).tolist() == list(range(3000))


@pytest.mark.parametrize("written", [b"", b"{", b"[]", b'{"journal": "x"}', b'{"journal": null}', None])
def test_a_position_that_cannot_be_read_is_the_beginning(opened, tmp_path, written):
    first = opened()
    first.settle(9)
    first.close()
    position = tmp_path / "index" / "journal.json"
    position.unlink() if written is None else position.write_bytes(written)
    assert opened().resume().journal == 0


def test_only_its_owner_may_read_its_files(opened, tmp_path):
    index = opened()
    fill(index)
    index.add(1, np.array([10_000]), VECTORS[:1])
    index.settle(1)
    assert index.quiet(60)
    for path in [tmp_path / "index", *(tmp_path / "index").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_dropped_galleries_leave_nothing(opened, tmp_path):
    index = opened()
    fill(index)
    index.drop(1)
    index.drop(1)
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == ["lock"]
    fill(index)
    assert index.keys(1).tolist() == list(range(3000))
    index.close()
    assert opened().keys(1).tolist() == list(range(3000))


def test_a_gallery_that_lost_every_face_leaves_nothing_either(opened, tmp_path):
    index = opened()
    fill(index)
    index.remove(1, np.arange(3000))
    index.drop(1)
    assert index.quiet(60)
    assert not (tmp_path / "index" / "1").exists()


def test_a_drop_that_was_cut_short_is_ended_at_the_next_start(opened, tmp_path):
    first = opened()
    fill(first)
    first.close()
    (tmp_path / "index" / "1").rename(tmp_path / "index" / "1.gone")
    assert opened().collections() == []
    assert not (tmp_path / "index" / "1.gone").exists()


def test_what_is_not_ours_does_not_disturb(opened, tmp_path):
    first = opened()
    fill(first)
    first.close()
    (tmp_path / "index" / "notes").mkdir()
    (tmp_path / "index" / "7").write_text("no folder")
    (tmp_path / "index" / "8").mkdir()
    assert opened().collections() == [1]


def test_closed_it_has_nothing_open_or_mapped(opened, tmp_path):
    def used() -> list[str]:
        maps = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(tmp_path) in line]
        return maps + [at.name for at in Path("/proc/self/fd").iterdir() if str(tmp_path) in os.path.realpath(at)]

    index = opened()
    fill(index)
    assert used()
    index.close()
    index.close()
    gc.collect()
    assert used() == []


OTHER = """
import sys
from pathlib import Path
import numpy as np
sys.path[:0] = sys.argv[2:4]
from likenesses import alike
from regard.store.codebook import Codebook
from regard.store.vectors_embedded import EmbeddedIndex
folder = Path(sys.argv[1])
seal = int(sys.argv.pop())
index = EmbeddedIndex(Codebook.load(folder.with_name("known.npz")), folder, seal=seal, threads=2)
vectors = alike(3000)
def removed(turn): return np.random.default_rng(turn).integers(0, turn + 4, 4)
print("open", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


class Other:
    """A process of its own on the same folder."""

    def __init__(self, folder: Path, seal: int = 256) -> None:
        known().save(folder.with_name("known.npz"))
        given = [str(folder), str(HERE), str(HERE.parent), str(seal)]
        self._process = subprocess.Popen(
            [sys.executable, "-c", OTHER, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._said("open")

    def does(self, line: str) -> None:
        self.begins(line)
        self._said("done")

    def begins(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def is_killed_after(self, number: int) -> int:
        """When it has said this number, or soon after; the last that it said."""
        assert self._process.stdout
        said = 0
        while said < number:
            said = int(self._process.stdout.readline())
        self._process.send_signal(signal.SIGKILL)
        whole = [line for line in self._process.stdout.readlines() if line.endswith("\n")]
        self.ends()
        return int(whole[-1]) if whole else said

    def ends(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _said(self, word: str) -> None:
        assert self._process.stdout
        assert self._process.stdout.readline().strip() == word


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    process = Other(tmp_path / "index")
    yield process
    process.ends()


def test_what_is_settled_is_written_down_after_removals_are_on_the_disk(opened, tmp_path, monkeypatch):
    index, position = opened(), tmp_path / "index" / "journal.json"
    fill(index)
    flush, written = np.memmap.flush, []
    monkeypatch.setattr(np.memmap, "flush", lambda self: written.append(position.exists()) or flush(self))
    index.remove(1, np.arange(10, 1000, 300))
    assert written == []  # who removes does not wait for the disk
    index.settle(5)
    assert index.quiet(60)
    assert written == [False] * 4
    assert json.loads(position.read_text()) == {"journal": 5}
    index.settle(6)
    assert index.quiet(60)
    assert len(written) == 4


def test_closed_it_writes_down_what_was_settled(opened):
    first = opened()
    fill(first)
    first.remove(1, np.arange(5))
    first.settle(7)
    first.close()
    second = opened()
    assert second.resume().journal == 7
    assert second.keys(1).tolist() == list(range(5, 3000))


def test_a_disk_that_is_full_keeps_the_position_it_had(opened, tmp_path, caplog):
    index = opened()
    index.settle(3)
    assert index.quiet(60)
    (tmp_path / "index" / "journal.draft").mkdir()  # so that it cannot be written
    index.settle(4)
    assert index.quiet(60)
    assert "removals since then are made again" in caplog.text
    assert json.loads((tmp_path / "index" / "journal.json").read_text()) == {"journal": 3}
    (tmp_path / "index" / "journal.draft").rmdir()
    index.settle(5)
    assert index.quiet(60)
    assert json.loads((tmp_path / "index" / "journal.json").read_text()) == {"journal": 5}


def test_many_galleries_are_kept_by_one_thread(opened):
    index = opened(seal=32)
    before = threading.active_count()
    for gallery in range(60):
        index.add(gallery, np.arange(40), VECTORS[:40])
    assert index.quiet(60)
    assert len(index.resume().sealed) == 60
    assert threading.active_count() <= before + 1


class Reloaded:
    """What a follower does about lost faces."""

    def __init__(self, index: EmbeddedIndex) -> None:
        self._index = index
        self.calls: list[tuple[int, int]] = []
        self.done = threading.Event()
        index.lost = self

    def __call__(self, collection_key: int) -> None:
        after = self._index.resume().sealed[collection_key]
        self.calls.append((collection_key, after))
        self._index.add(collection_key, np.arange(after + 1, 3000), VECTORS[after + 1 :])
        self.done.set()


def damage(path: Path, row: int) -> None:
    with path.open("r+b") as file:
        file.seek(row * known().width * 2 - 320 * known().width * 2, os.SEEK_END)
        file.write(b"\x12\x34\x12\x34")


def test_vectors_that_a_start_does_not_read_are_read_after_it(opened, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(vectors_embedded, "AT_START", 0)
    first = opened()
    fill(first)
    first.close()
    damage(tmp_path / "index" / "1" / "3-3.segment", 270)
    second = opened()
    reloaded = Reloaded(second)
    assert second.quiet(60)
    assert (dict(second.resume().sealed), reloaded.calls) == ({1: 2999}, [])
    second.settle(1)  # it has all there is: now there is time
    assert reloaded.done.wait(60)
    SegmentFile(tmp_path / "index" / "1" / "3-3.segment", known().fingerprint).verify()
    assert reloaded.calls == [(1, 1155)]  # the block of rows begins with 1156
    assert "3-3.segment is damaged. 44 faces are read from the database again" in caplog.text
    assert second.keys(1).tolist() == list(range(3000))
    (hits,) = second.search(1, VECTORS[1170:1171], limit=1, threshold=0.9)
    assert hits.keys.tolist() == [1170]
    second.close()
    third = opened()
    assert dict(third.resume().sealed) == {1: 1155}
    assert third.keys(1).tolist() == [*range(1156), *range(1200, 3000)]


def test_damage_is_never_copied_as_if_it_were_whole(opened, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(vectors_embedded, "AT_START", 0)
    first = opened()
    fill(first)
    first.close()
    path = tmp_path / "index" / "1" / "3-3.segment"
    damage(path, 270)
    second = opened()
    reloaded = Reloaded(second)
    size = path.stat().st_size
    second.remove(1, np.array([1199]))  # its block is the damaged one
    second.remove(1, np.arange(900, 1150))  # so many that it is to be written anew
    assert second.quiet(60)
    assert path.stat().st_size == size
    second.settle(1)
    assert second.quiet(60)
    assert reloaded.done.wait(60)
    assert path.stat().st_size < size
    assert "43 faces are read" in caplog.text
    exact = VECTORS @ VECTORS[1170]
    (hits,) = second.search(1, VECTORS[1170:1171], limit=3000, threshold=-1)
    np.testing.assert_allclose(hits.cosines, np.clip(exact[hits.keys], -1, 1), atol=1e-3)


def test_rows_that_go_while_vectors_are_read_are_no_damage(opened, monkeypatch, caplog):
    monkeypatch.setattr(vectors_embedded, "AT_START", 0)
    first = opened()
    fill(first)
    first.close()
    second = opened()
    reloaded, damaged, left = Reloaded(second), SegmentFile.damaged, [np.arange(700, 710)]

    def late(self: SegmentFile, block: int) -> bool:
        if left:  # a checksum was read just before these went, and looks wrong
            second.remove(1, left.pop())
            return True
        return damaged(self, block)

    monkeypatch.setattr(SegmentFile, "damaged", late)
    second.settle(1)
    assert second.quiet(60)
    assert left == []
    assert (reloaded.calls, caplog.text) == ([], "")


def test_a_second_process_reads_and_keeps_its_own_in_memory(opened, tmp_path, other):
    other.does("index.add(1, np.arange(1500), vectors[:1500])")
    other.does("index.settle(3), index.quiet()")
    mine = opened()
    assert (mine.resume().journal, dict(mine.resume().sealed)) == (3, {1: 1499})
    other.does("index.remove(1, np.arange(700)), index.quiet()")  # the file is written anew under the map
    mine.remove(1, np.arange(10))
    fill(mine, 1, 1500)
    mine.settle(99)
    mine.drop(2)
    assert mine.keys(1).tolist() == list(range(10, 3000))
    assert mine.search(1, VECTORS[2000:2001], limit=1, threshold=0.9)[0].keys.tolist() == [2000]
    assert json.loads((tmp_path / "index" / "journal.json").read_text()) == {"journal": 3}
    mine.drop(1)
    mine.close()
    other.ends()
    assert opened().keys(1).tolist() == list(range(700, 1500))


def test_killed_again_and_again_while_it_writes_it_always_opens_whole(opened, tmp_path, caplog):
    for turn in range(4):
        process = Other(tmp_path / "index")
        process.does(f"n, rng = (index.resume().sealed.get(1, -1) + 4) // 4 * 4, np.random.default_rng({turn})")
        process.does("index.add(1, np.arange(n, n + 256), np.tile(vectors[:4], (64, 1))), index.quiet()")
        process.begins(
            "[(index.add(1, np.arange(k, k + 4), vectors[:4]), index.remove(1, rng.integers(0, k + 1, 3)),"
            " print(k - n, flush=True)) for k in range(n + 256, 400_000, 4)]"
        )
        process.is_killed_after(900 + 200 * turn)
        with caplog.at_level(logging.WARNING):
            index = opened()
        assert caplog.text == ""  # nothing was damaged
        held = index.keys(1)
        assert len(held)
        for row, hits in enumerate(index.search(1, VECTORS[:4], limit=len(held), threshold=0.999)):
            assert set(held[held % 4 == row].tolist()) <= set(hits.keys.tolist())
        index.close()


def test_killed_while_files_change_it_holds_what_its_position_says(opened, tmp_path):
    """Files are written, joined and cleared away in the background all the time."""
    for number, place in ((700, "a"), (1203, "b"), (1800, "c")):
        folder = tmp_path / place / "index"
        folder.parent.mkdir()
        process = Other(folder, seal=32)
        process.begins(
            "[(index.add(1, np.arange(k, k + 4), vectors[k % 2000 :][:4]), index.remove(1, removed(k)),"
            " index.settle(k), print(k, flush=True)) for k in range(0, 400_000, 4)]"
        )
        last = process.is_killed_after(number)
        index = EmbeddedIndex(known(), folder, seal=32, threads=2)
        held, resume = set(index.keys(1).tolist()), index.resume()
        sealed = resume.sealed[1]
        surely = {key for turn in range(0, resume.journal + 4, 4) for key in removed(turn)}
        perhaps = {key for turn in range(0, last + 8, 4) for key in removed(turn)}
        assert not held & {key for key in surely if key <= sealed}
        assert set(range(sealed + 1)) - perhaps <= held
        assert sealed > number / 4
        index.close()
        assert not list(folder.rglob("*.draft"))


def removed(turn: int) -> list[int]:
    """By a process that adds four and removes as many, again and again."""
    gone: list[int] = np.random.default_rng(turn).integers(0, turn + 4, 4).tolist()
    return gone


def test_a_position_that_was_half_written_is_cleared_away(opened, tmp_path):
    opened().close()
    draft = tmp_path / "index" / "journal.draft"
    draft.write_text('{"jour')
    opened()
    assert not draft.exists()
