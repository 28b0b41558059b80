"""Keys, collections, models, doctor."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cli_home import Person

from regard.vision.cards import catalogue
from regard.vision.models import ATTRIBUTE_CARDS


def test_a_key_is_made_as_json_for_programs_and_listed_without_its_secret(user: Person) -> None:
    key = user.run("keys", "create", "--name", "front desk", "--json").json
    assert set(key) == {"AccessKeyId", "SecretAccessKey"}
    listed = user.run("keys", "list").out
    assert key["AccessKeyId"] in listed
    assert "front desk" in listed
    assert key["SecretAccessKey"] not in listed


def test_a_key_is_shown_to_a_person_with_its_secret(user: Person) -> None:
    said = user.run("keys", "create")
    assert "AccessKeyId:     RGRD" in said.out
    assert "SecretAccessKey: " in said.out


def test_a_revoked_key_is_listed_as_such(user: Person) -> None:
    key = user.run("keys", "create", "--json").json["AccessKeyId"]
    assert user.run("keys", "revoke", key).code == 0
    assert "revoked" in user.run("keys", "list").out


def test_revoking_a_key_that_is_none_says_where_to_look(user: Person) -> None:
    said = user.run("keys", "revoke", "RGRDNONE")
    assert said.code == 1
    assert "`regard keys list`" in said.err


def test_an_empty_home_has_no_collections_and_no_keys(user: Person) -> None:
    assert "`regard index FOLDER --collection NAME`" in user.run("collections", "list").err
    assert f"`regard keys create --home {user.home}`" in user.run("keys", "list").err
    assert user.run("collections", "list", "--json").json == []


def test_a_collection_is_deleted_only_when_the_question_is_answered_with_yes(user: Person) -> None:
    user.portrait("a.jpg")
    user.run("index", user.pictures, "--collection", "people")
    assert user.run("collections", "delete", "people", typed="n\n").code == 1
    assert user.run("collections", "list", "--json").json == [
        {"CollectionId": "people", "FaceCount": 1, "FaceModelVersion": "sface-0ba9fbfa", "Index": "embedded"}
    ]
    assert "people and its 1 faces" in user.run("collections", "delete", "people", "--yes").out
    assert user.run("collections", "list", "--json").json == []


def test_deleting_a_collection_that_is_none_is_an_error(user: Person) -> None:
    said = user.run("collections", "delete", "nobody", "--yes")
    assert (said.code, said.out) == (1, "")


def test_models_are_listed_with_licence_and_provenance(user: Person) -> None:
    out = user.run("models", "list").out
    assert "centerface" in out
    assert "MIT" in out
    assert "Star-Clouds" in out
    assert out.count("missing") == out.count("BSD-3-Clause") == 1  # the model of glasses, which is optional


def test_a_damaged_model_is_found_and_fetched_again(
    user: Person, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGARD_MODELS_FOLDER", str(tmp_path / "models"))
    monkeypatch.setenv("REGARD_MODELS_MIRROR", str(models))
    shutil.copytree(models, tmp_path / "models", ignore=shutil.ignore_patterns(".*"))
    file = tmp_path / "models" / "fr_pose.onnx"
    file.write_bytes(b"x" + file.read_bytes()[1:])
    said = user.run("models", "verify")
    assert said.code == 1
    assert "`regard models pull fr-pose` fetches them again" in said.err
    doctor = user.run("doctor")
    assert doctor.code == 1
    assert f"`regard models pull fr-pose --home {user.home}` fetches it." in doctor.out
    assert "fr-pose: fetched from" in user.run("models", "pull", "fr-pose").out
    assert user.run("models", "verify").code == 0
    assert "fr-pose: was here" in user.run("models", "pull", "fr-pose").out


def test_a_model_that_is_missing_is_fetched_by_the_command_that_needs_it(
    user: Person, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGARD_MODELS_FOLDER", str(tmp_path / "models"))
    monkeypatch.setenv("REGARD_MODELS_MIRROR", str(models))
    said = user.run("faces", user.portrait("a.jpg"), "--json")
    assert len(said.json["FaceDetails"]) == 1
    names = ["centerface", "sface", *ATTRIBUTE_CARDS]
    size = sum(catalogue()[name].total_size or 0 for name in names) / 1e6
    assert f"Fetching {len(names)} models ({size:.1f} MB)" in said.err


def test_the_doctor_finds_a_working_home_well(user: Person) -> None:
    user.portrait("a.jpg")
    user.run("index", user.pictures, "--collection", "people")
    user.run("keys", "create")
    said = user.run("doctor")
    assert said.code == 0, said.err
    for words in ("onnxruntime", "CPUExecutionProvider", "1 with 1 faces", "agrees with SQL", "1 active"):
        assert words in said.out
    assert "(regard.toml)" in said.out
    assert "No problems found." in said.out


@pytest.mark.parametrize(("decoder", "words"), [("auto", ["PyAV", "x264"]), ("opencv", ["OpenCV", "LGPL-2.1"])])
def test_the_doctor_says_what_decodes_videos_and_under_which_licence(
    user: Person, decoder: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setenv("REGARD_VIDEO_DECODER", decoder)
    (line,) = [line for line in user.run("doctor").out.splitlines() if " videos " in line]
    assert all(word in line for word in words)


def test_the_doctor_shows_settings_by_section_with_their_origin_and_no_secret(
    user: Person, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGARD_OBJECTS_S3_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("REGARD_SERVER_PORT", "8080")
    said = user.run("doctor")
    assert "hush" not in said.out + said.err
    words = " ".join(said.out.split())
    assert "[objects] s3_secret_access_key set (environment)" in words
    assert "[server] port 8080 (environment)" in words
    assert f"[models] folder {models} (regard.toml)" in words
    assert "[models] embedder sface (default)" in words
    assert "[index] milvus_token (default)" in words


def test_the_doctor_shows_first_what_is_not_well_then_what_is_not_as_by_default(
    user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    user.run("keys", "create")
    (user.home / "seal.key").unlink()
    monkeypatch.setenv("REGARD_SERVER_PORT", "9090")
    said = user.run("doctor")
    assert said.code == 1
    parts = ["Problems", "access keys", "Not as by default", "»", "[server] port", "Software", "Settings", "Models"]
    places = [said.out.index(part) for part in parts]
    assert places == sorted(places)
    assert said.out.count("[server] port") == 1
    assert "9090 (environment)" in said.out
    assert "1 problem found; they stand first" in said.err


def test_the_doctor_makes_nothing_in_a_home_that_is_not_used_yet(user: Person) -> None:
    said = user.run("doctor")
    assert said.code == 0
    assert "not there yet" in said.out
    assert [file.name for file in user.home.iterdir()] == ["regard.toml"]


def test_the_doctor_says_that_the_seal_is_lost(user: Person) -> None:
    user.run("keys", "create")
    (user.home / "seal.key").unlink()
    said = user.run("doctor")
    assert said.code == 1
    assert "Restore it from a backup" in said.out


def test_the_doctor_says_that_the_database_is_damaged(user: Person) -> None:
    (user.home / "regard.db").write_text("this is no database, and long enough to be read as one" * 10)
    said = user.run("doctor")
    assert said.code == 1
    assert "The file is not a database" in said.out
