from __future__ import annotations

import pytest

from regard.store import in_lists


def test_values_come_in_their_order_in_lists_that_a_statement_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_lists, "IN_LIST_VALUES", 3)
    assert list(in_lists.in_lists(range(7))) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(in_lists.in_lists(iter("ab"))) == [["a", "b"]]
    assert list(in_lists.in_lists([])) == []


def test_more_values_than_a_statement_takes_are_found(store) -> None:
    staff = store.collection()
    faces = store.enrol(staff, 2)
    wanted = [*range(100, 40_000), faces[1].key]
    assert list(store.faces.by_keys(wanted)) == [faces[1].key]
