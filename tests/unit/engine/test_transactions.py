"""How many SQL transactions a request takes: each is a round trip to PostgreSQL, or three."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from people import astronaut, encoded
from sqlalchemy import event
from toy_gallery import House, unit_rows

from regard.domain.authority import Action
from regard.engine.galleries.enrolment import EnrolmentOptions
from regard.engine.galleries.face_search import SearchOptions

PORTRAIT = encoded(astronaut(), "PNG")


@contextmanager
def begun(house: House) -> Iterator[list[int]]:
    """A line for each transaction that begins inside."""
    engine, transactions = house.database._engine, []
    event.listen(engine, "begin", listener := lambda _: transactions.append(1))
    yield transactions
    event.remove(engine, "begin", listener)


def test_indexing_one_face_takes_four_transactions_where_nothing_was_deleted(house: House) -> None:
    """The collection, the face, how far SQL is, and the new face for the index."""
    staff = house.collection()
    house.enrol(staff, unit_rows(1))
    grant = house.may(Action.ENROL, "staff")
    with begun(house) as transactions:
        house.enrolment.index(grant, "staff", PORTRAIT, EnrolmentOptions())
    assert len(transactions) == 4
    assert house.index.keys(staff.key).tolist() == [1, 2]


def test_deletions_and_users_are_read_as_soon_as_there_are_any(house: House) -> None:
    staff = house.collection()
    first, second = house.enrol(staff, unit_rows(2))
    house.users.create(house.may(Action.ENROL, "staff"), "staff", "ada")
    grant = house.may(Action.ENROL, "staff")
    with begun(house) as transactions:
        house.users.associate(grant, "staff", "ada", [first.face_id], threshold=0)
    assert len(transactions) == 4  # the collection, the change, how far SQL is, the user's vector
    grant = house.may(Action.DELETE, "staff")
    with begun(house) as transactions:
        house.galleries.delete_faces(grant, "staff", [second.face_id])
    assert len(transactions) == 4  # the collection, the change, how far SQL is, the deletion
    assert house.index.keys(staff.key).tolist() == [1]


def test_a_search_in_which_nothing_is_new_asks_once_how_far_sql_is(house: House) -> None:
    house.enrol(house.collection(), unit_rows(3))
    grant = house.may(Action.SEARCH, "staff")
    with begun(house) as transactions:
        house.face_search.by_image(grant, "staff", PORTRAIT, SearchOptions(most=5, threshold=0))
    assert len(transactions) == 3  # the collection with its size, how far SQL is, the faces that were found
