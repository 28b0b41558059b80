"""What is stored, through the native API: listed by page, shown small, looked into, searched with; films by range."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import PIL.Image
import pytest
from native import Office, Said, office
from people import astronaut, encoded, head

from regard.engine.analysis import stored_objects
from regard.store.ledger_rows import LedgerRows

FILM = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def desk(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Under `open`, with a bucket of pictures, a film, and what is none of both."""
    with office(tmp_path_factory.mktemp("buckets"), models, profile="open", assessment=None) as made:
        for name, content in {
            "ada.jpg": encoded(astronaut()),
            "summer/café & sun.png": encoded(head(200)),
            "summer/beach/1.jpg": encoded(head(120)),
            "summer/beach/2.jpg": encoded(head(120)),
            "notes.txt": b"no picture",
            "broken.jpg": b"\xff\xd8\xff\xe0 broken",
            "films/clip.mp4": FILM,
        }.items():
            made.live.put(name, content)
        made.post("sam", "/collections", {"collection_id": "staff"})
        yield made


def objects(desk: Office, **query: Any) -> Any:
    return desk.get("sam", "/buckets/photos/objects?" + "&".join(f"{k}={quote(str(v))}" for k, v in query.items()))


def stored(name: str, **more: Any) -> dict[str, Any]:
    return {"object": {"bucket": "photos", "name": name}, **more}


def opened(content: str) -> PIL.Image.Image:
    return PIL.Image.open(io.BytesIO(base64.b64decode(content)))


def test_a_bucket_is_listed_with_its_folders_and_what_each_object_is(desk: Office) -> None:
    assert desk.get("sam", "/buckets")["buckets"] == ["photos"]
    found = objects(desk)
    assert found["folders"] == ["films/", "summer/"]
    assert {each["name"]: each["kind"] for each in found["objects"]} == {
        "ada.jpg": "picture",
        "broken.jpg": "picture",
        "notes.txt": "other",
    }
    assert found["next"] is None
    inside = objects(desk, prefix="summer/")
    assert (inside["folders"], [each["name"] for each in inside["objects"]]) == (
        ["summer/beach/"],
        ["summer/café & sun.png"],
    )
    assert [each["name"] for each in objects(desk, prefix="summer/beach/2")["objects"]] == ["summer/beach/2.jpg"]
    assert objects(desk, prefix="winter/")["objects"] == []


def test_pages_have_every_object_once(desk: Office) -> None:
    names, after = [], ""
    for _ in range(10):
        page = objects(desk, most=2, after=after)
        names += page["folders"] + [each["name"] for each in page["objects"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert names == sorted(names) == ["ada.jpg", "broken.jpg", "films/", "notes.txt", "summer/"]


@pytest.mark.parametrize("prefix", ["../", "/", "summer/../../", "summer//"])
def test_no_prefix_leads_out_of_a_bucket(desk: Office, prefix: str) -> None:
    said = desk.ask("sam", "GET", f"/buckets/photos/objects?prefix={quote(prefix)}")
    assert (said.status, said.json["code"]) == (400, "InvalidS3Object")


def test_a_bucket_that_there_is_not_is_said_to_be_none(desk: Office) -> None:
    assert desk.ask("sam", "GET", "/buckets/nowhere/objects").json["code"] == "InvalidS3Object"
    assert desk.ask("sam", "GET", "/buckets/..%2F/objects").status in (404, 422)


def test_pictures_are_shown_small_and_one_that_is_broken_spoils_no_other(desk: Office) -> None:
    names = ["ada.jpg", "broken.jpg", "gone.jpg", "summer/café & sun.png"]
    shown = desk.post("sam", "/buckets/photos/pictures", {"names": names, "longest": 128})
    whole, broken, gone, sun = shown["pictures"]
    height, width = astronaut().shape[:2]
    assert (whole["width"], whole["height"], whole["fault"]) == (width, height, None)
    assert max(opened(whole["image"]).size) == 128
    assert max(opened(sun["image"]).size) == 128
    assert (broken["image"], gone["image"]) == (None, None)
    assert "JPEG" in broken["fault"]
    assert "object key" in gone["fault"]
    many = {"names": ["ada.jpg"] * 64, "longest": 2048}
    assert desk.ask("sam", "POST", "/buckets/photos/pictures", many).status == 422


def test_a_picture_is_decoded_once_and_very_large_ones_are_asked_for_again(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(*names: str) -> Any:
        return desk.post("sam", "/buckets/photos/pictures", {"names": names})["pictures"]

    assert [each["name"] for each in shown(*["ada.jpg"] * 64)] == ["ada.jpg"]
    monkeypatch.setattr(stored_objects, "_MOST_PIXELS", 1000)
    first, second = shown("ada.jpg", "summer/beach/1.jpg")
    assert first["image"]
    assert (second["image"], "by itself" in second["fault"]) == (None, True)
    assert shown("summer/beach/1.jpg")[0]["image"]


def test_what_is_hidden_is_neither_listed_nor_read(desk: Office) -> None:
    for name in (".hid.jpg", ".dot/ada.jpg", "summer/.hid.jpg"):
        desk.live.put(name, encoded(head(120)))
        assert desk.ask("sam", "POST", "/faces", stored(name)).json["code"] == "InvalidS3Object"
    assert objects(desk)["folders"] == ["films/", "summer/"]
    assert [each["name"] for each in objects(desk, prefix="summer/")["objects"]] == ["summer/café & sun.png"]
    assert desk.ask("sam", "GET", "/buckets/photos/objects?prefix=.dot/").status == 400


def test_the_ledger_says_which_film_was_watched(models: Path, tmp_path: Path) -> None:
    with office(tmp_path, models) as made:
        made.live.put("clip.mp4", FILM)
        assert film(made, name="clip.mp4").status == 206
        rows = LedgerRows(made.live.engine.stores.database)
        heard = json.loads(rows.entries(rows.head().size - 1, 1)[0].body or "{}")
    assert heard["facts"]["object"] == "photos/clip.mp4"


@pytest.mark.slow
def test_a_stored_picture_is_looked_into_as_one_that_is_sent(desk: Office) -> None:
    sent = {"image": base64.b64encode(encoded(astronaut())).decode()}
    faces = desk.post("sam", "/faces", stored("ada.jpg"))
    assert faces == desk.post("sam", "/faces", sent)
    labels = desk.post("sam", "/labels", stored("ada.jpg", properties=True))
    assert "Person" in [each["name"] for each in labels["labels"]]
    assert labels["look"]["colours"]
    assert desk.post("sam", "/labels", sent)["look"] is None
    assert "lines" in desk.post("sam", "/text", stored("ada.jpg"))
    assert desk.post("sam", "/moderation", stored("ada.jpg", threshold=99))["labels"] == []
    both = desk.ask("sam", "POST", "/faces", sent | stored("ada.jpg"))
    assert (both.status, desk.ask("sam", "POST", "/faces", {}).status) == (422, 422)


def test_the_face_in_a_box_of_a_stored_picture_is_searched_for(desk: Office) -> None:
    picture = {"image": base64.b64encode(encoded(head(220))).decode(), "external_image_id": "ada"}
    desk.post("sam", "/collections/staff/faces", picture)
    box = desk.post("sam", "/faces", stored("ada.jpg"))["faces"][0]["box"]
    found = desk.post("sam", "/collections/staff/search", stored("ada.jpg", face=box))
    assert [each["face"]["external_image_id"] for each in found["candidates"]] == ["ada"]
    assert found["searched"] == pytest.approx(box, abs=0.02)
    nothing = {"left": 0.0, "top": 0.95, "width": 0.02, "height": 0.02}
    missed = desk.ask("sam", "POST", "/collections/staff/search", stored("ada.jpg", face=nothing))
    assert (missed.status, "No face was found where" in missed.json["detail"]) == (400, True)


def film(desk: Office, wanted: str | None = None, name: str = "films/clip.mp4") -> Said:
    headers = {} if wanted is None else {"Range": wanted}
    return desk.ask("sam", "GET", f"/buckets/photos/film?name={quote(name)}", **headers)


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        (None, 0, len(FILM)),
        ("bytes=0-1", 0, 2),
        ("bytes=1000-", 1000, len(FILM)),
        ("bytes=-100", len(FILM) - 100, len(FILM)),
        ("bytes=0-999999999", 0, len(FILM)),
        ("lines=1-2", 0, len(FILM)),
        ("bytes=5-2", 0, len(FILM)),
    ],
)
def test_a_film_is_played_by_range(desk: Office, wanted: str | None, start: int, end: int) -> None:
    said = film(desk, wanted)
    assert (said.status, said.content) == (206, FILM[start:end])
    assert said.headers["content-range"] == f"bytes {start}-{end - 1}/{len(FILM)}"
    assert (said.headers["content-type"], said.headers["cache-control"]) == ("video/mp4", "no-store")


def test_behind_the_end_of_a_film_there_is_nothing_and_what_is_no_film_is_not_played(desk: Office) -> None:
    for wanted in (f"bytes={len(FILM)}-", "bytes=-0"):
        said = film(desk, wanted)
        assert (said.status, said.headers["content-range"]) == (416, f"bytes */{len(FILM)}")
    assert film(desk, name="notes.txt").status == 400
    assert film(desk, name="films/gone.mp4").json["code"] == "InvalidS3Object"


@pytest.mark.slow
def test_who_has_no_role_for_pictures_sees_no_bucket_and_looking_is_recorded(models: Path, tmp_path: Path) -> None:
    with office(tmp_path, models) as made:
        made.live.put("ada.jpg", encoded(astronaut()))
        for login in ("ann", "rob", "aud", "ove"):
            assert made.ask(login, "GET", "/buckets").status == 403
            assert made.ask(login, "POST", "/buckets/photos/pictures", {"names": ["ada.jpg"]}).status == 403
        assert made.post("sam", "/buckets/photos/pictures", {"names": ["ada.jpg"]})["pictures"][0]["image"]
        rows = LedgerRows(made.live.engine.stores.database)
        heard = json.loads(rows.entries(rows.head().size - 1, 1)[0].body or "{}")
    assert (heard["operation"], heard["action"]) == ("POST /v1/buckets/{bucket}/pictures", "read")
    assert len(heard["facts"]["pictures"]) == 1


def test_a_small_original_is_not_made_larger(desk: Office) -> None:
    desk.live.put("tiny.png", encoded(np.full((90, 120, 3), 200, np.uint8)))
    [shown] = desk.post("sam", "/buckets/photos/pictures", {"names": ["tiny.png"], "longest": 512})["pictures"]
    assert opened(shown["image"]).size == (120, 90)
