"""RecognizeCelebrities and GetCelebrityInfo: over a collection that the operator has named, and over no other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live_server import Live, with_models
from people import crowd, encoded, head, nobody

from regard.errors import SettingsError

Refused = Callable[..., tuple[str, str]]
PHOTO = {"Bytes": encoded(head(200), quality=92)}
NAMES = """
["eileen.collins"]
name = "Eileen Collins"
urls = ["www.example.org/collins", "www.example.com/e"]
"""


@pytest.fixture(scope="module")
def stars(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with a collection of one celebrity, who has a name, and of a user without a face."""
    home = tmp_path_factory.mktemp("stars")
    (home / "celebrities.toml").write_text(NAMES)
    with with_models(models, home, celebrities={"collection": "stars"}) as live:
        client = live.client()
        client.create_collection(CollectionId="stars")
        [record] = client.index_faces(CollectionId="stars", Image=PHOTO)["FaceRecords"]
        for user in ("nobody", "eileen.collins"):
            client.create_user(CollectionId="stars", UserId=user)
        client.associate_faces(CollectionId="stars", UserId="eileen.collins", FaceIds=[record["Face"]["FaceId"]])
        yield live


@pytest.fixture(scope="module")
def fan(stars: Live) -> Any:
    return stars.client()


def test_a_celebrity_is_recognised_with_name_addresses_and_an_id_of_rekognitions_form(fan: Any) -> None:
    answer = fan.recognize_celebrities(Image={"Bytes": encoded(head(160), quality=85)})
    [found] = answer["CelebrityFaces"]
    assert found["Name"] == "Eileen Collins"
    assert found["Urls"] == ["www.example.org/collins", "www.example.com/e"]
    assert re.fullmatch("[0-9A-Za-z]{8}", found["Id"])
    assert found["MatchConfidence"] > 99
    assert "KnownGender" not in found
    assert {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"} <= set(found["Face"])
    assert answer["UnrecognizedFaces"] == []
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-regard-gallery-size"] == "1"
    assert float(headers["x-regard-expected-false"]) == pytest.approx(1e-5, rel=0.1)


def test_what_the_id_stands_for_can_be_asked_for(fan: Any) -> None:
    [found] = fan.recognize_celebrities(Image=PHOTO)["CelebrityFaces"]
    info = fan.get_celebrity_info(Id=found["Id"])
    assert (info["Name"], info["Urls"]) == (found["Name"], found["Urls"])


def test_an_id_that_is_nobodys_is_not_found(fan: Any, refused: Refused) -> None:
    assert refused(fan.get_celebrity_info, Id="3Ir0du6a")[0] == "ResourceNotFoundException"


def test_a_stranger_is_among_the_unrecognised(fan: Any, shared_data: Path) -> None:
    photo = (shared_data / "images" / "couple.jpg").read_bytes()
    answer = fan.recognize_celebrities(Image={"Bytes": photo})
    assert answer["CelebrityFaces"] == []
    assert len(answer["UnrecognizedFaces"]) == 2


@pytest.mark.slow
def test_no_more_than_64_faces_are_looked_up(fan: Any) -> None:
    answer = fan.recognize_celebrities(Image={"Bytes": encoded(crowd(7, 10, 80), quality=92)})
    assert len(answer["CelebrityFaces"]) + len(answer["UnrecognizedFaces"]) == 64


def test_where_no_face_is_nobody_is_recognised(fan: Any) -> None:
    answer = fan.recognize_celebrities(Image={"Bytes": encoded(nobody())})
    assert (answer["CelebrityFaces"], answer["UnrecognizedFaces"]) == ([], [])


def test_names_may_change_while_the_server_runs_and_a_user_without_one_has_its_id(stars: Live, fan: Any) -> None:
    file = stars.engine.settings.celebrities_file
    try:
        file.unlink()
        [found] = fan.recognize_celebrities(Image=PHOTO)["CelebrityFaces"]
        assert (found["Name"], found["Urls"]) == ("eileen.collins", [])
        file.write_text('["eileen.collins"]\nname = "E. M. Collins"\n')
        [found] = fan.recognize_celebrities(Image=PHOTO)["CelebrityFaces"]
        assert (found["Name"], found["Urls"]) == ("E. M. Collins", [])
    finally:
        file.write_text(NAMES)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b'["eileen.collins"\n', "celebrities.toml is not valid TOML"),
        (b'["eileen.collins"]\nname = 7\n', "celebrities.toml, 'eileen.collins': name is 7; it must be text"),
        (b'["eileen.collins"]\nname = "E"\nurl = "x"\n', "url is not a key here; did you mean urls?"),
        (b"\xff", "celebrities.toml is not text in UTF-8"),
        (b'["eileen.collins"]\nname = " "\n', "name is ' '; it must be a name, in letters that can be printed"),
        (b'["eileen.collins"]\nname = "E\\u0000"\n', "it must be a name, in letters that can be printed"),
        (b'["eileen.collins"]\nname = "E"\nurls = [""]\n', "urls[0] is ''; it must be an address of the web"),
        (b'["eileen.collins"]\nname = "E"\nurls = ["javascript:alert(1)"]\n', "it must be an address of the web"),
    ],
)
def test_names_that_become_wrong_are_an_error_in_words_and_a_server_does_not_start_with_them(
    text: bytes, fault: str, models: Path, stars: Live, fan: Any, refused: Refused
) -> None:
    file = stars.engine.settings.celebrities_file
    try:
        file.write_bytes(text)
        for call, arguments in ((fan.recognize_celebrities, {"Image": PHOTO}), (fan.get_celebrity_info, {"Id": "a"})):
            code, message = refused(call, **arguments)
            assert code == "ResourceNotReadyException"
            assert fault in message
            assert "Mend that file" in message
            assert str(file.parent) not in message
        with pytest.raises(SettingsError) as caught, with_models(models, file.parent, celebrities={"collection": "s"}):
            pass
        assert fault in caught.value.message
        assert str(file) in caught.value.message
    finally:
        file.write_text(NAMES)
    assert fan.recognize_celebrities(Image=PHOTO)["CelebrityFaces"]


def test_a_server_that_knows_no_celebrities_says_how_to_name_them(client: Any, refused: Refused) -> None:
    for call, arguments in ((client.recognize_celebrities, {"Image": PHOTO}), (client.get_celebrity_info, {"Id": "a"})):
        code, message = refused(call, **arguments)
        assert code == "AccessDeniedException"
        assert "name it as `collection` in the section [celebrities]" in message


def test_a_named_collection_that_is_not_there_is_said(models: Path, tmp_path: Path, refused: Refused) -> None:
    with with_models(models, tmp_path, celebrities={"collection": "stars"}) as live:
        code, message = refused(live.client().recognize_celebrities, Image=PHOTO)
    assert code == "AccessDeniedException"
    assert "the collection 'stars', which the section [celebrities] of regard.toml names, does not exist" in message


def test_a_face_less_alike_than_the_threshold_is_not_recognised(models: Path, stars: Live, refused: Refused) -> None:
    """The same home, opened with a threshold that nobody reaches."""
    home = stars.engine.settings.home
    mirrored = {"Bytes": encoded(head(96)[:, ::-1], quality=30)}
    [found] = stars.client().recognize_celebrities(Image=mirrored)["CelebrityFaces"]
    assert found["MatchConfidence"] < 100
    with with_models(models, home, celebrities={"collection": "stars", "threshold": 100}) as live:
        answer = live.client().recognize_celebrities(Image=mirrored)
    assert answer["CelebrityFaces"] == []
    assert len(answer["UnrecognizedFaces"]) == 1
