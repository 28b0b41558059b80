"""Moving collections in the real world: beside a running server, killed in the middle, onto a disk that is full."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from live_server import Live
from people import crowd, encoded
from stores import feeds_of

from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.store import database
from regard.sync.index_sync import IndexSync

pytestmark = pytest.mark.slow

#: Two transactions of an import.
MANY = 70_000


#: `python -m regard …` that may write no file longer than so many bytes. (A `preexec_fn` would have to fork, and the
#: children of a process with gRPC in it, as by then of pytest with pymilvus, are aborted every now and then.)
LIMITED = """
import resource, runpy, sys
most = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
runpy.run_module("regard", run_name="__main__", alter_sys=True)
"""


def regard(home: Path, *words: object, most_bytes: int | None = None) -> subprocess.Popen[str]:
    """`regard collections …` in a process of its own, which may write no file longer than `most_bytes`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REGARD_")}
    python = ["-m", "regard"] if most_bytes is None else ["-c", LIMITED, str(most_bytes)]
    return subprocess.Popen(
        [sys.executable, *python, "collections", *map(str, words), "--home", str(home)],
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(home: Path, *words: object, most_bytes: int | None = None) -> tuple[int, str, str]:
    with regard(home, *words, most_bytes=most_bytes) as process:
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


@pytest.fixture(scope="module")
def embeddings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of embeddings of 16 numbers."""
    numbers = np.random.default_rng(0).standard_normal(MANY * 16, np.float32)
    file = tmp_path_factory.mktemp("files") / "embeddings.parquet"
    pq.write_table(pa.table({"embedding": pa.FixedSizeListArray.from_arrays(pa.array(numbers), 16)}), file)
    return file


@pytest.fixture
def few(embeddings: Path, tmp_path: Path) -> Path:
    """The first 20,000 of them."""
    pq.write_table(pq.read_table(embeddings).slice(0, 20_000), tmp_path / "few.parquet")
    return tmp_path / "few.parquet"


def import_words(file: Path) -> tuple[object, ...]:
    return ("import", file, "--as", "people", "--face-model", "toy-1")


def count(home: Path, table: str = "faces") -> int:
    """Rows, read beside whoever writes."""
    try:
        with closing(sqlite3.connect(f"file:{home / 'regard.db'}?mode=ro", uri=True)) as db:
            return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
    except sqlite3.OperationalError:
        return 0  # not made yet


def check_whole(home: Path) -> None:
    opened = database.open(f"sqlite:///{home / 'regard.db'}")
    try:
        follower = IndexSync(opened, feeds_of(EmbeddedIndex(), EmbeddedIndex()))
        follower.rebuild()
        assert follower.agreement() == []
    finally:
        opened.close()


def test_a_running_server_sees_what_was_imported_and_serves_meanwhile(
    live: Live, client: Any, collection: str, tmp_path: Path
) -> None:
    picture = {"Bytes": encoded(crowd(2, 2, 100), quality=95)}
    ids = {
        record["Face"]["FaceId"] for record in client.index_faces(CollectionId=collection, Image=picture)["FaceRecords"]
    }
    client.create_user(CollectionId=collection, UserId="ada")
    client.associate_faces(CollectionId=collection, UserId="ada", FaceIds=[min(ids)])
    home, file = live.engine.settings.home, tmp_path / "faces.parquet"
    code, _, err = run(home, "export", collection, file)
    assert code == 0, err
    code, _, err = run(home, "import", file, "--as", "moved")
    assert code == 0, err
    assert client.describe_collection(CollectionId="moved")["FaceCount"] == 4
    found = client.search_faces_by_image(CollectionId="moved", Image=picture, FaceMatchThreshold=99)["FaceMatches"]
    assert {match["Face"]["FaceId"] for match in found} <= ids
    assert found
    (match,) = client.search_users(CollectionId="moved", FaceId=min(ids))["UserMatches"]
    assert match["User"]["UserId"] == "ada"
    assert live.engine.index_sync.agreement() == []
    assert run(home, "verify", "moved")[0] == 0
    code, _, err = run(home, "rebuild", "moved")
    assert (code, "Stop the server" in err) == (1, True)
    client.delete_collection(CollectionId="moved")


def test_an_import_that_was_killed_goes_on(embeddings: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with regard(home, *import_words(embeddings)) as process:
        deadline = time.monotonic() + 60
        while count(home) == 0:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    there = count(home)
    assert 0 < there <= MANY
    code, out, err = run(home, *import_words(embeddings))
    assert code == 0, err
    assert f"Imported {MANY - there:,} faces" in out
    assert count(home) == MANY
    check_whole(home)


def test_ctrl_c_says_how_to_go_on(embeddings: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with regard(home, *import_words(embeddings)) as process:
        while count(home, "collections") == 0 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Run the same command to resume." in err


def test_on_a_full_disk_an_import_stores_whole_batches_and_goes_on(embeddings: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    code, out, err = run(home, *import_words(embeddings), most_bytes=8_000_000)
    assert (code, out) == (1, "")
    assert "Error: " in err
    assert "Run the same command to resume." in err
    there = count(home)
    assert there < MANY
    code, out, err = run(home, *import_words(embeddings))
    assert code == 0, err
    assert f"Imported {MANY - there:,} faces" in out


def test_on_a_full_disk_an_export_leaves_nothing(few: Path, tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "out" / "people.parquet"
    file.parent.mkdir()
    assert run(home, *import_words(few))[0] == 0
    code, _, err = run(home, "export", "people", file, most_bytes=500_000)
    assert code == 1
    assert "File too large" in err
    assert list(file.parent.iterdir()) == []
    assert run(home, "export", "people", file)[0] == 0
    with regard(home, "export", "people", file, "--replace") as process:
        while not list(file.parent.glob("*.part")) and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    assert pq.read_metadata(file).num_rows == 20_000  # this one or the one before
    assert run(home, "export", "people", file, "--replace")[0] == 0
    assert [path.name for path in file.parent.iterdir()] == ["people.parquet"]
