"""How often one person may look for what is kept of somebody, under reviews: never more, however fast."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from agency import portrait
from native import PASSWORD, Office, office
from people import encoded
from sqlalchemy import select, update
from staff import Staff
from test_native_walk_through import sent

from regard.accountability.passwords import Passwords
from regard.domain.people import Role
from regard.store.tables.retention import subject_looks

MOST = 20


@pytest.fixture(scope="module")
def desk(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("looks"), models) as made:
        made.post("ann", "/collections", {"collection_id": "suspects"})
        stores = made.live.engine.stores
        olaf = Staff(made.live.engine.settings.home, stores.database).add("olaf", Role.OVERSEER)
        stores.sign_ins.set_password(olaf, Passwords().hash(PASSWORD), None)
        for login in ("ove", "oda", "olaf"):
            made.token(login)
        yield made


def looks(desk: Office, login: str, count: int, picture: bytes) -> list[int]:
    """What so many at once were answered."""
    body = {"image": sent(picture)}
    with ThreadPoolExecutor(count) as threads:
        return [
            each.status for each in threads.map(lambda _: desk.ask(login, "POST", "/subject/find", body), range(count))
        ]


@pytest.mark.control(56)
@pytest.mark.slow
def test_of_many_looks_at_once_as_many_are_answered_as_an_hour_allows(desk: Office) -> None:
    answered = looks(desk, "ove", 2 * MOST, portrait(dark=0.9)).count(200)
    while (said := looks(desk, "ove", 1, portrait(dark=0.9))) == [200]:  # where some found the server too busy
        answered += 1
    assert (answered, said) == (MOST, [403])
    assert looks(desk, "oda", 1, portrait()) == [200], "each person has an hour of their own"
    database, mine = desk.live.engine.stores.database, subject_looks.c.person_id == "ove-0001"
    with database.write() as connection:
        two = select(subject_looks.c.key).where(mine).limit(2)
        earlier = datetime.now(UTC) - timedelta(minutes=61)
        connection.execute(update(subject_looks).where(subject_looks.c.key.in_(two)).values(looked_at=earlier))
    assert [looks(desk, "ove", 1, portrait()) for _ in range(3)] == [[200], [200], [403]]


def test_a_picture_without_a_face_costs_no_look(desk: Office) -> None:
    nobody = encoded(np.full((64, 64, 3), 90, np.uint8))
    assert [looks(desk, "olaf", 1, nobody) for _ in range(MOST + 1)] == [[400]] * (MOST + 1)
    assert looks(desk, "olaf", 1, portrait()) == [200]
