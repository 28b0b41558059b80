from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from regard.domain.people import Person
from regard.store import database
from regard.store.people_rows import PeopleRows
from regard.store.subject_rows import SubjectRows

NOW, HOUR = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), timedelta(hours=1)


def test_of_looks_that_two_processes_reserve_at_once_none_is_one_too_many(store):
    for name in ("ove", "oda"):
        PeopleRows(store.database).add(Person(id=name, name=name, login=name, created_at=NOW))
    other = database.open(store.url)
    try:
        rows = [SubjectRows(store.database), SubjectRows(other)]

        def look(number: int) -> int | None:
            return rows[number % 2].take_look("ove", NOW + timedelta(seconds=number), HOUR, 5)

        with ThreadPoolExecutor(8) as threads:
            taken = [each for each in threads.map(look, range(40)) if each is not None]
    finally:
        other.close()
    assert len(set(taken)) == len(taken) == 5
    assert rows[0].take_look("oda", NOW, HOUR, 5) is not None
    rows[0].give_back(taken[0])
    assert rows[0].take_look("ove", NOW + timedelta(minutes=1), HOUR, 5) is not None
    assert rows[0].take_look("ove", NOW + timedelta(minutes=1), HOUR, 5) is None
    assert rows[0].take_look("ove", NOW + timedelta(hours=2), HOUR, 5) is not None, "an hour later"
