"""What a search is does not depend on the door: boto3 and the command line get the same from the same probe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_home import Person
from live_server import Live
from people import crowd, encoded


@pytest.fixture
def crew(client: Any, collection: str, portrait: bytes) -> str:
    """A portrait and a crowd of eight, two of whom are one user."""
    client.index_faces(CollectionId=collection, Image={"Bytes": portrait}, ExternalImageId="ada")
    indexed = client.index_faces(CollectionId=collection, Image={"Bytes": encoded(crowd(4, 2), quality=92)})
    client.create_user(CollectionId=collection, UserId="bea")
    faces = [record["Face"]["FaceId"] for record in indexed["FaceRecords"][:2]]
    client.associate_faces(CollectionId=collection, UserId="bea", FaceIds=faces, UserMatchThreshold=0)
    return collection


def figures(answer: dict[str, Any]) -> tuple[int, float]:
    """How many were compared, and how many false candidates to expect."""
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return int(headers["x-regard-gallery-size"]), float(headers["x-regard-expected-false"])


def told(face: dict[str, Any]) -> dict[str, Any]:
    """Without what is null, which AWS's answer leaves out."""
    return {name: value for name, value in face.items() if value is not None}


@pytest.mark.parametrize(("threshold", "most"), [(0, 100), (80, 5), (99, 3)])
def test_boto3_and_the_command_line_find_the_same(
    live: Live,
    client: Any,
    crew: str,
    portrait: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    threshold: int,
    most: int,
) -> None:
    (photo := tmp_path / "probe.jpg").write_bytes(portrait)
    answer = client.search_faces_by_image(
        CollectionId=crew, Image={"Bytes": portrait}, FaceMatchThreshold=threshold, MaxFaces=most
    )
    monkeypatch.setenv("REGARD_MODELS_FOLDER", str(live.engine.settings.models.folder))  # or it would fetch its own
    terminal = Person(live.engine.settings.home, tmp_path)
    said = terminal.run("search", photo, "--collection", crew, "--threshold", threshold, "--max", most, "--json")
    assert said.code == 0, said.err
    (face,) = said.json["Faces"]
    matches = [{"Similarity": each["Similarity"], "Face": told(each["Face"])} for each in face["FaceMatches"]]
    assert matches == answer["FaceMatches"]
    assert matches[0]["Face"]["ExternalImageId"] == "ada"
    assert figures(answer) == (said.json["FaceCount"], said.json["ExpectedFalseCandidates"])
    assert figures(answer)[0] == 9


def test_every_kind_of_search_says_how_many_it_compared(client: Any, crew: str, portrait: bytes) -> None:
    found = client.search_faces_by_image(CollectionId=crew, Image={"Bytes": portrait}, MaxFaces=1)
    ada = found["FaceMatches"][0]["Face"]["FaceId"]
    by_face = figures(client.search_faces(CollectionId=crew, FaceId=ada))
    users = [
        figures(client.search_users(CollectionId=crew, FaceId=ada)),
        figures(client.search_users_by_image(CollectionId=crew, Image={"Bytes": portrait})),
    ]
    assert by_face == (9, pytest.approx(9 * 1e-4, rel=0.05))
    assert users == [(1, pytest.approx(1e-4, rel=0.05))] * 2
