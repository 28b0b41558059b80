"""What is particular to the embedded index; what every index must do is in tests/contract."""

from __future__ import annotations

import gc
import json
import logging
import os
import stat
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from index_opener import VECTORS, fill

from regard.index.embedded.embedded_index import EmbeddedIndex


def traced() -> int:
    """The bytes that the index holds, and what it was given: threads of other tests may allocate meanwhile."""
    ours = [tracemalloc.Filter(True, pattern) for pattern in ("*/regard/index/*", __file__)]
    return sum(each.size for each in tracemalloc.take_snapshot().filter_traces(ours).traces)


@pytest.mark.slow
def test_ten_thousand_small_galleries_cost_little_more_than_their_vectors(make_units, opened):
    vectors = make_units(50, 64)
    for count, index in ((10_000, EmbeddedIndex()), (1000, opened())):
        tracemalloc.start()
        for gallery in range(count):
            index.add(gallery, np.arange(50), vectors)
        used = traced()
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
    used = traced()
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
    assert (held.deletion, dict(held.sealed)) == (12, {1: 2999})
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


@pytest.mark.parametrize(
    "written",
    [b"", b"{", b"[]", b'{"journal": "x"}', b'{"journal": null}', b"[" * 100_000, b'{"journal": Infinity}', None],
)
def test_a_position_that_cannot_be_read_is_the_beginning(opened, tmp_path, written):
    first = opened()
    first.settle(9)
    first.close()
    position = tmp_path / "index" / "journal.json"
    position.unlink() if written is None else position.write_bytes(written)
    assert opened().resume().deletion == 0


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
    assert second.resume().deletion == 7
    assert second.keys(1).tolist() == list(range(5, 3000))


def test_a_disk_that_is_full_keeps_the_position_it_had(opened, tmp_path, caplog):
    index = opened()
    index.settle(3)
    assert index.quiet(60)
    (tmp_path / "index" / "journal.draft").mkdir()  # so that it cannot be written
    index.settle(4)
    assert index.quiet(60)
    assert "deletions since then are made again" in caplog.text
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
