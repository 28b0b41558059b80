from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from stores import MODEL, NOW, Store, new_faces, units

from regard.accountability.profiles.catalogue import PROFILES
from regard.accountability.seeded_pairs import SeededPairs, pairs_of
from regard.bootstrap.cases import reviewing
from regard.domain.cases import Opinion, PairKind
from regard.store import database
from regard.store.review_rows import OpenPair
from regard.store.seed_rows import PicturedFace
from regard.store.tables.cases import case_candidates, case_pictures

RULES = PROFILES["public-safety"]


def pair(kind: PairKind, **other: object) -> OpenPair:
    values = {"case_id": "case-1", "number": 1, "needed": 2, "opinions": (), "assigned": 0}
    return OpenPair(kind=kind, **values | other)  # type: ignore[arg-type]


@pytest.fixture
def seeds(tmp_path: Path) -> SeededPairs:
    opened = database.open(f"sqlite:///{tmp_path}/regard.db")
    made = reviewing(opened, tmp_path, lambda: datetime.now(UTC)).reviews._seeds
    opened.close()
    return made


@pytest.mark.control(41)
def test_pairs_are_drawn_as_often_as_the_profile_says(seeds: SeededPairs) -> None:
    count = 20_000
    drawn = Counter(seeds.draw(RULES, [pair(kind) for kind in PairKind]) for _ in range(count))
    shares = {each.kind: number / count for each, number in drawn.items() if each is not None}
    # five standard deviations of the largest share are 0.012
    assert shares[PairKind.SEEDED_MATE] == pytest.approx(RULES.review.seeded_mates / 100, abs=0.015)
    assert shares[PairKind.SEEDED_NONMATE] == pytest.approx(RULES.review.seeded_nonmates / 100, abs=0.015)


def test_without_candidates_nothing_is_drawn_and_without_seeded_pairs_a_candidate(seeds: SeededPairs) -> None:
    assert seeds.draw(RULES, [pair(PairKind.SEEDED_MATE), pair(PairKind.SEEDED_NONMATE)]) is None
    only = pair(PairKind.CANDIDATE)
    assert {seeds.draw(RULES, [only]) for _ in range(50)} == {only}


@pytest.mark.parametrize(
    ("opinions", "assigned", "wanted"),
    [
        ((), 0, True),
        ((), 1, True),
        ((), 2, False),
        ((Opinion.SAME,), 1, False),
        ((Opinion.SAME, Opinion.DIFFERENT), 0, True),
        ((Opinion.SAME, Opinion.DIFFERENT), 1, False),
    ],
)
def test_no_more_are_asked_than_could_decide(opinions: tuple[Opinion, ...], assigned: int, wanted: bool) -> None:
    assert pair(PairKind.CANDIDATE, opinions=opinions, assigned=assigned).wanted is wanted


@pytest.mark.control(28)
@pytest.mark.parametrize("erased", [False, True])
def test_whoever_is_erased_while_a_pair_is_made_of_them_is_in_none(store: Store, tmp_path: Path, erased: bool) -> None:
    staff = store.collection()
    new = [replace(each, external_image_id="ada") for each in new_faces(2)]
    ids = [each.face_id for each in store.faces.add(staff.key, new, units(2), MODEL, NOW)]
    asked: list[datetime] = []

    def clock() -> datetime:
        """Asked at the beginning, and for each pair, before the transaction that it is stored in."""
        asked.append(datetime.now(UTC))
        if erased and len(asked) == 2:
            store.faces.delete(staff.key, ids[:1])
        return asked[-1]

    made = reviewing(store.database, tmp_path, clock)
    made.pictures.keep(staff.key, dict.fromkeys(ids, b"a picture"))
    made.reviews._seeds.top_up(RULES, staff)
    assert len(asked) == 2
    with store.database.read() as connection:
        kept = len(connection.execute(select(case_pictures.c.kind)).all())
        candidates = connection.execute(select(case_candidates.c.face_id)).scalars().all()
    assert (kept, len(candidates)) == ((0, 0) if erased else (2, 1))


def face(face_id: str, name: str | None = None, user: str | None = None, image: str | None = None) -> PicturedFace:
    return PicturedFace(face_id=face_id, image_id=image or face_id, external_image_id=name, user_id=user)


def pairs(faces: list[PicturedFace], *, mates: bool) -> list[set[str]]:
    return [{each.face_id for each in pair} for pair in pairs_of(faces, mates=mates)]


@pytest.mark.control(41)
def test_mates_and_others_are_made_only_of_people_who_are_known() -> None:
    users = [face("1", user="ada"), face("2", user="ada"), face("3", user="bea")]
    assert pairs(users[:2], mates=True) == [{"1", "2"}]
    assert pairs(users[1:], mates=False) == [{"2", "3"}]
    assert pairs(users[1:], mates=True) == pairs(users[:2], mates=False) == []
    pictures = [face("1", name="a.jpg"), face("2", name="b.jpg"), face("3"), face("4")]
    assert pairs(pictures, mates=True) == pairs(pictures, mates=False) == []  # names of pictures say nothing of people
    named = [face("1", name="ada"), face("2", name="ada"), face("3", name="bea"), face("4", name="bea")]
    assert sorted(map(sorted, pairs(named, mates=True))) == [["1", "2"], ["3", "4"]]
    assert all(len(each & {"1", "2"}) == 1 for each in pairs(named, mates=False))
    mixed = [face("1", user="ada"), *named[2:]]
    assert pairs(mixed, mates=False) == []  # a user and a name may be one person
    one_picture = [face("1", user="ada", image="i"), face("2", user="ada", image="i")]
    assert pairs(one_picture, mates=True) == []
