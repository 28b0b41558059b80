"""Collections, faces, users, searches and pictures through the native API: the same engine as AWS's clients ask."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from native import Office, office
from people import astronaut, crowd, encoded, head, nobody

FAR = np.zeros((220, 60, 3), np.uint8)


def picture(pixels: Any) -> str:
    return base64.b64encode(encoded(pixels)).decode()


def two_faces() -> Any:
    """A large head on the left, and on the right a smaller one of the same person in another light."""
    small = np.zeros((220, 130, 3), np.uint8)
    small[40:160, 5:125] = (head(120) * 0.8).astype(np.uint8)
    return np.concatenate([head(220), FAR, small], axis=1)


@pytest.fixture(scope="module")
def desk(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Under `open`, where everybody who signs in may do everything."""
    with office(tmp_path_factory.mktemp("gallery"), models, profile="open", assessment=None) as made:
        made.post("sam", "/collections", {"collection_id": "staff", "tags": {"team": "north"}})
        yield made


def enrol(desk: Office, name: str, pixels: Any, collection: str = "staff") -> str:
    made = desk.post(
        "sam",
        f"/collections/{collection}/faces",
        {"image": picture(pixels), "external_image_id": name, "most": 1, "quality": "NONE"},
    )
    return str(made["enrolled"][0]["face_id"])


# -- collections ----------------------------------------------------------------------------------------------------


def test_a_collection_is_created_described_and_deleted(desk: Office) -> None:
    made = desk.post("sam", "/collections", {"collection_id": "visitors", "tags": {"team": "south"}})
    assert (made["faces"], made["tags"]) == (0, {"team": "south"})
    assert "visitors" in [each["collection_id"] for each in desk.get("sam", "/collections")["collections"]]
    assert desk.live.client().describe_collection(CollectionId="visitors")["FaceModelVersion"] == made["face_model"]
    again = desk.ask("sam", "POST", "/collections", {"collection_id": "visitors"})
    assert (again.status, again.json["code"]) == (409, "ResourceAlreadyExists")
    assert desk.ask("sam", "DELETE", "/collections/visitors").status == 204
    assert desk.ask("sam", "GET", "/collections/visitors").status == 404


def test_a_collection_is_created_under_a_stricter_profile_and_cannot_leave_it(desk: Office) -> None:
    made = desk.post(
        "sam", "/collections", {"collection_id": "released", "profile": "consented", "overlays": ["illinois"]}
    )
    assert made["tags"] == {"regard:profile": "consented", "regard:overlays": "illinois"}
    file = desk.get("sam", "/collections/released")
    assert file["profile"] == "consented+illinois"
    assert desk.ask("rob", "GET", "/collections/released").status == 403  # a reviewer has no role for that
    laxer = desk.ask("ann", "PUT", "/collections/released/tags", {"tags": {}, "version": file["version"]})
    assert (laxer.status, laxer.json["code"]) == (400, "InvalidParameter")
    assert desk.ask("sam", "POST", "/collections", {"collection_id": "x", "profile": "no-such"}).status == 400


@pytest.mark.parametrize("name", ["", "a b", "../etc", "x" * 256, "ü"])
def test_a_name_that_no_collection_can_have_is_refused(desk: Office, name: str) -> None:
    assert desk.ask("sam", "POST", "/collections", {"collection_id": name}).status == 422


@pytest.mark.parametrize(
    "path", ["/collections/a b", "/collections/<b>/faces", "/thresholds/=1+1", "/collections/" + "x" * 256]
)
def test_what_no_id_can_be_reaches_neither_the_engine_nor_the_ledger(desk: Office, path: str) -> None:
    refused = desk.ask("sam", "GET", path)
    assert (refused.status, refused.json["code"]) == (422, "InvalidParameter")


def test_whoever_replaces_tags_that_another_has_changed_is_told_so(desk: Office) -> None:
    seen = desk.get("sam", "/collections/staff")
    mine = {"tags": {"team": "west"}, "version": seen["version"]}
    assert desk.ask("sue", "PUT", "/collections/staff/tags", mine).json["tags"] == {"team": "west"}
    stale = desk.ask("sam", "PUT", "/collections/staff/tags", {"tags": {}, "version": seen["version"]})
    assert (stale.status, stale.json["code"]) == (409, "Conflict")
    assert desk.get("sam", "/collections/staff")["collection"]["tags"] == {"team": "west"}
    version = desk.get("sam", "/collections/staff")["version"]
    refused = desk.ask("sam", "PUT", "/collections/staff/tags", {"tags": {"aws:x": "1"}, "version": version})
    assert refused.status == 400


# -- faces and users ------------------------------------------------------------------------------------------------


def test_faces_are_enrolled_listed_by_pages_and_deleted(desk: Office) -> None:
    desk.post("sam", "/collections", {"collection_id": "pages"})
    ids = {enrol(desk, f"head-{side}", head(side), "pages") for side in (150, 170, 190)}
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        page = desk.get("sam", f"/collections/pages/faces?after={after}&limit=2")
        seen += [each["face_id"] for each in page["faces"]]
        after = page["next"]
    assert (len(seen), set(seen)) == (3, ids)
    first = seen[0]
    (one,) = desk.get("sam", f"/collections/pages/faces?face_id={first}")["faces"]
    assert one["external_image_id"].startswith("head-")
    other = "0" * 8 + "-0000-0000-0000-" + "0" * 12
    gone = desk.post("sam", "/collections/pages/faces/delete", {"face_ids": [first, other]})
    assert gone == {"deleted": [first], "kept": {}}
    assert desk.get("sam", "/collections/pages")["collection"]["faces"] == 2


def test_a_face_that_is_too_poor_is_refused_with_the_reason(desk: Office) -> None:
    dark = (head(150) * 0.02).astype(np.uint8)
    made = desk.post("sam", "/collections/staff/faces", {"image": picture(dark), "quality": "HIGH"})
    assert made["enrolled"] == []
    none = desk.post("sam", "/collections/staff/faces", {"image": picture(nobody())})
    assert none == {"enrolled": [], "refused": [], "known": False}


def test_a_user_is_made_of_faces_that_are_alike(desk: Office) -> None:
    desk.post("sam", "/collections", {"collection_id": "users"})
    faces = [enrol(desk, f"ada-{side}", head(side), "users") for side in (160, 200)]
    one = "/collections/users/users"
    created = desk.post("sam", one, {"user_id": "ada"})
    assert (created["user_id"], created["status"]) == ("ada", "CREATED")
    given = desk.post("sam", f"{one}/ada/faces", {"face_ids": faces})
    assert (sorted(given["moved"]), given["status"]) == (sorted(faces), "ACTIVE")
    (listed,) = desk.get("sam", one)["users"]
    assert (listed["user_id"], listed["status"]) == ("ada", "ACTIVE")
    assert listed["version"] != created["version"]
    found = desk.post("sam", "/collections/users/search/users", {"image": picture(head(180))})
    assert [each["user_id"] for each in found["candidates"]] == ["ada"]
    mine = desk.get("sam", "/collections/users/faces?user_id=ada")["faces"]
    assert {each["user_id"] for each in mine} == {"ada"}
    taken = desk.post("sam", f"{one}/ada/faces/remove", {"face_ids": faces[:1]})
    assert taken["moved"] == faces[:1]
    assert desk.ask("sam", "DELETE", f"{one}/ada").status == 204
    assert desk.get("sam", one)["users"] == []
    conflict = [desk.ask("sam", "POST", one, {"user_id": "eva"}).status for _ in range(2)]
    assert conflict == [201, 409]


# -- searching ------------------------------------------------------------------------------------------------------


def test_a_search_has_the_candidates_that_boto3_has_and_the_numbers_to_judge_them_by(desk: Office) -> None:
    desk.post("sam", "/collections", {"collection_id": "search"})
    enrol(desk, "ada", head(200), "search")
    found = desk.post("sam", "/collections/search/search", {"image": picture(head(180))})
    answer = desk.live.client().search_faces_by_image(
        CollectionId="search", Image={"Bytes": encoded(head(180))}, FaceMatchThreshold=80
    )
    (mine,), (theirs,) = found["candidates"], answer["FaceMatches"]
    assert (mine["face"]["face_id"], mine["face"]["external_image_id"]) == (theirs["Face"]["FaceId"], "ada")
    assert mine["similarity"] == pytest.approx(theirs["Similarity"])
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert found["gallery_size"] == int(headers["x-regard-gallery-size"]) == 1
    assert found["expected_false"] == pytest.approx(float(headers["x-regard-expected-false"]))
    assert (found["threshold"], found["case"]) == (80.0, None)
    again = desk.post("sam", f"/collections/search/faces/{mine['face']['face_id']}/search", {})
    assert (again["candidates"], again["searched"]) == ([], None)


def test_the_face_that_was_chosen_is_searched_for_and_not_the_largest(desk: Office) -> None:
    desk.post("sam", "/collections", {"collection_id": "chosen"})
    enrol(desk, "ada", head(200), "chosen")
    image = picture(two_faces())
    seen = desk.post("sam", "/faces", {"image": image})
    assert (seen["width"], seen["height"], len(seen["faces"])) == (410, 220, 2)
    large, small = (each["box"] for each in seen["faces"])
    assert large["left"] < small["left"]
    for chosen in (large, small):
        found = desk.post("sam", "/collections/chosen/search", {"image": image, "face": chosen})
        assert found["searched"] == pytest.approx(chosen, abs=0.01)
    plain = desk.post("sam", "/collections/chosen/search", {"image": image})
    assert plain["searched"] == pytest.approx(large, abs=0.01)
    users = desk.ask("sam", "POST", "/collections/chosen/search/users", {"image": image, "face": small})
    assert users.status == 200
    nowhere = {"left": 0.55, "top": 0.9, "width": 0.01, "height": 0.01}
    refused = desk.ask("sam", "POST", "/collections/chosen/search", {"image": image, "face": nowhere})
    assert (refused.status, "chosen" in refused.json["detail"]) == (400, True)


def test_what_was_searched_for_is_found_at_the_threshold_that_was_asked_for(desk: Office) -> None:
    found = desk.post("sam", "/collections/staff/search", {"image": picture(astronaut()), "threshold": 0, "most": 1})
    assert found["threshold"] == 0
    assert desk.ask("sam", "POST", "/collections/none/search", {"image": picture(astronaut())}).status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"image": ""}, 422),
        ({"image": "!!!"}, 422),
        ({"image": base64.b64encode(b"no picture").decode()}, 415),
        ({"image": picture(nobody())}, 400),
        ({"image": picture(nobody()), "threshold": 101}, 422),
        ({"image": picture(nobody()), "most": 0}, 422),
        ({"image": picture(nobody()), "face": {"left": 0}}, 422),
        ({"image": "A" * (9 * 1024 * 1024)}, 413),
    ],
)
def test_a_search_for_nothing_is_a_problem(desk: Office, body: Any, status: int) -> None:
    refused = desk.ask("sam", "POST", "/collections/staff/search", body)
    assert (refused.status, refused.headers["content-type"]) == (status, "application/problem+json")


def test_a_telephone_may_not_search_where_the_profile_forbids_it(
    models: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with office(tmp_path_factory.mktemp("detroit"), models, profile="detroit") as made:
        made.post("ann", "/collections", {"collection_id": "suspects"})
        body = {"image": picture(astronaut())}
        phone = made.ask("sam", "POST", "/collections/suspects/search", body, User_Agent="Mozilla/5.0 (iPhone; Mobile)")
        assert (phone.status, "allows no search with a telephone" in phone.json["detail"]) == (403, True)
        computer = made.ask("sam", "POST", "/collections/suspects/search", body, User_Agent="Mozilla/5.0 (X11; Linux)")
        assert "telephone" not in computer.json["detail"]


# -- pictures -------------------------------------------------------------------------------------------------------


def test_faces_are_told_with_how_well_they_are_seen(desk: Office) -> None:
    seen = desk.post("sam", "/faces", {"image": picture(crowd(1, 3, 120))})["faces"]
    assert len(seen) == 3
    theirs = desk.live.client().detect_faces(Image={"Bytes": encoded(crowd(1, 3, 120))})["FaceDetails"]
    assert [each["sharpness"] for each in seen] == pytest.approx([each["Quality"]["Sharpness"] for each in theirs])
    assert {*seen[0]} == {"box", "confidence", "brightness", "sharpness", "yaw", "pitch", "roll"}


@pytest.mark.slow
def test_what_is_in_a_picture_is_told_as_aws_clients_are(desk: Office) -> None:
    client, content = desk.live.client(), encoded(astronaut())
    mine = desk.post("sam", "/labels", {"image": picture(astronaut())})
    theirs = client.detect_labels(Image={"Bytes": content}, MinConfidence=55)
    assert [each["name"] for each in mine["labels"]] == [each["Name"] for each in theirs["Labels"]]
    read = desk.post("sam", "/text", {"image": picture(astronaut())})
    lines = [each for each in client.detect_text(Image={"Bytes": content})["TextDetections"] if each["Type"] == "LINE"]
    assert [each["text"] for each in read["lines"]] == [each["DetectedText"] for each in lines]
