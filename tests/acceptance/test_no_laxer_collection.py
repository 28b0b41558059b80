"""No collection is laxer than its installation: not by a tag, not by anybody's role, at no door."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from live_server import without_models
from native import office
from people import encoded, head
from sqlalchemy import update
from staff import Staff, client_of, staffed

from regard.accountability.profiles.catalogue import PROFILES
from regard.store.tables.collections import collections

Refused = Callable[..., tuple[str, str]]
PEOPLED = sorted(name for name, each in PROFILES.items() if each.people and not each.closed)
PHOTO = {"Bytes": encoded(head(64))}
LAX = ({"regard:profile": "open"}, {"regard:profile": "recorded"})


def arn(name: str) -> str:
    return f"arn:aws:rekognition:us-east-1:000000000000:collection/{name}"


def looks(client: Any, name: str) -> dict[str, Any]:
    """Every way to look for somebody with AWS's operations."""
    face = "11111111-1111-1111-1111-111111111111"
    return {
        "SearchFacesByImage": lambda: client.search_faces_by_image(CollectionId=name, Image=PHOTO),
        "SearchUsersByImage": lambda: client.search_users_by_image(CollectionId=name, Image=PHOTO),
        "SearchFaces": lambda: client.search_faces(CollectionId=name, FaceId=face),
        "SearchUsers": lambda: client.search_users(CollectionId=name, UserId="ada"),
        "CompareFaces": lambda: client.compare_faces(SourceImage=PHOTO, TargetImage=PHOTO),
        "RecognizeCelebrities": lambda: client.recognize_celebrities(Image=PHOTO),
        "StartFaceSearch": lambda: client.start_face_search(
            CollectionId=name, Video={"S3Object": {"Bucket": "films", "Name": "film.mp4"}}
        ),
    }


@pytest.mark.control(56)
@pytest.mark.parametrize(
    ("profile", "overlays"),
    [
        pytest.param(profile, overlays, marks=[] if profile == "public-safety" else pytest.mark.slow)
        for profile in PEOPLED
        for overlays in ("", "illinois, texas")
    ],
)
def test_beside_the_rules_of_the_installation_nobody_makes_an_open_collection(
    tmp_path: Path, profile: str, overlays: str, refused: Refused
) -> None:
    with office(tmp_path, profile=profile, overlays=overlays) as desk:
        staff = Staff(tmp_path, desk.live.engine.stores.database)
        keys = {name: staff.key(f"{name}-0001") for name in ("ann", "eve", "sam", "rob", "ove")}
        staff.keys |= keys
        ann = client_of(desk.live, "ann", staff)
        for tags in LAX:
            code, message = refused(ann.create_collection, CollectionId="lax", Tags=tags)
            assert (code, "demands less than" in message) == ("InvalidParameterException", True)
            said = desk.ask("ann", "POST", "/collections", {"collection_id": "lax", "tags": tags})
            assert (said.status, "demands less than" in said.json["detail"]) == (400, True)
        ann.create_collection(CollectionId="plain")
        for tags in LAX:
            code, message = refused(ann.tag_resource, ResourceArn=arn("plain"), Tags=tags)
            assert (code, "demands less than" in message) == ("InvalidParameterException", True)
            version = desk.get("ann", "/collections/plain")["version"]
            said = desk.ask("ann", "PUT", "/collections/plain/tags", {"tags": tags, "version": version})
            assert (said.status, "demands less than" in said.json["detail"]) == (400, True)
        for name in ("eve", "sam", "rob", "ove"):  # and nobody but an administrator makes any
            code, message = refused(client_of(desk.live, name, staff).create_collection, CollectionId="mine")
            assert (code, "the role administrator" in message) == ("AccessDeniedException", True)
        # The tag by some other way than these: it changes nothing.
        with desk.live.engine.stores.database.write() as connection:
            connection.execute(update(collections).values(tags={"regard:profile": "open"}))
        for name in ("ann", "eve", "rob", "ove"):
            for operation, look in looks(client_of(desk.live, name, staff), "plain").items():
                code, message = refused(look)
                assert (operation, code) == (operation, "AccessDeniedException")
                assert f"{operation} is refused: it takes the role searcher" in message
        for operation, look in looks(client_of(desk.live, "sam", staff), "plain").items():
            assert (operation, refused(look)[0]) == (operation, "AccessDeniedException")
        for path in ("search", "search/users", "faces/11111111-1111-1111-1111-111111111111/search"):
            body = {} if path.startswith("faces") else {"image": "AAAA"}
            for name in ("ann", "eve", "rob", "ove"):
                assert desk.ask(name, "POST", f"/collections/plain/{path}", body).status == 403


def test_an_open_installation_asks_nobody_for_a_role_and_a_strict_collection_in_it_does(
    models: Path, tmp_path: Path, refused: Refused
) -> None:
    """What `open` means, as docs/guides/profiles.md says: also a reviewer searches where no rule holds."""
    staff = staffed(tmp_path)
    try:
        with without_models(tmp_path) as live:
            ann, rob = client_of(live, "ann", staff), client_of(live, "rob", staff)
            ann.create_collection(CollectionId="strict", Tags={"regard:profile": "public-safety"})
            rob.create_collection(CollectionId="lax")
            assert refused(rob.search_faces, CollectionId="lax", FaceId="1" * 8 + "-1111-1111-1111-" + "1" * 12)[0] == (
                "InvalidParameterException"  # there is no such face: the search was made
            )
            code, message = refused(rob.search_faces_by_image, CollectionId="strict", Image=PHOTO)
            assert (code, "it takes the role searcher" in message) == ("AccessDeniedException", True)
    finally:
        staff.database.close()
