"""What jobs found: compressed, cut into pages, and without what was erased."""

from __future__ import annotations

from typing import Any

import pytest
from stores import NOW, Store
from toy_task import ACT, caller

from regard.domain.jobs import Job, JobState, StoredObject
from regard.store.job_result_rows import BODY_ITEMS, JobResultRows, put
from regard.store.job_rows import JobRows
from regard.store.result_bodies import ItemPage, items_of, lines, packed, unpacked, whole


def job(store: Store, job_id: str = "j1") -> str:
    new = Job(
        id=job_id,
        kind="FACE_SEARCH",
        caller=caller(),
        act=ACT,
        person_id=None,
        request={},
        object=StoredObject(bucket="b", name="n", etag="e"),
        tag=None,
        channel=None,
        state=JobState.QUEUED,
        priority=0,
        progress=0.0,
        message=None,
        metadata={},
        created_at=NOW,
        finished_at=None,
        expires_at=NOW,
    )
    JobRows(store.database).add(new)
    return job_id


def seen(at: int, *face_ids: str) -> dict[str, Any]:
    """Somebody in a video at that time, who may be any of these."""
    matches = [
        {"Similarity": 99.0, "Face": {"FaceId": each, "ExternalImageId": f"name of {each}"}} for each in face_ids
    ]
    return {"at": at, "faces": list(face_ids), "Timestamp": at, "Person": {"Index": at}, "FaceMatches": matches}


def stored(store: Store, key: int, items: list[dict[str, Any]], place: tuple[str, str, int] = ("j1", "A", 0)) -> None:
    with store.database.write() as connection:
        put(connection, place, items, key)


def page(store: Store, after: int = 0, most: int = 10, ordering: str = "A") -> ItemPage:
    return JobResultRows(store.database).page("j1", ordering, after, most)


def shown(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name[0].isupper()}


def test_what_is_null_is_not_told(store: Store) -> None:
    job(store)
    face = {"Smile": None, "Landmarks": [{"X": 1.0, "Y": None}], "Note": 'a ":null" in words'}
    stored(store, 1, [{"at": 1, "Timestamp": 1, "Face": face, "Text": None}])
    told = {"Landmarks": [{"X": 1.0}], "Note": face["Note"]}
    assert page(store).shapes() == [{"Timestamp": 1, "Face": told}]


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_what_is_packed_is_unpacked_the_same(count: int) -> None:
    items = [{"at": number, "name": "ü" * (number % 99), "text": "a\nb"} for number in range(count)]
    body = packed(map(whole, items))
    assert list(unpacked(body)) == items
    assert len(lines(body)) == count
    assert lines(b"no such thing") == []


def test_an_erased_face_is_gone_from_what_jobs_found_in_the_same_transaction(store: Store) -> None:
    staff = store.collection()
    one, two, three = (face.face_id for face in store.enrol(staff, 3))
    job(store)
    stored(store, staff.key, [seen(0, one), seen(1, one, two), seen(2, three), seen(3)])
    store.faces.delete(staff.key, [one])
    found = page(store)
    assert (found.last, found.more) == (4, False)
    assert found.shapes() == [shown(seen(1, two)), shown(seen(2, three)), shown(seen(3))]
    body = b"\n".join(JobResultRows(store.database).body("j1", "A", 0))
    assert one.encode() not in body
    assert (two.encode() in body, three.encode() in body) == (True, True)
    first = page(store, most=2)
    assert [item["Timestamp"] for item in first.shapes()] == [1, 2]
    assert (first.last, first.more) == (3, True)  # what was erased keeps its place
    store.faces.delete(staff.key, [two, three])
    assert page(store).shapes() == [shown(seen(3))]


def test_an_erased_face_is_gone_from_what_a_chunk_left_and_what_is_made_of_it(store: Store) -> None:
    staff = store.collection()
    one, two = (face.face_id for face in store.enrol(staff, 2))
    job(store)
    stored(store, staff.key, [seen(0, one), seen(1, one, two), seen(2)], ("j1", "", 0))
    store.faces.delete(staff.key, [one])
    left = items_of(JobResultRows(store.database).body("j1", "", 0))
    assert left == [seen(1, two), seen(2)]


@pytest.mark.parametrize("most", [1, 249, 250, 251, 1000, 2000])
def test_pages_begin_and_end_anywhere_and_the_last_says_so(store: Store, most: int) -> None:
    staff = store.collection()
    gone = store.enrol(staff)[0].face_id
    job(store)
    count = 2 * BODY_ITEMS + 3
    items = [seen(at, *([gone] if BODY_ITEMS - 2 < at < BODY_ITEMS + 2 else [])) for at in range(count)]
    for number in range(3):
        stored(store, staff.key, items[number * BODY_ITEMS : (number + 1) * BODY_ITEMS], ("j1", "A", number))
    store.faces.delete(staff.key, [gone])
    found, sizes, some = [], [], ItemPage(more=True)
    while some.more:
        some = page(store, some.last, most)
        found += [shape["Timestamp"] for shape in some.shapes()]
        sizes.append(len(some.items))
    assert found == [each["at"] for each in items if not each["faces"]]
    assert set(sizes[:-1]) <= {most}
    assert page(store, count, most) == ItemPage(last=count, items=[])


def test_a_collection_takes_what_jobs_found_of_it_with_it(store: Store) -> None:
    staff, guests = store.collection("staff"), store.collection("guests")
    one, two = store.enrol(staff)[0].face_id, store.enrol(guests, seed=1)[0].face_id
    job(store)
    stored(store, staff.key, [seen(0, one)])
    stored(store, guests.key, [seen(0, two)], ("j1", "B", 0))
    store.collections.delete("staff")
    assert page(store).shapes() == []
    assert len(page(store, ordering="B").items) == 1


def test_what_is_stored_after_a_face_was_erased_does_not_name_it(store: Store) -> None:
    """The search came first, and the erasure before its results were stored."""
    staff = store.collection()
    one, two = (face.face_id for face in store.enrol(staff, 2))
    store.faces.delete(staff.key, [one])
    job(store)
    stored(store, staff.key, [seen(0, one), seen(1, one, two), seen(2)])
    assert [item["FaceMatches"] for item in page(store).shapes()] == [seen(1, two)["FaceMatches"], []]
    stored(store, -1, [seen(0, two)])  # the collection is gone
    assert page(store).shapes() == []


def test_an_item_is_stored_once_however_often_its_body_is(store: Store) -> None:
    staff = store.collection()
    [face] = store.enrol(staff)
    job(store)
    for _ in range(3):
        stored(store, staff.key, [seen(0, face.face_id)])
    assert len(page(store).items) == 1


def test_jobs_go_with_all_that_came_of_them(store: Store) -> None:
    staff = store.collection()
    [face] = store.enrol(staff)
    job(store)
    stored(store, staff.key, [seen(0, face.face_id)])
    assert JobRows(store.database).delete(["j1"]) == 1
    with store.database.read() as connection:
        for table in ("jobs", "job_chunks", "job_results", "job_faces", "outbox"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0  # noqa: S608


def test_a_job_that_is_damaged_keeps_no_other_from_being_listed(store: Store) -> None:
    job(store)
    job(store, "j2")
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET caller = '{}' WHERE id = 'j1'")
    assert [each.id for each in JobRows(store.database).newest(10)] == ["j2"]
    assert JobRows(store.database).get("j1") is None
