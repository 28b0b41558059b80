"""What an archive states of its collection: one strict model, whatever is in the file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.engine.transfer.manifest import Manifest, described, read_manifest
from regard.errors import InvalidParameter
from regard.media.parquet import ParquetTable

RIGHT: dict[str, Any] = {
    "collection": "people",
    "face_model": "toy-1",
    "created_at": 1_772_368_215_123_456,
    "tags": {"site": "Ålesund"},
    "dimension": 8,
    "faces": 50,
    "users_without_faces": [["nobody", 1_772_368_215_123_456]],
    "checksum": f"sha256:{'a' * 64}",
    "format": 1,
}


@dataclass(frozen=True)
class Note:
    """A file of which only the metadata is asked for."""

    text: bytes | None
    file: Path = Path("people.parquet")

    def note(self, name: str) -> bytes | None:
        return self.text if name == "regard" else None


def read(text: bytes | None) -> Manifest:
    return read_manifest(cast("ParquetTable", Note(text)))


def changed(**changes: Any) -> bytes:
    return json.dumps(RIGHT | changes).encode()


def test_what_is_right_is_read() -> None:
    manifest = read(json.dumps(RIGHT).encode())
    assert manifest.tags == {"site": "Ålesund"}
    assert manifest.users_without_faces == (("nobody", 1_772_368_215_123_456),)
    assert json.loads(json.dumps(manifest.model_dump())) == RIGHT


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"created_at": "2026-03-01T12:30:15Z"}, "created_at is '2026-03-01T12:30:15Z'; it must be a whole number"),
        ({"created_at": 10**30}, "created_at is 1000000000000000000000000000000; it must be"),
        ({"created_at": -62_135_596_800_000_000}, "created_at is -62135596800000000; it must be at least 0"),
        ({"created_at": 253_402_300_799_000_000}, "created_at is 253402300799000000; it must be at most"),
        ({"created_at": 1.5}, "created_at is 1.5"),
        ({"created_at": True}, "created_at is True"),
        ({"created_at": float("nan")}, "created_at is nan"),
        ({"created_at": None}, "created_at is None"),
        ({"tags": ["site"]}, "tags is"),
        ({"tags": {"site": {"deep": "er"}}}, "tags.site is {'deep': 'er'}; it must be text"),
        ({"tags": {"site": 7}}, "tags.site is 7; it must be text"),
        ({"tags": {"": "empty"}}, "a tag's name must have 1 to 128"),
        ({"tags": {"x" * 129: "long"}}, "a tag's name must have 1 to 128"),
        ({"tags": {"long": "x" * 257}}, "its value up to 256"),
        ({"tags": {"aws:mine": "x"}}, "no name begins with aws:"),
        ({"tags": {"site": "tab\t"}}, "a tag's name must have"),
        ({"tags": {f"k{number}": "" for number in range(201)}}, "it must hold at most 200 tags"),
        ({"users_without_faces": ["nobody"]}, r"users_without_faces\[0\] is 'nobody'"),
        ({"users_without_faces": [["nobody"]]}, r"users_without_faces\[0\]"),
        ({"users_without_faces": [["nobody", 0, 0]]}, r"users_without_faces\[0\]"),
        ({"users_without_faces": [["no body", 0]]}, r"users_without_faces\[0\]\[0\] is 'no body'; it must be 1 to 128"),
        ({"users_without_faces": [["x" * 100_000, 0]]}, r"\[0\]\[0\] is 'xxx"),
        ({"users_without_faces": [[7, 0]]}, r"\[0\]\[0\] is 7; it must be text"),
        ({"users_without_faces": [["nobody", "now"]]}, r"\[0\]\[1\] is 'now'; it must be a whole number"),
        ({"users_without_faces": [["nobody", 10**30]]}, r"\[0\]\[1\] is 1000"),
        ({"users_without_faces": [["ada", 0], ["ada", 0]]}, "no user may be in it twice"),
        ({"users_without_faces": {"nobody": 0}}, "users_without_faces is"),
        ({"users_without_faces": None}, "users_without_faces is None"),
        ({"face_model": "x" * 100_000}, "face_model is 'xxx"),
        ({"face_model": ""}, "face_model is ''; it must be 1 to 255"),
        ({"face_model": "a b"}, "face_model is 'a b'"),
        ({"face_model": None}, "face_model is None; it must be text"),
        ({"collection": "../people"}, "collection is '../people'"),
        ({"collection": "x" * 256}, "collection is 'xxx"),
        ({"dimension": -1}, "dimension is -1; it must be at least 0"),
        ({"dimension": "8"}, "dimension is '8'; it must be a whole number"),
        ({"faces": -1}, "faces is -1"),
        ({"faces": 50.0}, "faces is 50.0"),
        ({"checksum": ""}, "checksum is ''"),
        ({"checksum": None}, "checksum is None"),
        ({"checksum": f"sha256:{'a' * 64}\n"}, "checksum is"),
        ({"more": 1}, "more is not a key here"),
        ({"\x1b[2J": 1}, "is not a key here"),
        ({"x" * 100_000: 1}, "xxx"),
    ],
)
def test_what_is_wrong_is_said_by_its_key_with_the_mend(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidParameter, match=said) as refused:
        read(changed(**changes))
    message = refused.value.message
    assert message.startswith("people.parquet was truncated or altered after it was exported: in its metadata `regard`")
    assert message.endswith("Nothing was imported; copy or export it again.")
    assert len(message) < 600
    assert message.isprintable()


@pytest.mark.parametrize("key", sorted(RIGHT))
def test_no_key_may_be_missing(key: str) -> None:
    text = json.dumps({name: value for name, value in RIGHT.items() if name != key}).encode()
    with pytest.raises(InvalidParameter, match=f"{key} is missing"):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"7",
        b'"people"',
        b"[]",
        b"{",
        b"\xff\xfe",
        b"{" + b'"a":{' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        changed()[:-1] + b',"tags":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=range(10),
)
def test_what_is_no_json_object_is_refused_however_deep_it_is(text: bytes) -> None:
    with pytest.raises(InvalidParameter, match="truncated or altered"):
        read(text)


@pytest.mark.parametrize("number", [3, 0, "1", None, 10**30, [1]])
def test_another_format_is_told_of_rather_than_what_it_holds(number: Any) -> None:
    with pytest.raises(InvalidParameter, match=r"has format .*; this Regard reads 1 to 2. Use a newer version"):
        read(changed(format=number, more={"of": "it"}))


def test_without_one_the_file_was_not_exported_by_regard() -> None:
    with pytest.raises(InvalidParameter, match="was not exported by Regard"):
        read(None)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(RIGHT)) | st.text(), ANYTHING, min_size=1, max_size=4))
def test_whatever_it_holds_it_is_read_as_it_stands_or_refused_in_words(changes: dict[str, Any]) -> None:
    said = None
    try:
        said = json.loads(json.dumps(read(changed(**changes)).model_dump()))
    except InvalidParameter as refused:
        said = refused.message
    assert said == RIGHT | changes or ("people.parquet" in said and len(said) < 1000)


def test_a_collection_that_no_file_may_describe_is_not_exported() -> None:
    facts = {name: value for name, value in RIGHT.items() if name not in ("checksum", "format")}
    facts["users_without_faces"] = ()
    assert described(**facts).format == 2
    with pytest.raises(InvalidParameter, match="cannot be exported: tags: a tag"):
        described(**facts | {"tags": {"aws:x": ""}})
