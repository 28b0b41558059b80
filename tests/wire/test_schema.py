from __future__ import annotations

from pathlib import Path

import pytest

import regard.errors
from regard.wire.schema import Schema, load


def test_all_operations_shapes_and_errors_of_the_service_are_there(schema: Schema) -> None:
    assert len(schema.operations) >= 75
    assert (schema.service, schema.target) == ("rekognition", "RekognitionService")
    assert (schema.json_version, schema.version) == ("1.1", "2016-06-27")
    assert {"ListCollections", "DetectFaces"} <= set(schema.operations)
    assert "ImageTooLargeException" in schema.operations["DetectFaces"].errors


def test_a_shape_carries_what_the_model_says_of_it(schema: Schema) -> None:
    given = schema.operations["CreateCollection"].input
    name = given.members["CollectionId"]
    assert given.required == ("CollectionId",)
    assert (name.type, name.min, name.max) == ("string", 1, 255)
    assert name.pattern is not None
    assert name.pattern.text == r"[a-zA-Z0-9_.\-]+"
    tags = given.members["Tags"]
    assert (tags.type, tags.max, tags.key and tags.key.max, tags.element and tags.element.max) == ("map", 200, 128, 256)
    attributes = schema.operations["DetectFaces"].input.members["Attributes"]
    assert attributes.element is not None
    assert "ALL" in attributes.element.enum


def test_every_modelled_exception_has_its_class_with_its_code(schema: Schema) -> None:
    codes = {error.code for error in vars(regard.errors).values() if isinstance(error, type) and hasattr(error, "code")}
    assert len(schema.errors) >= 23
    assert schema.errors <= codes


def test_a_customised_model_in_the_home_folder_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ".aws" / "models" / "rekognition" / "2016-06-27"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text('{"metadata": {}, "operations": {}, "shapes": {}}')
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "DetectFaces" in load().operations


def test_the_security_token_service_is_there_with_what_its_protocol_needs(sts: Schema) -> None:
    assert (sts.service, sts.version, sts.target) == ("sts", "2011-06-15", "")
    assert sts.namespace == "https://sts.amazonaws.com/doc/2011-06-15/"
    assert sts.operations["AssumeRole"].wrapper == "AssumeRoleResult"
    duration = sts.operations["AssumeRole"].input.members["DurationSeconds"]
    assert (duration.min, duration.max) == (900, 43200)
