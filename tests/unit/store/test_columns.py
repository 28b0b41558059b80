"""What the types of columns make of what a database answers."""

from __future__ import annotations

from sqlalchemy import cast, func, select
from stores import Store

from regard.store.tables.columns import Whole


def test_whole_numbers_are_summed_to_a_whole_number(store: Store) -> None:
    numbers = select(cast(4, Whole).label("number")).union_all(select(cast(3, Whole))).subquery()
    with store.database.read() as connection:
        total = connection.execute(select(func.sum(numbers.c.number))).scalar_one()
    assert (total, type(total)) == (7, int)
