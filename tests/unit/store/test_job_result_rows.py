"""What jobs found: compressed, cut into pages, and without what was erased."""

from __future__ import annotations

from typing import Any

import pytest
from stores import NOW, Store
from toy_task import ACT, caller

from regard.domain.jobs import Job, JobState, StoredObject
from regard.store.job_result_rows import JobResultRows, lines, packed, put, unpacked
from regard.store.job_rows import JobRows


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
        put(connection, place, 0, items, key)


def window(store: Store, first: int = 0, most: int = 10, ordering: str = "A") -> list[tuple[int, dict[str, Any]]]:
    return JobResultRows(store.database).window("j1", ordering, first, most)


def test_what_is_null_is_not_told(store: Store) -> None:
    job(store)
    face = {"Smile": None, "Landmarks": [{"X": 1.0, "Y": None}], "Note": 'a ":null" in words'}
    stored(store, 1, [{"at": 1, "Timestamp": 1, "Face": face, "Text": None}])
    told = {"Landmarks": [{"X": 1.0}], "Note": face["Note"]}
    assert window(store) == [(0, {"at": 1, "Timestamp": 1, "Face": told})]


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_what_is_packed_is_unpacked_the_same(count: int) -> None:
    items = [{"at": number, "name": "ü" * (number % 99), "text": "a\nb"} for number in range(count)]
    assert list(unpacked(packed(items))) == items
    assert len(lines(packed(items))) == count
    assert lines(b"no such thing") == []


def test_an_erased_face_is_gone_from_what_jobs_found_in_the_same_transaction(store: Store) -> None:
    staff = store.collection()
    one, two, three = (face.face_id for face in store.enrol(staff, 3))
    job(store)
    stored(store, staff.key, [seen(0, one), seen(1, one, two), seen(2, three), seen(3)])
    store.faces.delete(staff.key, [one])
    found = window(store)
    assert [place for place, _ in found] == [1, 2, 3]  # what was erased keeps its place
    assert [match["Face"]["FaceId"] for match in found[0][1]["FaceMatches"]] == [two]
    assert found[0][1]["faces"] == [two]
    assert found[2][1] == seen(3)
    body = b"\n".join(JobResultRows(store.database).body("j1", "A", 0))
    assert one.encode() not in body
    assert [item["Timestamp"] for _, item in window(store, most=2)] == [1, 2]
    store.faces.delete(staff.key, [two, three])
    assert [place for place, _ in window(store)] == [3]


def test_a_collection_takes_what_jobs_found_of_it_with_it(store: Store) -> None:
    staff, guests = store.collection("staff"), store.collection("guests")
    one, two = store.enrol(staff)[0].face_id, store.enrol(guests, seed=1)[0].face_id
    job(store)
    stored(store, staff.key, [seen(0, one)])
    stored(store, guests.key, [seen(0, two)], ("j1", "B", 0))
    store.collections.delete("staff")
    assert window(store) == []
    assert len(window(store, ordering="B")) == 1


def test_what_is_stored_after_a_face_was_erased_does_not_name_it(store: Store) -> None:
    """The search came first, and the erasure before its results were stored."""
    staff = store.collection()
    one, two = (face.face_id for face in store.enrol(staff, 2))
    store.faces.delete(staff.key, [one])
    job(store)
    stored(store, staff.key, [seen(0, one), seen(1, one, two), seen(2)])
    assert [item["FaceMatches"] for _, item in window(store)] == [seen(1, two)["FaceMatches"], []]
    stored(store, -1, [seen(0, two)])  # the collection is gone
    assert window(store) == []


def test_an_item_is_stored_once_however_often_its_body_is(store: Store) -> None:
    staff = store.collection()
    [face] = store.enrol(staff)
    job(store)
    for _ in range(3):
        stored(store, staff.key, [seen(0, face.face_id)])
    assert len(window(store)) == 1


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
