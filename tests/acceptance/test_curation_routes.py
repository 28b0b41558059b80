"""Putting the people of a collection right through the native API: on a real server, with real faces."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from approved import approved
from native import Office, office
from people import astronaut, encoded, head, nobody

from regard.store.authorisation_rows import AuthorisationRows

UNDER = "auth-curation"


@pytest.fixture(scope="module")
def desk(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("curation"), models, profile="open", assessment=None) as made:
        yield made


@pytest.fixture
def place(desk: Office, request: pytest.FixtureRequest) -> str:
    """The path of a collection of this test's own, which keeps pictures."""
    name = request.node.name.removeprefix("test_")[:60]
    desk.post("sam", "/collections", {"collection_id": name, "pictures": True})
    return f"/collections/{name}"


def picture(pixels: Any) -> str:
    return base64.b64encode(encoded(pixels)).decode()


def blurred(pixels: Any) -> Any:
    small = PIL.Image.fromarray(pixels).resize((24, 24))
    return np.asarray(small.resize((200, 200), PIL.Image.Resampling.BICUBIC))


def stretched() -> Any:
    """The astronaut's head, twice as high: hardly herself."""
    return np.ascontiguousarray(np.repeat((astronaut()[:260, 90:350] * 0.9).astype(np.uint8), 2, axis=0))


def enrol(desk: Office, place: str, name: str, pixels: Any, **more: Any) -> str:
    body = {"image": picture(pixels), "external_image_id": name, "most": 1, "quality": "NONE"} | more
    return str(desk.post("sam", f"{place}/faces", body)["enrolled"][0]["face_id"])


def person(desk: Office, place: str, name: str, *face_ids: str) -> str:
    """A user with these faces; their version."""
    desk.post("sam", f"{place}/users", {"user_id": name})
    if face_ids:
        body = {"face_ids": list(face_ids), "threshold": 0}
        assert desk.post("sam", f"{place}/users/{name}/faces", body)["moved"] == list(face_ids)
    return str(desk.get("sam", f"{place}/users/{name}")["version"])


def owners(desk: Office, place: str) -> dict[str, str | None]:
    return {each["face_id"]: each["user_id"] for each in desk.get("sam", f"{place}/faces")["faces"]}


def test_a_wrong_merge_is_seen_among_the_acts_and_undone(desk: Office, place: str) -> None:
    first, second, third = (enrol(desk, place, f"h{side}", head(side)) for side in (150, 170, 190))
    versions = {name: person(desk, place, name, face) for name, face in (("ada", first), ("bea", second))}
    versions["cleo"] = person(desk, place, "cleo", third)
    others = [{"user_id": name, "version": versions[name]} for name in ("bea", "cleo")]
    body = {"others": others, "version": versions["ada"]}
    done = desk.post("sam", f"{place}/users/ada/merge", body)
    assert (set(done["moved"]), done["stayed"]) == ({second, third}, [])
    assert owners(desk, place) == dict.fromkeys((first, second, third), "ada")
    assert [each["user_id"] for each in desk.get("sam", f"{place}/users")["users"]] == ["ada"]
    act = desk.get("sam", f"{place}/acts")["acts"][0]
    assert (act["act"], act["kind"], act["others"], act["faces"]) == (done["act"], "merge", {"bea": 1, "cleo": 1}, 2)
    undone = desk.post("sue", f"{place}/acts/{act['act']}/undo")
    assert (set(undone["moved"]), undone["stayed"]) == ({second, third}, [])
    assert owners(desk, place) == {first: "ada", second: "bea", third: "cleo"}
    again = desk.ask("sue", "POST", f"{place}/acts/{act['act']}/undo")
    assert (again.status, again.json["code"]) == (409, "Conflict")
    found = desk.live.client().search_users(CollectionId=place.rsplit("/", 1)[1], UserId="ada", UserMatchThreshold=0)
    assert {each["User"]["UserId"] for each in found["UserMatches"]} == {"bea", "cleo"}


def test_whoever_looks_at_an_old_page_is_told_how_it_is_now(desk: Office, place: str) -> None:
    first, second = (enrol(desk, place, f"h{side}", head(side)) for side in (150, 170))
    seen = person(desk, place, "ada", first, second)
    desk.post("sue", f"{place}/users/ada/faces/remove", {"face_ids": [second], "version": seen})
    for method, path, body in (
        ("POST", "/faces/remove", {"face_ids": [first], "version": seen}),
        ("POST", "/faces", {"face_ids": [second], "version": seen, "threshold": 0}),
        ("POST", "/separations", {"face_ids": [first], "version": seen}),
        ("DELETE", f"?version={seen}", None),
    ):
        stale = desk.ask("sam", method, f"{place}/users/ada{path}", body)
        assert (stale.status, stale.json["code"]) == (409, "Conflict"), path
        assert stale.headers["content-type"] == "application/problem+json"
        now = desk.get("sam", f"{place}/users/ada")["version"]
        assert stale.json["current"] == {"user_id": "ada", "version": now, "face_ids": [first]}
    assert owners(desk, place) == {first: "ada", second: None}


def test_not_this_person_is_kept_through_proposals_merges_and_boto3(desk: Office, place: str) -> None:
    first, wrong = enrol(desk, place, "one", head(150)), enrol(desk, place, "two", head(190))
    person(desk, place, "ada", first)
    proposed = desk.get("sam", f"{place}/users/ada/proposals")["faces"]
    assert [each["face"]["face_id"] for each in proposed] == [wrong]
    desk.post("sam", f"{place}/users/ada/separations", {"face_ids": [wrong]})
    assert desk.get("sam", f"{place}/users/ada/proposals")["faces"] == []
    name = place.rsplit("/", 1)[1]
    given = desk.live.client().associate_faces(CollectionId=name, UserId="ada", FaceIds=[wrong])
    assert given["UnsuccessfulFaceAssociations"][0]["Reasons"] == ["LOW_MATCH_CONFIDENCE"]
    person(desk, place, "bea", wrong)
    assert desk.get("sam", f"{place}/alike")["pairs"] == []
    merged = desk.post("sam", f"{place}/users/ada/merge", {"others": [{"user_id": "bea"}]})
    assert (merged["moved"], merged["stayed"]) == ([], [wrong])
    file = desk.get("sam", f"{place}/users/ada")
    assert [each["face_id"] for each in file["apart"]] == [wrong]
    body = {"face_ids": [wrong], "version": "0"}
    assert desk.ask("sam", "POST", f"{place}/users/ada/separations/lift", body).status == 409
    lift = desk.ask("sam", "POST", f"{place}/users/ada/separations/lift", {"face_ids": [wrong]})
    assert lift.status == 204
    assert [each["second"]["user_id"] for each in desk.get("sam", f"{place}/alike")["pairs"]] == ["bea"]


def test_the_most_doubtful_face_of_somebody_comes_first_with_its_picture(desk: Office, place: str) -> None:
    good = [enrol(desk, place, f"h{side}", head(side)) for side in (150, 170, 190)]
    other = enrol(desk, place, "other", stretched())
    person(desk, place, "ada", *good, other)
    faces = desk.get("sam", f"{place}/users/ada")["faces"]
    assert faces[0]["face"]["face_id"] == other
    likeness = [each["likeness"] for each in faces]
    assert likeness == sorted(likeness)
    ids = [each["face"]["face_id"] for each in faces]
    pictures = desk.post("sam", f"{place}/faces/pictures", {"face_ids": ids})["pictures"]
    assert set(pictures) == set(ids)
    assert all(base64.b64decode(each).startswith(b"\xff\xd8") for each in pictures.values())


def test_no_picture_is_kept_of_a_collection_that_did_not_ask_for_it(desk: Office) -> None:
    desk.post("sam", "/collections", {"collection_id": "plain"})
    face = enrol(desk, "/collections/plain", "one", head(150))
    assert not desk.get("sam", "/collections/plain")["pictures"]
    assert desk.post("sam", "/collections/plain/faces/pictures", {"face_ids": [face]})["pictures"] == {}


def test_the_same_picture_again_and_a_bad_one_are_found(desk: Office, place: str) -> None:
    first = enrol(desk, place, "one", head(190))
    smaller = enrol(desk, place, "again", head(188))
    poor = enrol(desk, place, "poor", blurred(head(200)))
    found = desk.get("sam", f"{place}/quality")
    assert [[each["face_id"] for each in group] for group in found["duplicates"]] == [[first, smaller]]
    assert poor in [each["face_id"] for each in found["poor"]]
    assert (found["looked"], found["next"]) == (3, None)


def test_an_upload_that_was_cut_goes_on_and_nothing_comes_in_twice(desk: Office, place: str) -> None:
    """Four files, of which two hold the same bytes under two names, and one shows nobody; cut after two."""
    files = {"a": head(150), "b": head(170), "c": nobody(), "d": head(150)}
    content = {name: encoded(pixels) for name, pixels in files.items()}
    hashes = {name: hashlib.sha256(each).hexdigest() for name, each in content.items()}

    def send(name: str) -> Any:
        image = base64.b64encode(content[name]).decode()
        body = {"image": image, "external_image_id": name, "sha256": hashes[name], "quality": "NONE", "most": 1}
        return desk.post("sam", f"{place}/faces", body)

    def known() -> set[str]:
        return set(desk.post("sam", f"{place}/uploads", {"sha256": list(hashes.values())})["known"])

    assert known() == set()
    faces = {name: send(name)["enrolled"] for name in ("a", "c")}
    assert known() == {hashes["a"], hashes["c"]} == {hashes["d"], hashes["c"]}
    again = send("d")
    assert (again["known"], again["enrolled"]) == (True, faces["a"])
    assert not send("b")["known"]
    assert len(owners(desk, place)) == 2
    face = faces["a"][0]["face_id"]
    desk.post("sam", f"{place}/faces/delete", {"face_ids": [face]})
    assert known() == {hashes["b"], hashes["c"]}, "a picture whose face was deleted may come in again"


def test_a_deleted_person_comes_back_but_not_where_people_are_enrolled_on_terms(desk: Office, place: str) -> None:
    face = enrol(desk, place, "one", head(150))
    seen = person(desk, place, "ada", face)
    assert desk.get("sam", f"{place}/users/ada")["final"] is False
    assert desk.ask("sam", "DELETE", f"{place}/users/ada?version={seen}").status == 204
    act = desk.get("sam", f"{place}/acts")["acts"][0]
    assert desk.post("sam", f"{place}/acts/{act['act']}/undo")["moved"] == [face]
    assert owners(desk, place) == {face: "ada"}


@pytest.fixture(scope="module")
def guarded(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("guarded"), models) as made:
        made.post("ann", "/collections", {"collection_id": "suspects"})
        rows = AuthorisationRows(made.live.engine.stores.database)
        rows.add(approved("eve-0001", id=UNDER, decided_by="ove-0001", decided_at=datetime.now(UTC)))
        yield made


def test_where_people_are_enrolled_on_terms_erasing_is_final_and_nobody_is_proposed(guarded: Office) -> None:
    suspects = "/collections/suspects"
    body = {"image": picture(astronaut()), "external_image_id": "one", "most": 1}
    made = guarded.post("eve", f"{suspects}/faces", body, x_regard_authorisation=UNDER)
    face = made["enrolled"][0]["face_id"]
    unlike = {"image": picture(blurred(head(200))), "external_image_id": "two", "most": 1, "quality": "NONE"}
    guarded.post("eve", f"{suspects}/faces", unlike, x_regard_authorisation=UNDER)
    guarded.post("eve", f"{suspects}/users", {"user_id": "ada"})
    under = {"x_regard_authorisation": UNDER}
    given = guarded.post("eve", f"{suspects}/users/ada/faces", {"face_ids": [face]}, **under)
    assert given["moved"] == [face]
    file = guarded.get("eve", f"{suspects}/users/ada")
    assert (file["final"], file["faces"][0]["likeness"]) == (True, None)
    assert [each["kind"] for each in guarded.get("aud", f"{suspects}/acts")["acts"]] == ["give"]
    for path in ("users/ada/proposals", "alike"):
        refused = guarded.ask("eve", "GET", f"{suspects}/{path}")
        assert (refused.status, refused.json["code"]) == (403, "AccessDenied")
        assert "takes a search" in refused.json["detail"]
    for login in ("sam", "rob", "ann"):
        assert guarded.ask(login, "POST", f"{suspects}/faces/pictures", {"face_ids": [face]}).status == 403
    assert set(guarded.post("eve", f"{suspects}/faces/pictures", {"face_ids": [face]})["pictures"]) == {face}
    _, other = (each["face_id"] for each in guarded.get("eve", f"{suspects}/faces")["faces"])
    guarded.post("eve", f"{suspects}/users", {"user_id": "bea"})
    guarded.post("eve", f"{suspects}/users/bea/faces", {"face_ids": [other]}, **under)
    others = {"others": [{"user_id": "bea"}]}
    for more, why in (({}, "at 99 or more, and 0 was asked for"), ({"threshold": 99}, "bea is not like ada")):
        merged = guarded.ask("eve", "POST", f"{suspects}/users/ada/merge", others | more, **under)
        assert merged.status == 403
        assert why in merged.json["detail"], "a merge is no way round what each face takes"
    assert guarded.ask("eve", "DELETE", f"{suspects}/users/ada").status == 204
    named = [each["user_id"] for each in guarded.get("aud", f"{suspects}/acts")["acts"]]
    assert named == ["bea"], "nothing names who was erased"
    entries = guarded.get("aud", "/ledger/entries")["entries"]
    told = [str(each) for each in entries]
    assert any("POST /v1/collections/{collection_id}/users/{user_id}/faces" in each for each in told)
    assert any("POST /v1/collections/{collection_id}/faces/pictures" in each for each in told)
