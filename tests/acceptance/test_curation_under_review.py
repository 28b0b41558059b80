"""What putting people right may not tell where a search takes an authorisation and reviews."""

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
from people import encoded, head

from regard.domain.authorisations import AuthorisationKind
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.collection_rows import CollectionRows
from regard.store.consent_rows import Consent, ConsentRows

UNDER = "auth-curation"


@pytest.fixture(scope="module")
def desk(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("under-review"), models) as made:
        searches = approved("eve-0001", id=UNDER, decided_by="ove-0001", decided_at=datetime.now(UTC))
        AuthorisationRows(made.live.engine.stores.database).add(searches)
        yield made


@pytest.fixture
def place(desk: Office, request: pytest.FixtureRequest) -> str:
    name = request.node.name.removeprefix("test_")[:60]
    desk.post("ann", "/collections", {"collection_id": name})
    return f"/collections/{name}"


def unlike() -> Any:
    small = PIL.Image.fromarray(head(200)).resize((24, 24))
    return np.asarray(small.resize((200, 200), PIL.Image.Resampling.BICUBIC))


def enrol(desk: Office, place: str, name: str, pixels: Any, login: str = "eve", **more: Any) -> Any:
    image = base64.b64encode(encoded(pixels)).decode()
    body = {"image": image, "external_image_id": name, "most": 1, "quality": "NONE"} | more
    return desk.post(login, f"{place}/faces", body, x_regard_authorisation=UNDER)


def person(desk: Office, place: str, name: str, *pictures: Any) -> list[str]:
    desk.post("eve", f"{place}/users", {"user_id": name})
    return [give(desk, place, name, enrol(desk, place, name, each)["enrolled"][0]["face_id"]) for each in pictures]


def give(desk: Office, place: str, name: str, face: str) -> str:
    body = {"face_ids": [face], "threshold": 99}
    assert desk.post("eve", f"{place}/users/{name}/faces", body, x_regard_authorisation=UNDER)["moved"] == [face]
    return face


def searches(desk: Office) -> int:
    found = AuthorisationRows(desk.live.engine.stores.database).get(UNDER)
    assert found is not None
    return found.searches_done


def merge(desk: Office, place: str, name: str, *others: str, version: str | None = None) -> Any:
    named = [{"user_id": each, "version": version} for each in others]
    body = {"others": named, "threshold": 99}
    return desk.ask("eve", "POST", f"{place}/users/{name}/merge", body, x_regard_authorisation=UNDER)


def noted(desk: Office, operation: str) -> str:
    """The last entry of an operation."""
    entries = desk.get("aud", "/ledger/entries?limit=20")["entries"]
    return [str(each) for each in entries if operation in str(each)][-1]


def test_a_merge_that_is_refused_as_unlike_counts_as_a_search_and_an_old_version_is_not_compared(
    desk: Office, place: str
) -> None:
    person(desk, place, "ada", head(150))
    person(desk, place, "bea", unlike())
    before = searches(desk)
    stale = merge(desk, place, "ada", "bea", version="0")
    assert (stale.status, searches(desk)) == (409, before), "nobody was compared, and nothing is told"
    refused = merge(desk, place, "ada", "bea")
    assert (refused.status, searches(desk)) == (403, before + 1)
    assert "bea" in noted(desk, "users/{user_id}/merge"), "the ledger has who was compared"


def test_strangers_are_not_merged_through_a_user_without_faces(desk: Office, place: str) -> None:
    person(desk, place, "empty")
    person(desk, place, "ada", head(150))
    person(desk, place, "bea", unlike())
    refused = merge(desk, place, "empty", "ada", "bea")
    assert (refused.status, "bea is not like ada" in refused.json["detail"]) == (403, True)


def test_neither_duplicates_nor_the_order_of_faces_tell_who_is_alike(desk: Office, place: str) -> None:
    faces = person(desk, place, "ada", head(190), head(188))
    found = desk.get("eve", f"{place}/quality")
    assert (found["duplicates"], found["looked"]) == ([], 2)
    file = desk.get("eve", f"{place}/users/ada")
    assert [each["face"]["face_id"] for each in file["faces"]] == faces
    assert file["advice"] == "more"
    assert faces[0] in noted(desk, "GET /v1/collections/{collection_id}/users/{user_id}")


def test_an_undo_brings_no_face_back_to_others_than_it_was_with(desk: Office, place: str) -> None:
    (first,) = person(desk, place, "ada", head(150))
    desk.post("eve", f"{place}/users/ada/faces/remove", {"face_ids": [first]})
    taken = desk.get("aud", f"{place}/acts")["acts"][0]["act"]
    give(desk, place, "ada", enrol(desk, place, "other", unlike())["enrolled"][0]["face_id"])
    refused = desk.ask("eve", "POST", f"{place}/acts/{taken}/undo", x_regard_authorisation=UNDER)
    assert (refused.status, "given to ada since" in refused.json["detail"]) == (409, True)


def test_nobody_is_proposed_while_the_collection_is_suspended(
    models: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with office(tmp_path_factory.mktemp("open"), models, profile="open", assessment=None) as desk:
        desk.post("sam", "/collections", {"collection_id": "c"})
        desk.post("sam", "/collections/c/users", {"user_id": "ada"})
        desk.post("ove", "/suspensions", {"kind": "collection", "subject": "c", "reason": "a complaint"})
        for path in ("users/ada/proposals", "alike", "quality"):
            said = desk.ask("sam", "GET", f"/collections/c/{path}")
            assert (said.status, "suspended" in said.json["detail"]) == (403, True), path
        assert desk.ask("sam", "GET", "/collections/c/users/ada").status == 200


def test_the_hash_of_another_persons_file_is_not_believed(
    models: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with office(tmp_path_factory.mktemp("hashes"), models, profile="open", assessment=None) as desk:
        desk.post("sam", "/collections", {"collection_id": "c"})
        content = encoded(head(150))
        sha256 = hashlib.sha256(content).hexdigest()
        ask = {"sha256": [sha256]}
        enrol(desk, "/collections/c", "poison", head(190), "sue", sha256=sha256)
        assert desk.post("sue", "/collections/c/uploads", ask)["known"] == [sha256]
        assert desk.post("sam", "/collections/c/uploads", ask)["known"] == []
        assert not enrol(desk, "/collections/c", "right", head(150), "sam", sha256=sha256)["known"]
        assert desk.post("sam", "/collections/c/uploads", ask)["known"] == [sha256]


@pytest.mark.control(56)
def test_a_users_file_compares_nobody_where_a_comparison_takes_an_authorisation(models: Path, tmp_path: Path) -> None:
    """Under `consented` no candidates are reviewed, and scores are not hidden; but to give two faces to one user, of
    whom they need not be like the others, is no way to have them compared."""
    with office(tmp_path, models, profile="consented") as made:
        database = made.live.engine.stores.database
        agreed = approved(
            "eve-0001",
            id=UNDER,
            kind=AuthorisationKind.CONSENT,
            purpose="door",
            profile="consented",
            decided_by="ove-0001",
            decided_at=datetime.now(UTC),
        )
        AuthorisationRows(database).add(agreed)
        made.post("ann", "/collections", {"collection_id": "door"})
        key = CollectionRows(database).get("door").key
        ConsentRows(database).add(
            Consent(
                id="release-1",
                collection_key=key,
                subject="ada",
                purpose="door",
                text_shown="It opens.",
                text_sha256="0" * 64,
                signed_name="Ada",
                given_at=datetime.now(UTC),
            )
        )
        place = "/collections/door"
        made.post("eve", f"{place}/users", {"user_id": "ada"})
        faces = [enrol(made, place, "ada", each)["enrolled"][0]["face_id"] for each in (head(190), unlike())]
        body = {"face_ids": faces, "threshold": 0}
        assert made.post("eve", f"{place}/users/ada/faces", body)["moved"] == faces
        file = made.get("eve", f"{place}/users/ada")
        assert [each["face"]["face_id"] for each in file["faces"]] == faces
        assert [(each["likeness"], each["doubtful"]) for each in file["faces"]] == [(None, False)] * 2
        assert file["advice"] == "more"
