from __future__ import annotations

import stat
from pathlib import Path

import pytest

from regard.sync.restore_guard import RestoreGuard

DEEP, ENDLESS = "[" * 100_000, '{"last_deletion": Infinity, "highest": {}}'


def test_a_database_that_has_less_than_was_seen_is_an_older_one(tmp_path: Path) -> None:
    guard = RestoreGuard(tmp_path / "shared.json")
    assert not guard.is_beyond(0, {"faces": 0, "users": 0})
    guard.note(7, {"faces": 17, "users": 6})
    again = RestoreGuard(tmp_path / "shared.json")
    assert not again.is_beyond(7, {"faces": 17, "users": 6})
    assert not again.is_beyond(8, {"faces": 18, "users": 7})
    assert again.is_beyond(6, {"faces": 17, "users": 6})
    assert again.is_beyond(7, {"faces": 17, "users": 5})


def test_a_feed_that_is_new_was_never_seen(tmp_path: Path) -> None:
    guard = RestoreGuard(tmp_path / "shared.json")
    guard.note(7, {"faces": 17})
    assert not guard.is_beyond(7, {"pictures": 0, "faces": 17})
    assert guard.is_beyond(7, {"pictures": 0, "faces": 16})


def test_what_version_0_1_has_seen_counts(tmp_path: Path) -> None:
    file = tmp_path / "shared.json"
    file.write_text("[7, 17, 6]", encoding="utf-8")
    guard = RestoreGuard(file)
    assert not guard.is_beyond(7, {"faces": 17, "users": 6})
    assert guard.is_beyond(7, {"faces": 17, "users": 5})
    assert guard.is_beyond(6, {"faces": 17, "users": 6})


@pytest.mark.parametrize(
    "text", [DEEP, ENDLESS, "", "{", "[]", "{}", "null", '{"last_deletion": 1, "highest": 2}', '["x", 1]']
)
def test_a_file_that_cannot_be_read_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "shared.json").write_text(text, encoding="utf-8")
    guard = RestoreGuard(tmp_path / "shared.json")
    assert not guard.is_beyond(0, {"faces": 0})
    guard.note(1, {"faces": 2})
    assert guard.is_beyond(0, {"faces": 2})


def test_its_file_is_for_its_owner_alone_and_is_not_written_without_need(tmp_path: Path) -> None:
    file = tmp_path / "shared.json"
    guard = RestoreGuard(file)
    guard.note(1, {"faces": 2})
    before = file.stat()
    guard.note(1, {"faces": 2})
    assert (file.stat().st_ino, stat.S_IMODE(before.st_mode)) == (before.st_ino, 0o600)


def test_without_a_file_it_remembers_nothing() -> None:
    guard = RestoreGuard(None)
    guard.note(9, {"faces": 9})
    assert not guard.is_beyond(0, {"faces": 0})
