"""Files made to harm whoever imports them: through the command line, which says what is wrong, and changes nothing."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_home import Person, Said, person

from regard.engine.analysis.image_loader import uuid_of
from regard.engine.transfer.manifest import KINDS, Digest, Manifest
from regard.media.parquet_columns import Columns

ROWS, D, MODEL = 5000, 8, "toy-1"
NOW = 1_772_368_215_123_456
Change = Callable[[dict[str, Any]], None]

#: `python -m regard …` in a process that may not take more than so much memory.
BOUNDED = """
import resource, runpy, sys
most = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_AS, (most, most))
runpy.run_module("regard", run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def victim(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Person:
    """A home with a collection `people`."""
    folder = tmp_path_factory.mktemp("victim")
    user = person(folder / "home", folder / "pictures", models)
    file = write(folder / "people.parquet")
    said = user.run("collections", "import", file)
    assert said.code == 0, said.err
    return user


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "hostile.parquet"


def sound() -> dict[str, Any]:
    """The columns of an archive, as lists and arrays."""
    vectors = np.random.default_rng(0).standard_normal((ROWS, D))
    return {
        "face_id": [uuid_of(b"face", str(row).encode()) for row in range(ROWS)],
        "image_id": [uuid_of(b"image", str(row).encode()) for row in range(ROWS)],
        "external_image_id": [f"photo-{row}.jpg" for row in range(ROWS)],
        "user_id": [f"user-{row}" if row % 2 else None for row in range(ROWS)],
        "user_created_at": [NOW if row % 2 else None for row in range(ROWS)],
        **{side: np.full(ROWS, 0.25) for side in ("left", "top", "width", "height")},
        "confidence": np.full(ROWS, 99.0),
        "created_at": [NOW] * ROWS,
        "embedding": (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16),
        "utility": np.full(ROWS, np.nan),
    }


def manifest_of(columns: Columns, **changes: Any) -> dict[str, Any]:
    """With a checksum that is right, as anyone can make it."""
    stated = Manifest(
        collection="people",
        face_model=MODEL,
        created_at=NOW,
        tags={"site": "Oslo"},
        dimension=D,
        faces=len(columns["embedding"]),
        users_without_faces=(("nobody", NOW),),
        checksum=f"sha256:{'0' * 64}",
        format=2,
    )
    digest = Digest()
    digest.add(columns)
    return stated.model_dump() | {"checksum": digest.of(stated)} | changes


def table_of(columns: Columns) -> dict[str, Any]:
    vectors = columns["embedding"]
    times = {name: pa.array(columns[name], pa.timestamp("us", "UTC")) for name in ("user_created_at", "created_at")}
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    return {name: pa.array(columns[name]) for name in KINDS if name != "embedding"} | times | {"embedding": lists}


def write(file: Path, change: Change | None = None, table: Change | None = None, text: str = "", **stated: Any) -> Path:
    """An archive; `change` alters its columns before the checksum is made, `table` what is written, the rest what its
    manifest states."""
    columns = sound()
    if change:
        change(columns)
    written = table_of(columns)
    if table:
        table(written)
    described = text or json.dumps(manifest_of(columns, **stated))
    whole = pa.Table.from_arrays(list(written.values()), list(written))
    pq.write_table(whole.replace_schema_metadata({"regard": described}), file)
    return file


def put(name: str, row: int, value: Any) -> Change:
    """Change one cell."""

    def change(columns: dict[str, Any]) -> None:
        columns[name][row] = value

    return change


def content(user: Person) -> list[str]:
    with closing(sqlite3.connect(user.home / "regard.db")) as db:
        return list(db.iterdump())


def refused(user: Person, file: Path, *words: object) -> str:
    """The message of an import that must fail, after which nothing is changed."""
    before = content(user)
    said: Said = user.run("collections", "import", file, *words)
    assert said.code == 1, said.out
    assert content(user) == before
    assert "Traceback" not in said.err
    errors = [line for line in said.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, said.err
    assert len(errors[0]) < 1500
    return errors[0]


@pytest.mark.slow
def test_what_they_are_made_from_is_taken(victim: Person, file: Path) -> None:
    said = victim.run("collections", "import", write(file), "--as", "copy")
    assert (said.code, "Imported 5,000 faces" in said.out) == (0, True), said.err
    assert victim.run("collections", "verify", "copy").code == 0
    assert victim.run("collections", "delete", "copy", "--yes").code == 0


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"created_at": "yesterday"}, "created_at is 'yesterday'; it must be a whole number"),
        ({"created_at": 10**30}, "created_at is 1000000"),
        ({"tags": ["site"]}, "tags is"),
        ({"tags": {"site": {"a": {"b": 1}}}}, "tags.site is"),
        ({"users_without_faces": [["no body", 0]]}, "'no body'"),
        ({"users_without_faces": [7]}, "users_without_faces[0] is 7"),
        ({"face_model": "x" * 100_000}, "face_model is 'xxx"),
        ({"checksum": None}, "checksum is None"),
        ({"faces": ROWS - 1}, "5,000 rows, and 4,999 were written"),
        ({"dimension": 16}, "8 numbers of float16"),
        ({"text": "[" * 100_000}, "is not JSON (recursion limit exceeded"),
        ({"text": "[]"}, "it must be a table"),
    ],
)
@pytest.mark.slow
def test_a_manifest_that_is_wrong(victim: Person, file: Path, stated: dict[str, Any], said: str) -> None:
    message = refused(victim, write(file, **stated), "--as", "other")
    assert "hostile.parquet was truncated or altered" in message
    assert said in message


LAST = ROWS - 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("face_id", LAST, uuid_of(b"face", b"0")), "row 5000: face_id is the same as in row 1"),
        (put("face_id", LAST, "x" * 36), "row 5000: face_id is"),
        (put("image_id", LAST, None), "row 5000: image_id is missing"),
        (put("external_image_id", LAST, "a b"), "row 5000: external_image_id is 'a b'"),
        (put("external_image_id", LAST, "x" * 100_000), "row 5000: external_image_id has 100,000 bytes"),
        (put("user_id", LAST, "é"), "row 5000: user_id is 'é'"),
        (put("user_id", LAST, "x" * 129), "row 5000: user_id is 'xxx"),
        (put("user_id", LAST, None), "row 5000: user_created_at is there without a user_id"),
        (put("user_created_at", LAST, None), "row 5000: user_created_at is missing"),
        (put("user_created_at", LAST, -62_135_596_800_000_000), "row 5000: user_created_at is -62"),
        (put("created_at", LAST, 253_402_300_799_000_000), "row 5000: created_at is 253"),
        (put("created_at", LAST, None), "row 5000: created_at is missing"),
        (put("left", LAST, 7.0), "row 5000: left is not a number from -2 to 1 but 7"),
        (put("width", LAST, np.nan), "row 5000: width is not a number from 0 to 5 but nan"),
        (put("confidence", LAST, np.nan), "row 5000: confidence is not a number from 0 to 100 but nan"),
        (put("embedding", LAST, 0), "row 5000: embedding is not a unit vector"),
        (put("embedding", LAST, 2), "row 5000: embedding is not a unit vector"),
        (put("embedding", LAST, np.nan), "row 5000: embedding is not a unit vector"),
        (put("embedding", LAST, np.inf), "row 5000: embedding is not a unit vector"),
    ],
)
@pytest.mark.slow
def test_a_fault_in_the_last_row_though_the_checksum_is_right(
    victim: Person, file: Path, change: Change, said: str
) -> None:
    assert f"hostile.parquet, {said}" in refused(victim, write(file, change), "--as", "other")


@pytest.mark.slow
def test_a_fault_in_the_last_row_of_what_is_added_to_a_collection(victim: Person, file: Path) -> None:
    write(file, put("confidence", LAST, 101.0))
    assert "row 5000: confidence" in refused(victim, file, "--as", "people", "--add")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (lambda table: table.pop("user_id"), "lacks the columns user_id"),
        (lambda table: table.update(face_id=pa.array(range(ROWS))), "face_id holds int64, not text"),
        (lambda table: table.update(face_id=pa.array([["x"]] * ROWS)), "face_id holds list<"),
        (lambda table: table.update(left=pa.array(["0.1"] * ROWS)), "left holds string, not numbers"),
        (lambda table: table.update(left=pa.nulls(ROWS)), "row 1: left is missing"),
        (lambda table: table.update(created_at=pa.array([NOW] * ROWS)), "created_at holds int64, not times"),
        (lambda table: table.update(embedding=pa.array([b"x"] * ROWS)), "embedding holds binary, not lists"),
        (lambda table: table.update(embedding=pa.array([[0.5] * D] * ROWS)), "8 numbers of float64"),
    ],
)
@pytest.mark.slow
def test_columns_of_another_kind(victim: Person, file: Path, table: Change, said: str) -> None:
    assert said in refused(victim, write(file, table=table), "--as", "other")


def test_a_column_that_is_there_twice(victim: Person, file: Path) -> None:
    whole = pq.read_table(write(file))
    pq.write_table(whole.append_column("face_id", whole["image_id"]), file)
    assert "has the column 'face_id' more than once" in refused(victim, file, "--as", "other")


@pytest.mark.slow
def test_names_that_no_collection_or_model_has(victim: Person, file: Path) -> None:
    pq.write_table(pa.table({"embedding": [[1.0, 0.0]]}), file)
    assert "cannot be a collection's name" in refused(victim, file, "--as", "a b", "--face-model", MODEL)
    assert "--face-model is 'xxx" in refused(victim, file, "--as", "other", "--face-model", "x" * 100_000)


# -- memory ----------------------------------------------------------------------------------------------------------


def one_long_text(file: Path) -> None:
    """Twenty megabytes that 100,000 rows share: two terabytes, unpacked."""
    texts = pa.DictionaryArray.from_arrays(np.zeros(100_000, np.int32), pa.array(["x" * 20_000_000]))
    vectors = pa.FixedSizeListArray.from_arrays(np.ones(800_000, np.float32), D)
    whole = pa.table({"embedding": vectors, "external_image_id": texts})
    pq.write_table(whole, file, compression="zstd", dictionary_pagesize_limit=1 << 30, store_schema=False)


def one_long_vector(file: Path) -> None:
    """A row of 200 million numbers, all the same."""
    lists = pa.ListArray.from_arrays(pa.array([0, 200_000_000], pa.int32()), np.ones(200_000_000, np.float32))
    pq.write_table(pa.table({"embedding": lists}), file, compression="zstd")


def many_rows(file: Path) -> None:
    """A hundred million faces, all the same, in a few kilobytes."""
    vectors = pa.FixedSizeListArray.from_arrays(np.ones(10_000_000, np.float32), 1)
    with pq.ParquetWriter(file, pa.schema([("embedding", vectors.type)]), compression="zstd") as writer:
        for _ in range(10):
            writer.write_table(pa.table({"embedding": vectors}), row_group_size=10_000_000)


def deep_lists(file: Path) -> None:
    """Lists of lists of lists, 3,000 deep."""
    kind: Any = pa.float32()
    for _ in range(3000):
        kind = pa.list_(kind)
    pq.write_table(pa.table({"embedding": pa.array([None], kind)}), file, store_schema=False)


def page_that_lies(file: Path) -> None:
    """A page that states 134 MB and holds 40."""
    numbers = np.random.default_rng(0).standard_normal(20_000 * 512, np.float32)
    vectors = pa.FixedSizeListArray.from_arrays(numbers, 512)
    pq.write_table(
        pa.table({"embedding": vectors}), file, compression="zstd", use_dictionary=False, data_page_size=1 << 30
    )
    whole, at = bytearray(file.read_bytes()), 4
    assert whole[at : at + 3] == b"\x15\x00\x15"  # PageHeader: type 0, then uncompressed_page_size
    assert whole[at + 6] < 0x80 <= whole[at + 5]  # a varint of four bytes
    whole[at + 3 : at + 7] = b"\xfe\xff\xff\x7f"
    file.write_bytes(whole)


def footer_that_lies(file: Path) -> None:
    """A footer that begins before the file does."""
    pq.write_table(pa.table({"embedding": [[1.0] * D]}), file)
    whole = bytearray(file.read_bytes())
    whole[-8:-4] = struct.pack("<I", 0xFFFF_FFF0)
    file.write_bytes(whole)


def many_unknown_keys(file: Path) -> None:
    """A manifest of three million keys that none has."""
    keys = ",".join(f'"{number}":0' for number in range(3_000_000))
    write(file, text=f"{{{keys}}}")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's memory")
@pytest.mark.parametrize(
    "make",
    [
        one_long_text,
        one_long_vector,
        many_rows,
        deep_lists,
        page_that_lies,
        footer_that_lies,
        many_unknown_keys,
    ],
)
def test_memory_is_bounded_whatever_the_file_says(
    tmp_path: Path, models: Path, file: Path, make: Callable[[Path], None]
) -> None:
    make(file)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REGARD_")}
    words = ["collections", "import", file, "--as", "other", "--face-model", MODEL, "--home", tmp_path / "home"]
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(3 << 30), *map(str, words)],
        env=kept | {"REGARD_MODELS_FOLDER": str(models)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Error: " in done.stderr
    assert "hostile.parquet" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home" / "regard.db").exists()


# -- vectors of another model ----------------------------------------------------------------------------------------


def test_vectors_that_are_not_the_models_are_taken_with_a_warning_that_says_how_many(
    victim: Person, file: Path
) -> None:
    vectors = np.random.default_rng(0).standard_normal(512 * 40, np.float32)
    pq.write_table(pa.table({"embedding": pa.FixedSizeListArray.from_arrays(vectors, 512)}), file)
    said = victim.run("collections", "import", file, "--as", "strangers", "--face-model", "fr-feature")
    assert said.code == 0, said.err
    assert "Warning: 40 of the file's 40 embeddings do not look like those of fr-feature-87aacdfe" in said.err
    assert victim.run("collections", "delete", "strangers", "--yes").code == 0
