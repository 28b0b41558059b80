from __future__ import annotations

import os
import resource
import stat
import zlib
from pathlib import Path

import numpy as np
import pytest

from regard.index.embedded import segment_file
from regard.index.embedded.segment_file import DamagedSegment, Header, SegmentFile
from regard.index.exact_search import TOMBSTONE

ROWS, WIDTH, GROUPS = 8256, 8, 4
HEADER = Header(codebook="abc", oldest=3, newest=3, first=5, last=9000, rows=ROWS, groups=GROUPS, width=WIDTH)
KEYS = np.arange(5, 5 + ROWS)
CODES = np.random.default_rng(0).integers(1, 256, ROWS * GROUPS // 2).astype(np.uint8)
FITS = np.random.default_rng(2).integers(1, 255, ROWS).astype(np.uint8)
VECTORS = np.random.default_rng(1).standard_normal((ROWS, WIDTH)).astype(np.float16)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "gallery" / "3-3.segment"
    path.parent.mkdir(mode=0o700)
    segment_file.write(path.with_suffix(".draft"), HEADER, KEYS, (CODES, FITS), VECTORS).publish(path)
    return path


def blank(codes: np.ndarray, rows: np.ndarray) -> None:
    codes.reshape(ROWS, -1)[rows] = 0


def opened(path: Path, **how: bool) -> SegmentFile:
    file = SegmentFile(path, "abc", **how)
    file.finish(blank)
    file.verify()
    return file


def test_what_is_written_is_read(path):
    file = opened(path)
    assert file.header == HEADER
    for held, given in ((file.error_codes, FITS), (file.keys, KEYS), (file.codes, CODES), (file.vectors, VECTORS)):
        np.testing.assert_array_equal(held, given)
    assert path.stat().st_size == file.header.size()


def test_only_its_owner_may_read_it(path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_arrays_lie_where_a_machine_reads_them_best(path):
    assert all(place.start % 64 == 0 for place in HEADER.places().values())


def test_what_is_forgotten_is_gone_from_the_file(path):
    gone = np.array([2, 4095, 4096, 8255])
    secrets = [VECTORS[row].tobytes() for row in gone] + [CODES.reshape(ROWS, -1)[gone].tobytes()]
    raw = path.read_bytes()
    assert all(secret in raw for secret in secrets[:-1])
    opened(path).forget(gone, blank)
    raw = path.read_bytes()
    assert not any(secret in raw for secret in secrets[:-1])
    again = opened(path)
    assert (again.keys[gone] == TOMBSTONE).all()
    assert (again.codes.reshape(ROWS, -1)[gone] == 0).all()
    assert (again.error_codes[gone] == 0).all()
    kept = np.setdiff1d(np.arange(ROWS), gone)
    np.testing.assert_array_equal(again.vectors[kept], VECTORS[kept])
    np.testing.assert_array_equal(again.error_codes[kept], FITS[kept])
    np.testing.assert_array_equal(again.codes.reshape(ROWS, -1)[kept], CODES.reshape(ROWS, -1)[kept])


def test_who_may_not_write_forgets_in_memory_alone(path):
    before = path.read_bytes()
    file = opened(path, writable=False)
    file.forget(np.array([1, 2]), blank)
    assert file.keys[1] == TOMBSTONE
    file.verify()
    assert path.read_bytes() == before


@pytest.mark.parametrize("died", ["keys", "vectors", "codes"])
def test_a_process_that_is_killed_while_it_forgets_leaves_a_whole_file(path, died, monkeypatch):
    gone = np.array([4100, 4200])

    def killed(codes: np.ndarray, rows: np.ndarray) -> None:
        raise KeyboardInterrupt

    file = SegmentFile(path, "abc")
    if died == "keys":
        file._changing[0], file.keys[gone[0]] = gone[0] // 256, TOMBSTONE
    elif died == "vectors":
        with pytest.raises(KeyboardInterrupt):
            file.forget(gone, killed)
    else:
        monkeypatch.setattr(segment_file, "_sum", killed_sum)
        with pytest.raises(KeyboardInterrupt):
            file.forget(gone, blank)
        monkeypatch.undo()
    with pytest.raises(DamagedSegment):
        SegmentFile(path, "abc").verify()
    for how in ({"writable": False}, {}):
        again = opened(path, **how)
        assert again.keys[gone[0]] == TOMBSTONE
        assert not again.vectors[gone[0]].any()
        assert not again.codes.reshape(ROWS, -1)[gone[0]].any()
    assert again.keys[gone[1]] == (KEYS[gone[1]] if died == "keys" else TOMBSTONE)
    SegmentFile(path, "abc").verify()


def test_a_process_that_is_killed_before_it_forgets_leaves_no_trace(path):
    SegmentFile(path, "abc")._changing[0] = 1
    opened(path)
    assert SegmentFile(path, "abc")._changing[0] == -1
    np.testing.assert_array_equal(opened(path).keys, KEYS)


def test_what_is_forgotten_is_brought_to_the_disk_once(path, monkeypatch):
    flushed, flush = [], np.memmap.flush
    monkeypatch.setattr(np.memmap, "flush", lambda self: flushed.append(self.filename) or flush(self))
    for how in ({"writable": False}, {}):
        file = opened(path, **how)
        file.flush()
        file.forget(np.array([1]), blank)
        file.forget(np.array([5000]), blank)
        file.flush()
        file.flush()
    assert [Path(name) for name in flushed] == [path]


def test_forgetting_a_row_reads_little_of_a_large_file(path, monkeypatch):
    file, summed = opened(path), []
    crc32 = segment_file.zlib.crc32
    monkeypatch.setattr(segment_file.zlib, "crc32", lambda data, *start: summed.append(len(bytes(data))) or crc32(data))
    file.forget(np.array([17]), blank)
    assert sum(summed) < path.stat().st_size / 20


def test_a_start_may_leave_the_vectors_unread(path):
    raw = bytearray(path.read_bytes())
    raw[HEADER.places()["vectors"].start + 300 * WIDTH * 2] ^= 1
    path.write_bytes(raw)
    file = SegmentFile(path, "abc")
    file.verify(vectors=False)
    assert [block for block in range(file.blocks) if file.damaged(block)] == [1]
    assert file.rows_of(1) == slice(256, 512)
    assert file.rows_of(file.blocks - 1) == slice(8192, ROWS)


def test_a_block_stays_damaged_until_it_is_mended(path):
    raw = bytearray(path.read_bytes())
    raw[HEADER.places()["vectors"].start + 300 * WIDTH * 2] ^= 1
    path.write_bytes(raw)
    file = SegmentFile(path, "abc")
    file.forget(np.array([301, 600]), blank)
    assert [file.damaged(block) for block in range(3)] == [False, True, False]
    file.forget(np.arange(256, 512), blank)
    assert file.damaged(1)
    file.mend(1)
    opened(path)


def test_what_is_written_under_a_dead_key_is_nothing(tmp_path):
    keys = KEYS.copy()
    keys[[0, 8255]] = TOMBSTONE
    file = segment_file.write(tmp_path / "0-0.draft", HEADER, keys, (CODES, FITS), VECTORS)
    assert not file.vectors[[0, 8255]].any()
    np.testing.assert_array_equal(file.vectors[1:8255], VECTORS[1:8255])
    file.verify()


def killed_sum(*given: object) -> int:
    raise KeyboardInterrupt


def damages() -> dict[str, tuple[int, int]]:
    places = HEADER.places()
    return {"header": (100, 1), "spaces": (3000, 1), "checksum": (4081, 1)} | {
        name: ((place.start + place.stop) // 2, 1) for name, place in places.items()
    }


@pytest.mark.parametrize("where", damages())
def test_one_flipped_bit_is_noticed(path, where):
    raw = bytearray(path.read_bytes())
    at, bit = damages()[where]
    raw[at] ^= bit
    path.write_bytes(raw)
    with pytest.raises(DamagedSegment, match=r"3-3\.segment"):
        opened(path)


@pytest.mark.parametrize("size", [0, 10, 4096, 5000, -1, -4096])
def test_a_file_cut_short_is_noticed(path, size):
    os.truncate(path, size if size >= 0 else path.stat().st_size + size)
    with pytest.raises(DamagedSegment):
        opened(path)


def test_a_file_with_more_at_its_end_is_noticed(path):
    with path.open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(DamagedSegment, match="bytes long"):
        opened(path)


def test_a_file_that_is_not_there_is_damage_too(tmp_path):
    with pytest.raises(DamagedSegment, match="cannot be read"):
        SegmentFile(tmp_path / "0-0.segment", "abc")


@pytest.mark.parametrize("header", [b"[" * 4080, b"{}".ljust(4080), b"[1]".ljust(4080), b'{"rows": 1}'.ljust(4080)])
def test_a_header_that_is_none_is_damage_though_its_checksum_is_right(path, header):
    raw = bytearray(path.read_bytes())
    raw[:4088] = header + zlib.crc32(header).to_bytes(8, "little")
    path.write_bytes(raw)
    with pytest.raises(DamagedSegment, match="a header that cannot be read"):
        opened(path)


def test_another_codebook_cannot_read_it(path):
    with pytest.raises(DamagedSegment, match="another codebook"):
        SegmentFile(path, "abd")


def test_a_disk_that_is_full_leaves_nothing_behind(tmp_path):
    path = tmp_path / "0-0.segment"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            segment_file.write(path, HEADER, KEYS, (CODES, FITS), VECTORS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_deleted_file_is_still_read_by_who_has_it(path):
    file = opened(path)
    file.delete()
    file.delete()
    assert not path.exists()
    np.testing.assert_array_equal(file.vectors, VECTORS)


def test_nothing_stays_mapped_or_open(path):
    def used() -> list[str]:
        maps = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(path) in line]
        files = [entry for entry in Path("/proc/self/fd").iterdir() if str(path) in os.path.realpath(entry)]
        return maps + [str(entry) for entry in files]

    file = opened(path)
    assert used()
    del file
    assert not used()
