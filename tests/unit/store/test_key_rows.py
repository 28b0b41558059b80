from __future__ import annotations

from datetime import UTC, datetime, timedelta

from regard.store.key_rows import KeyRow, KeyRows

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def key(access_key_id: str, after: int = 0) -> KeyRow:
    created = NOW + timedelta(seconds=after)
    return KeyRow(access_key_id=access_key_id, name="ada", sealed_secret=b"\x00sealed", created_at=created)


def test_a_key_comes_back_as_it_was_stored(store):
    rows = KeyRows(store.database)
    rows.add(key("K1"))
    assert rows.get("K1") == key("K1")
    assert rows.get("k1") is None


def test_keys_are_listed_oldest_first(store):
    rows = KeyRows(store.database)
    for row in (key("K1", after=5), key("K2", after=1)):
        rows.add(row)
    assert [row.access_key_id for row in rows.all()] == ["K2", "K1"]


def test_a_key_is_revoked_once_and_for_all(store):
    rows = KeyRows(store.database)
    rows.add(key("K1"))
    rows.add(key("K2"))
    assert rows.revoke("K1", NOW)
    assert rows.revoke("K1", NOW + timedelta(days=1))
    assert not rows.revoke("K3", NOW)
    assert [row.revoked_at for row in rows.all()] == [NOW, None]
