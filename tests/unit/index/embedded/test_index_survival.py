"""The embedded index with damaged files, a second process on them, and kills."""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from index_opener import VECTORS, Other, fill
from likenesses import known

from regard.index.embedded import embedded_index
from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.index.embedded.segment_file import SegmentFile


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
    monkeypatch.setattr(embedded_index, "AT_START_BYTES", 0)
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
    monkeypatch.setattr(embedded_index, "AT_START_BYTES", 0)
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
    monkeypatch.setattr(embedded_index, "AT_START_BYTES", 0)
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
    assert (mine.resume().deletion, dict(mine.resume().sealed)) == (3, {1: 1499})
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


@pytest.mark.slow
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


@pytest.mark.slow
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
        index = EmbeddedIndex(lambda _: known(), folder, seal=32, threads=2)
        held, resume = set(index.keys(1).tolist()), index.resume()
        sealed = resume.sealed[1]
        surely = {key for turn in range(0, resume.deletion + 4, 4) for key in removed(turn)}
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
